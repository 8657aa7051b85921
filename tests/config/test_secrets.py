"""Secrets: their files, who else may read these, and where secrets do not show."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import ConfigSource, ConfigType, Configuration, Scope, check_configs, load
from chronik.config.describing import describe_broker
from chronik.config.registry import password, registry
from chronik.config.secret_files import SECRET_BYTES_MAX, check_secret_file, exposure, read_secret
from chronik.config.secret_settings import set_twice
from chronik.config.secrets import HIDDEN, Secret
from chronik.config.values import format_value, parse_value
from chronik.errors import ConfigurationError, ErrorCode, KafkaError

CANARY = "canary-4711"


class SecretTests(SynchronousTestCase):
    """A text that does not show itself."""

    def test_repr(self) -> None:
        """Neither it nor what holds it shows it; it is the text all the same."""
        secret = Secret(CANARY)
        self.assertEqual((HIDDEN, f"{{'a': {HIDDEN}}}", CANARY, CANARY), (repr(secret), repr({"a": secret}), secret, f"{secret}"))

    def test_traceback_with_locals(self) -> None:
        """Nor does a verbose traceback, which shows the locals of every frame."""

        def fail(secret: str) -> None:
            raise ValueError("no")

        try:
            fail(Secret("canary-" + str(0x126E)))  # written nowhere: tracebacks show lines and globals too
        except ValueError:
            failure = Failure(captureVars=True)
        self.assertIn("secret", failure.getTraceback(detail="verbose"))
        self.assertNotIn("canary-4718", failure.getTraceback(detail="verbose"))

    def test_values(self) -> None:
        """A value of type PASSWORD is one; spaces around it count only in what a file held."""
        value = parse_value(ConfigType.PASSWORD, f" {CANARY} ")
        self.assertIsInstance(value, Secret)
        self.assertEqual((CANARY, " x "), (value, parse_value(ConfigType.PASSWORD, Secret(" x "))))
        self.assertEqual(CANARY, format_value(value))

    def test_keys(self) -> None:
        """Every key of a broker that is a secret has one for its file."""
        keys = registry(Scope.BROKER, {"S": (password("a.password", None, "Opens a.", per_listener=True),)})
        file = keys["a.password.file"]
        self.assertEqual((ConfigType.STRING, True, False, "S"), (file.type, file.per_listener, file.sensitive, file.section))


class FileTests(SynchronousTestCase):
    """Files with secrets."""

    def file(self, content: bytes = CANARY.encode(), mode: int = 0o600) -> str:
        """A file of our own."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def test_content(self) -> None:
        """One newline at the end is an editor's, another is the secret's."""
        for content, secret in ((b"a", "a"), (b"a\n", "a"), (b"a\r\n", "a"), (b" a \n\n", " a \n"), ("ü".encode(), "ü")):
            self.assertEqual((secret, None), read_secret(self.file(content), "refuse"))

    def test_refusals(self) -> None:
        """What cannot be a secret's file is refused in a line that names key and file and not what is in it."""
        for path, problem in (
            ("/nowhere/secret", "No such file"),
            (self.mktemp(), "No such file"),
            (self.file(b""), "is empty"),
            (self.file(b"\n"), "is empty"),
            (self.file(b"\xff\xfe"), "not UTF-8"),
            (self.file(b"x" * (SECRET_BYTES_MAX + 1)), "larger than"),
            (os.path.dirname(self.file()), ""),
        ):
            error = self.assertRaises(ConfigurationError, read_secret, path, "refuse", "some.key.file")
            self.assertIn(f"some.key.file={path}", str(error))
            self.assertIn(problem, str(error))
            self.assertEqual(1, len(str(error).splitlines()))

    def test_permissions(self) -> None:
        """A file that others can read or write is refused, or used with a warning."""
        for mode in (0o604, 0o602, 0o620, 0o666, 0o777):
            path = self.file(mode=mode)
            self.assertEqual(f"mode {mode:04o}", exposure(path))
            error = self.assertRaises(ConfigurationError, check_secret_file, path, "refuse", "ssl.keystore.location")
            self.assertIn(f"ssl.keystore.location={path}", str(error))
            self.assertIn("secret.files.permissions=warn", str(error))
            secret, warning = read_secret(path, "warn")
            self.assertEqual(CANARY, secret)
            self.assertIn(f"{mode:04o}", warning or "")
            self.assertNotIn(CANARY, str(error) + str(warning))
        for mode in (0o600, 0o400, 0o700):
            self.assertIsNone(check_secret_file(self.file(mode=mode), "refuse"))

    def test_groups(self) -> None:
        """A file that root owns may be readable by a group, as mounted secrets are; one of the broker's own user may not."""
        path = self.file(mode=0o640)
        self.assertEqual(None if os.stat(path).st_uid == 0 else "mode 0640", exposure(path))
        if os.getuid() == 0:
            os.chown(path, 4711, 4711)
            self.assertEqual("mode 0640", exposure(path))


def _secrets_of(seam: str, name: str) -> tuple[str, ...]:
    return ("password",) if (seam, name) == ("auth", "ldap") else ()


class LoadingTests(SynchronousTestCase):
    """Secrets among the settings; those of plugins are as the maker says."""

    OPTION = "plugin.auth.ldap.password"

    def load(self, sets: dict[str, str], text: str = "", mode: int = 0o600) -> Configuration:
        """A configuration of flags and a file."""
        path = Path(self.mktemp() + ".properties")
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return load(sets, {}, str(path), _secrets_of)

    def secret_file(self, mode: int = 0o600) -> str:
        """A file with the secret."""
        path = Path(self.mktemp())
        path.write_text(CANARY + "\n", encoding="utf-8")
        path.chmod(mode)
        return str(path)

    def test_file(self) -> None:
        """The file's content is the option; the name of the file is none."""
        config = self.load({self.OPTION + ".file": self.secret_file(), "plugin.auth.ldap.url": "x"})
        self.assertEqual({"password": CANARY, "url": "x"}, dict(config.plugin_options("auth", "ldap")))
        self.assertEqual((), config.warnings)
        self.assertNotIn(CANARY, repr(config))

    def test_other_options(self) -> None:
        """An option of another name that ends so is the plugin's own."""
        config = self.load({"plugin.auth.ldap.users.file": "/x", "plugin.auth.other.password.file": "/y"})
        self.assertEqual({"users.file": "/x"}, dict(config.plugin_options("auth", "ldap")))
        self.assertEqual({"password.file": "/y"}, dict(config.plugin_options("auth", "other")))

    def test_both(self) -> None:
        """A secret and its file, in whatever places they are set, are one too many."""
        error = self.assertRaises(ConfigurationError, self.load, {self.OPTION: CANARY}, f"{self.OPTION}.file={self.secret_file()}\n")
        self.assertIn(f"{self.OPTION} and {self.OPTION}.file are both set", str(error))
        self.assertNotIn(CANARY, str(error))

    def test_flag(self) -> None:
        """A secret among the process's arguments is warned of; a file's name is not."""
        (warning,) = self.load({self.OPTION: CANARY}).warnings
        self.assertIn(f"set {self.OPTION}.file", warning)
        self.assertNotIn(CANARY, warning)

    def test_configuration_file(self) -> None:
        """A configuration file with a secret in it is a file with secrets; without one everybody may read it."""
        text = f"{self.OPTION}={CANARY}\n"
        error = self.assertRaises(ConfigurationError, self.load, {}, text, 0o644)
        self.assertRegex(str(error), "^the configuration file [^=]+ holds secrets")
        self.assertNotIn(CANARY, str(error))
        (warning,) = self.load({}, text + "secret.files.permissions=warn\n", 0o644).warnings
        self.assertIn("0644", warning)
        self.assertEqual((), self.load({}, "num.partitions=3\n", 0o644).warnings)
        self.assertEqual((), self.load({}, text).warnings)

    def test_permissions(self) -> None:
        """The key decides for the files of secrets too, from wherever it is set."""
        file = self.secret_file(0o644)
        error = self.assertRaises(ConfigurationError, self.load, {self.OPTION + ".file": file})
        self.assertIn("0644", str(error))
        (warning,) = self.load({self.OPTION + ".file": file, "secret.files.permissions": "warn"}).warnings
        self.assertIn("0644", warning)
        self.assertRaises(ConfigurationError, self.load, {"secret.files.permissions": "ignore"})


class BrokerKeyTests(SynchronousTestCase):
    """Secrets among the broker's own keys, at the start and at run time."""

    KEY = "listener.name.inside.ssl.key.password"

    def secret_file(self, text: str = CANARY, mode: int = 0o600) -> str:
        """A file with the secret."""
        path = Path(os.path.abspath(self.mktemp()))
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return str(path)

    def test_at_the_start(self) -> None:
        """A listener's own secret of a file is that listener's; no representation of the configuration shows it."""
        listeners = {"listeners": "INSIDE://127.0.0.1:0", "listener.security.protocol.map": "INSIDE:SSL"}
        config = load({f"{self.KEY}.file": self.secret_file(), **listeners}, {"CHRONIK_SSL_KEY_PASSWORD": "another"})
        self.assertEqual((CANARY, "another"), (config.for_listener("INSIDE").get("ssl.key.password"), config.get("ssl.key.password")))
        self.assertEqual((), config.warnings)
        for shown in (repr(config), repr(config.for_listener("INSIDE")), repr(config.layers), repr(config.get("ssl.key.password"))):
            self.assertNotIn(CANARY, shown)
            self.assertNotIn("another", shown)
        error = self.assertRaises(ConfigurationError, load, {f"{self.KEY}.file": self.secret_file(), self.KEY: CANARY}, {})
        self.assertIn(f"{self.KEY} and {self.KEY}.file are both set", str(error))

    def test_described(self) -> None:
        """DescribeConfigs tells that there is one, and where from, and not which; both can be changed at run time."""
        config = load({f"{self.KEY}.file": self.secret_file(), "ssl.key.password.file": self.secret_file()}, {})
        told = {each.name: each for each in describe_broker(config)}
        for name in (self.KEY, "ssl.key.password"):
            secret = told[name]
            self.assertEqual((None, True, False, ConfigSource.STATIC_BROKER), (secret.value, secret.sensitive, secret.read_only, secret.source))
            self.assertEqual({None}, {synonym.value for synonym in secret.synonyms})
        self.assertEqual(["ssl.key.password"], [s.name for s in told[self.KEY].synonyms if s.name != self.KEY])
        self.assertNotIn(CANARY, repr(list(told.values())))
        self.assertEqual({True}, {told[name].read_only for name in ("password.encoder.secret", "password.encoder.old.secret.file")})

    def test_stored_at_run_time(self) -> None:
        """A secret, and the name of its file, are subject to the rules of every other key; what those refuse is not told."""
        for name, value in ((self.KEY, Secret(CANARY)), (f"{self.KEY}.file", "/etc/secret")):
            check_configs(Scope.BROKER, "1", {}, {name: value}, Configuration())
            check_configs(Scope.BROKER, "1", {name: value}, {}, Configuration())
            bare = name.replace("listener.name.inside.", "")
            for resource, wrong in (("", name), ("1", bare), ("1", "password.encoder.secret"), ("1", "plain.sasl.jaas.config")):
                error = self.assertRaises(KafkaError, check_configs, Scope.BROKER, resource, {}, {wrong: value}, Configuration())
                self.assertEqual(ErrorCode.INVALID_REQUEST, error.code)
                self.assertNotIn(CANARY, error.message)

    def test_no_text(self) -> None:
        """Half of a character is no secret: it could not be encrypted, nor handed to anybody."""
        error = self.assertRaises(KafkaError, check_configs, Scope.BROKER, "1", {}, {self.KEY: Secret(f"{CANARY}\ud800")}, Configuration())
        self.assertEqual((ErrorCode.INVALID_CONFIG, True), (error.code, HIDDEN in error.message))
        self.assertNotIn(CANARY, error.message)

    def test_names(self) -> None:
        """Nor is a name with half of a character one, of any key: it could not be stored."""
        for name, value in (("listener.name.\ud800.ssl.key.password", Secret(CANARY)), ("listener.name.\ud800.ssl.keystore.location", "/k")):
            error = self.assertRaises(KafkaError, check_configs, Scope.BROKER, "1", {}, {name: value}, Configuration())
            self.assertEqual((ErrorCode.INVALID_CONFIG, True), (error.code, "\\ud800" in error.message))

    def test_both(self) -> None:
        """A secret and its file are not both set, though two changes had it so."""
        both = {self.KEY: "as it is stored", f"{self.KEY}.file": "/etc/secret"}
        error = self.assertRaises(KafkaError, check_configs, Scope.BROKER, "1", {self.KEY: "as it is stored"}, both, Configuration())
        self.assertEqual((ErrorCode.INVALID_CONFIG, True), (error.code, "both set" in error.message))

    def test_encrypted(self) -> None:
        """A secret as it is stored counts as not set: it is no password. One that was decrypted wins over what the broker was started with."""
        static = load({"ssl.key.password": "old"}, {})
        for text, wanted in (("chronik-aes256gcm-1:AAAA", "old"), (Secret(" x "), " x ")):
            self.assertEqual(wanted, static.with_dynamic({}, {"ssl.key.password": text}).get("ssl.key.password"))

    def test_set_twice(self) -> None:
        """A secret and its file in different places are one too many; a secret of a file, and another of that name or another file, are not."""
        file, other = f"{self.KEY}.file", "listener.name.outside.ssl.key.password"
        of_file = {self.KEY: Secret(CANARY), file: "/etc/secret"}
        for one, another, twice in (
            ({self.KEY: CANARY}, of_file, True),
            ({self.KEY: CANARY}, {file: "/etc/secret"}, True),
            ({self.KEY: CANARY}, {self.KEY: "x"}, False),
            ({file: "/etc/secret"}, of_file, False),
            ({other: CANARY}, of_file, False),
            ({}, of_file, False),
            ({"nothing": CANARY}, {"nothing.file": "/x"}, False),
        ):
            wanted = [f"{self.KEY} and {file} are both set: set one of them"] if twice else []
            self.assertEqual((wanted, wanted), (list(set_twice(one, another)), list(set_twice(another, one))))

    def test_file_at_run_time(self) -> None:
        """A file that is named at run time wins over what the broker was started with; one that cannot be used is as if it were not named."""
        static = load({"ssl.key.password.file": self.secret_file("old")}, {})
        changed = static.with_dynamic({}, {"ssl.key.password.file": self.secret_file("new"), f"{self.KEY}.file": self.secret_file("own")})
        passwords = [config.get("ssl.key.password") for config in (static, changed, changed.for_listener("INSIDE"))]
        self.assertEqual(["old", "new", "own"], passwords)
        broken = static.with_dynamic({}, {"ssl.key.password.file": "/nowhere/secret"})
        self.assertEqual("old", broken.get("ssl.key.password"))
        (warning,) = broken.warnings
        self.assertIn("/nowhere/secret", warning)
        self.assertEqual((), broken.with_dynamic({}, {}).warnings)


class ListenerKeyTests(SynchronousTestCase):
    """Keys of one listener that are set at run time, as kafka-configs sets them."""

    def check(self, resource: str, **texts: str) -> None:
        """Whether this may be set; underscores stand for dots."""
        check_configs(Scope.BROKER, resource, {}, {name.replace("_", "."): text for name, text in texts.items()}, Configuration())

    def test_rules(self) -> None:
        """They are checked as the keys themselves: type, update mode, and whether a listener may have them at all."""
        self.check("1", listener_name_inside_ssl_client_auth="required")
        for resource, name, text, problem in (
            ("1", "listener.name.inside.ssl.client.auth", "perhaps", "Invalid value perhaps"),
            ("1", "listener.name.inside.node.id", "5", "Cannot update these configs dynamically: [listener.name.inside.node.id]"),
            ("1", "listener.name.inside.nothing", "5", "Cannot update these configs dynamically"),
            ("1", "listener.name.inside.log.retention.ms", "5", "log.retention.ms cannot be set for one listener"),
            ("1", "ssl.keystore.location", "/x", "only per-listener using the listener prefix: [ssl.keystore.location]"),
            ("", "listener.name.inside.ssl.keystore.location", "/x", "Cannot update these configs for all brokers at once"),
        ):
            error = self.assertRaises(KafkaError, check_configs, Scope.BROKER, resource, {}, {name: text}, Configuration())
            self.assertIn(problem, error.message)

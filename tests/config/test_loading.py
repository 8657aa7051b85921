"""From flags, environment and file to a configuration."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from chronik.config import ConfigSource, Configuration, load
from chronik.config.broker_keys import ALIASES, BROKER_KEYS
from chronik.config.kafka_keys import CLASSES, KAFKA_ONLY
from chronik.config.loading import VARIABLES
from chronik.errors import ConfigurationError


class LoadingTests(SynchronousTestCase):
    """Sources and their order."""

    def load(self, text: str, suffix: str = ".properties", **environ: str) -> Configuration:
        """The configuration of a file."""
        return load({}, environ, self.file(text, suffix))

    def file(self, text: str, suffix: str = ".properties") -> str:
        """A file with this text."""
        path = self.mktemp() + suffix
        Path(path).write_text(text, encoding="utf-8")
        return path

    def refused(self, sets: dict[str, str], file: str | None = None) -> str:
        """The one line in which a configuration is refused."""
        message = str(self.assertRaises(ConfigurationError, load, sets, {}, file))
        self.assertEqual(1, len(message.splitlines()), message)
        return message

    def test_defaults(self) -> None:
        """Nothing set: loopback, a directory here, and every record on disk before it counts."""
        config = load({}, {})
        self.assertEqual(("PLAINTEXT://127.0.0.1:9092",), config.get("listeners"))
        self.assertEqual(("HTTP://127.0.0.1:6092",), config.get("http.listeners"))
        self.assertEqual(("./chronik-data",), config.get("log.dirs"))
        self.assertIs(False, config.get("write.caching"))
        self.assertEqual((), config.warnings)

    def test_authorizer_of_kafka(self) -> None:
        """Kafka's own authorizer is ours, and no other class, nor another authorizer beside it: none of them may leave the broker open unsaid."""
        standard = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
        self.assertEqual("acl", self.load(standard + "super.users=User:a\n").get("authorizer"))
        self.assertEqual("acl", self.load(standard + "authorizer=acl\n").get("authorizer"))
        self.assertEqual("allow-all", self.load("authorizer.class.name=\n").get("authorizer"))
        for other in ("kafka.security.authorizer.AclAuthorizer", "com.example.Mine", "standardauthorizer"):
            message = self.refused({}, self.file(f"authorizer.class.name={other}\n"))
            self.assertIn("authorizer=acl", message)
        for other in ("file", "allow-all"):
            message = self.refused({"authorizer": other}, self.file(standard))
            self.assertIn(f"authorizer={other}", message)
            self.assertIn("remove one", message)

    def test_classes_of_java_that_something_rests_on(self) -> None:
        """A policy that is not asked, or a principal that is not built, is not passed over in silence."""
        keys = ("create.topic.policy.class.name", "alter.config.policy.class.name", "client.quota.callback.class", "principal.builder.class")
        for key in (*keys, "config.providers"):
            message = self.refused({}, self.file(f"{key}=com.example.Mine\n"))
            self.assertIn(f"{key}=com.example.Mine", message)
            self.assertIn("remove the key", message)
            (warning,) = self.load(f"{key}=\n").warnings
            self.assertIn("means nothing", warning)
        default = "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"
        (warning,) = self.load(f"principal.builder.class={default}\n").warnings
        self.assertIn("means nothing", warning)

    def test_keys_of_authorizers_without_one(self) -> None:
        """Whoever names super users and forgot the authorizer is told."""
        for line in ("super.users=User:a\n", "allow.everyone.if.no.acl.found=false\n"):
            (warning,) = self.load(line).warnings
            self.assertIn("authorizer=acl", warning)
            self.assertEqual((), self.load(line + "authorizer=acl\n").warnings)

    def test_order(self) -> None:
        """Flags before environment before file before default."""
        file = self.file("log.dirs=/file\nnum.partitions=3\n")
        environ = {"CHRONIK_LOG_DIRS": "/environ"}
        self.assertEqual(("/flag",), load({"log.dirs": "/flag"}, environ, file).get("log.dirs"))
        self.assertEqual(("/environ",), load({}, environ, file).get("log.dirs"))
        self.assertEqual(("/file",), load({}, {}, file).get("log.dirs"))
        self.assertEqual(3, load({}, environ, file).get("num.partitions"))

    def test_environment(self) -> None:
        """Every key has a variable; one that is nearly such a variable is told, any other is left to whoever else begins theirs like that."""
        self.assertEqual(len(VARIABLES), len(BROKER_KEYS) + len(ALIASES))
        environ = {"CHRONIK_LOG_STORE": "memory", "CHRONIK_NUM_PARTITIONS": "7", "CHRONIK_LOG_DIR": "/alias", "CHRONIK_NODE_ID": "", "PATH": "/bin"}
        config = load({}, environ)
        self.assertEqual(("memory", 7, ("/alias",), 1), tuple(map(config.get, ("log.store", "num.partitions", "log.dirs", "node.id"))))
        self.assertEqual((), config.warnings)
        with self.assertRaisesRegex(ConfigurationError, "num.partitions.*CHRONIK_NUM_PARTITIONS"):
            load({}, {"CHRONIK_NUM_PARTITIONS": "many"})
        self.assertEqual((), load({}, {"CHRONIK_BOOTSTRAP": "x", "CHRONIK_HTTP": "y", "CHRONIK_TEST_LONG": "1"}).warnings)
        (warning,) = load({}, {"CHRONIK_NUM_PARTITION": "7"}).warnings
        self.assertIn("CHRONIK_NUM_PARTITION sets no key; did you mean CHRONIK_NUM_PARTITIONS?", warning)

    def test_source(self) -> None:
        """What was set is static, what was not is a default."""
        config = load({"num.partitions": " 3 "}, {})
        self.assertEqual(ConfigSource.STATIC_BROKER, config.source("num.partitions"))
        self.assertEqual(ConfigSource.DEFAULT, config.source("node.id"))
        self.assertEqual(" 3 ", config.text("num.partitions"))
        self.assertEqual("1", config.text("node.id"))

    def test_refusals_are_one_short_line(self) -> None:
        """Whatever was written, the line that refuses it can be read."""
        for sets in ({"num.partitions": "a" * 100_000}, {"num.partitions": "5\n6"}, {"num\n.partitions\x1b[2J": "5"}, {"k" * 100_000: "5"}):
            message = self.refused(sets)
            self.assertLess(len(message), 500)
            self.assertTrue(message.isprintable(), message)

    def test_listeners_that_would_not_do_what_they_say(self) -> None:
        """No listener at all, a protocol that HTTP is not, an address nobody can connect to."""
        for key, value in (
            ("listeners", ""),
            ("http.listeners", "FTP://127.0.0.1:6092"),
            ("http.listeners", "HTTP://127.0.0.1:6092,SSL://127.0.0.1:6093"),
            ("advertised.listeners", "PLAINTEXT://0.0.0.0:9092"),
            ("advertised.listeners", "PLAINTEXT://[::]:9092"),
        ):
            self.assertIn(key, self.refused({key: value}))
        self.assertEqual((), load({"http.listeners": ""}, {}).http_listeners())

    def test_plugins_of_no_seam(self) -> None:
        """An option of a seam that there is not is a key nobody knows."""
        self.assertIn("plugin.strage.segment.x", self.refused({"plugin.strage.segment.x": "1"}))
        self.assertIn("plugin", self.refused({}, self.file("[plugin]\nstorage = 5\n", ".toml")))

    def test_toml(self) -> None:
        """Quoted keys in one table; numbers, booleans and lists as TOML has them."""
        config = self.load('"num.partitions" = 3\n"log.dirs" = ["/a", "/b"]\n"write.caching" = true\n[plugin.auth.file]\npath = "/x"\n', ".toml")
        self.assertEqual((3, ("/a", "/b"), True), tuple(config.get(name) for name in ("num.partitions", "log.dirs", "write.caching")))
        self.assertEqual({"path": "/x"}, config.plugin_options("auth", "file"))

    def test_toml_without_quotes(self) -> None:
        """A key without quotes is a nested table to TOML; the message shows how to write it."""
        self.assertIn('"num.partitions"', self.refused({}, self.file("num.partitions = 3\n", ".toml")))

    def test_toml_of_odd_types(self) -> None:
        """A date is no value."""
        self.assertIn("node.id", self.refused({}, self.file('"node.id" = 2020-01-01\n', ".toml")))
        self.assertIn("[plugin.auth.NAME]", self.refused({}, self.file("[plugin.auth]\npath = 'x'\n", ".toml")))

    def test_plugin_options(self) -> None:
        """Options of a plugin may come from flags; another plugin's are its own."""
        config = load({"plugin.auth.file.path": "/x", "plugin.storage.s.a.b": "1"}, {})
        self.assertEqual({"path": "/x"}, config.plugin_options("auth", "file"))
        self.assertEqual({"a.b": "1"}, config.plugin_options("storage", "s"))
        self.assertEqual({}, config.plugin_options("auth", "other"))
        self.assertIn("plugin.SEAM.NAME.OPTION", self.refused({"plugin.auth": "x"}))

    def test_unknown_key(self) -> None:
        """Refused, with the nearest one that there is."""
        self.assertIn("did you mean log.retention.ms?", self.refused({"log.retntion.ms": "1"}))
        self.assertIn("reference", self.refused({"zzz": "1"}))

    def test_unknown_key_of_a_file(self) -> None:
        """The message leads to the line."""
        path = self.file("node.id=1\n\nlistners=x\n")
        self.assertIn(f"{path}:3", self.refused({}, path))

    def test_wrong_value(self) -> None:
        """Key, value, what was expected, and where it was written."""
        message = self.refused({"num.partitions": "many"})
        for part in ("num.partitions", "many", "whole number", "at least 1", "--set"):
            self.assertIn(part, message)

    def test_kafka_keys_warn_once_each(self) -> None:
        """Kafka's keys that mean nothing here do not hinder the start."""
        config = load({"num.io.threads": "8", "process.roles": "broker", "listener.name.internal.ssl.x": "1"}, {})
        self.assertEqual(3, len(config.warnings))
        self.assertTrue(any("num.io.threads" in warning for warning in config.warnings))

    def test_every_kafka_key_is_accepted(self) -> None:
        """All of them at once: as many warnings and nothing else."""
        self.assertEqual(len(KAFKA_ONLY - CLASSES.keys()), len(load(dict.fromkeys(KAFKA_ONLY - CLASSES.keys(), "x"), {}).warnings))

    def test_kafkas_own_example(self) -> None:
        """The essential lines of Kafka's server.properties start a broker, without its controller's listener."""
        config = self.load(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
            "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n"
            "advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\ncontroller.listener.names=CONTROLLER\n"
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nnum.network.threads=3\n"
            "socket.send.buffer.bytes=102400\nlog.dirs=/tmp/kraft-combined-logs\nnum.partitions=1\n"
            "offsets.topic.replication.factor=1\ntransaction.state.log.min.isr=1\nlog.retention.hours=168\n"
        )
        self.assertEqual(["PLAINTEXT://:9092"], [str(listener) for listener in config.listeners()])
        self.assertEqual(["PLAINTEXT://localhost:9092"], [str(listener) for listener in config.advertised_listeners()])

    def test_keys_of_zookeeper(self) -> None:
        """What Kafka knew until 4.0 and the configuration of an older broker holds does not hinder the start either."""
        config = self.load(
            "broker.id=0\nzookeeper.connect=localhost:2181\nzookeeper.connection.timeout.ms=18000\ninter.broker.protocol.version=3.9\n"
            "log.message.format.version=3.0\nzookeeper.ssl.keystore.location=/x\n"
        )
        self.assertEqual(5, len(config.warnings))

    def test_older_names(self) -> None:
        """log.dir counts as log.dirs where that is not set, whichever source is stronger."""
        self.assertEqual(("/a",), load({"log.dir": "/a"}, {}).get("log.dirs"))
        self.assertEqual(("/b",), load({"log.dir": "/a", "log.dirs": "/b"}, {}).get("log.dirs"))
        self.assertEqual(("/c",), load({}, {"CHRONIK_LOG_DIRS": "/c"}, self.file("log.dir=/a\n")).get("log.dirs"))

    def test_keys_of_a_listener_and_a_mechanism(self) -> None:
        """A listener's keys about tokens may be written with the mechanism, which wins over the shorter form; other keys may not."""
        url, own = "sasl.oauthbearer.jwks.endpoint.url", "listener.name.a."
        file = self.file(f"{url}=file:///every\n{own}{url}=file:///shorter\n{own}oauthbearer.{url}=file:///longer\n")
        config = load({}, {}, file)
        self.assertEqual(["file:///longer", "file:///every"], [config.for_listener(name).get(url) for name in "Ab"])
        self.assertEqual("file:///flag", load({own + url: "file:///flag"}, {}, file).for_listener("a").get(url))
        self.assertIn("expected", self.refused({f"{own}oauthbearer.{url}": "ftp://x"}))
        self.assertIn("unknown", self.refused({f"oauthbearer.{url}": "file:///x"}))
        for name in (f"{own}plain.{url}", f"{own}oauthbearer.sasl.enabled.mechanisms"):
            self.assertIn("left alone", " ".join(load({name: "file:///x"}, {}).warnings))

    def test_keys_of_no_listener(self) -> None:
        """A key of a listener that there is not is warned of: what it was to change is otherwise than somebody thinks."""
        key = "ssl.client.auth=required\n"
        for listener, warned in (("plaintext", 0), ("http", 0), ("controller", 0), ("plaintxt", 1), ("https", 1)):
            text = f"listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\nlistener.name.{listener}.{key}"
            told = [warning for warning in self.load(text).warnings if "there is no listener" in warning]
            self.assertEqual(warned, len(told), listener)
        self.assertIn("plaintxt", " ".join(self.load(f"listener.name.plaintxt.{key}").warnings))

    def test_stored_keys_warn(self) -> None:
        """A key that is only kept says so once."""
        (warning,) = load({"log.cleaner.enable": "true"}, {}).warnings
        self.assertIn("no effect", warning)

    def test_missing_file(self) -> None:
        """The file is named with the reason."""
        self.assertIn("No such file", self.refused({}, "/nowhere/x.properties"))

    def test_broken_files(self) -> None:
        """A file that is no TOML, or no text."""
        self.assertIn(".toml: ", self.refused({}, self.file("a b c", ".toml")))
        path = self.mktemp()
        Path(path).write_bytes(b"\xff")
        self.assertIn("UTF-8", self.refused({}, path))

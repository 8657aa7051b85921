"""What secrets that are set at run time are encrypted with: what is configured, or what a broker makes for itself."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.config import Configuration
from chronik.config.interfaces import IPasswordEncoder
from chronik.config.secrets import Secret
from chronik.defer import Pool
from chronik.errors import ConfigurationError, ErrorCode, KafkaError
from chronik.metadata.password_encoder import OwnSecret, PasswordEncoder
from chronik.storage.filesystem import RealFileSystem
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.pools import SynchronousThreadPools
from tests.metadata.passwords import make_encoder

CANARY = "canary-4711"
NAME = "listener.name.inside.ssl.key.password"
PATH = "/data/password.encoder.secret"


class EncoderCase(SynchronousTestCase):
    """A disk, and brokers that start one after the other."""

    def setUp(self) -> None:
        """Nothing is there."""
        self.disk = MemoryFileSystem(Random(1))
        self.disk.make_directory("/data")
        self.disk.sync_directory("/")

    def own(self, file_system: Any = None, path: str = PATH, permissions: str = "refuse") -> OwnSecret:
        """What a broker has for itself."""
        return OwnSecret(file_system or self.disk, path, permissions, os.urandom)

    def started(self, own: OwnSecret | None = None, **secrets: str) -> PasswordEncoder:
        """An encoder that can be used."""
        encoder = make_encoder(own, **secrets)
        self.successResultOf(encoder.start())
        return encoder

    def stored(self, encoder: PasswordEncoder, secret: str = CANARY) -> Mapping[str, str]:
        """A secret as it is stored."""
        self.successResultOf(encoder.prepare())
        return encoder.sealed("1", {NAME: Secret(secret)})


class ConfiguredTests(EncoderCase):
    """A secret of the configuration."""

    def test_interface(self) -> None:
        """It is what is promised."""
        verifyObject(IPasswordEncoder, make_encoder())

    def test_round_trip(self) -> None:
        """What one broker stored another reads that has the same secret; what is no secret is left alone, and so is one that is not encrypted yet."""
        texts = {"max.connections": "5", NAME: Secret(CANARY)}
        sealed = self.started(password_encoder_secret="s").sealed("1", texts) | {"ssl.key.password": Secret("new")}
        self.assertNotIn(CANARY, repr(sealed) + "".join(sealed.values()))
        self.assertNotIsInstance(sealed[NAME], Secret)
        opened = self.started(password_encoder_secret="s").opened("1", sealed)
        self.assertEqual(({**texts, "ssl.key.password": "new"}, ()), (opened.texts, opened.warnings))
        self.assertIsInstance(opened.texts[NAME], Secret)

    def test_other_secret(self) -> None:
        """With another secret it counts as not set, and a warning says what to do; so does what was never encrypted."""
        stored = self.stored(self.started(password_encoder_secret="s"))
        for encoder in (self.started(password_encoder_secret="t"), self.started()):
            opened = encoder.opened("1", {**stored, "max.connections": "5", "ssl.key.password": CANARY})
            self.assertEqual({"max.connections": "5"}, opened.texts)
            self.assertIn(f"{NAME} cannot be decrypted", opened.warnings[0])
            self.assertIn("ssl.key.password as it is stored is no encrypted secret", opened.warnings[1])
            self.assertNotIn(CANARY, "".join(opened.warnings))

    def test_rotation(self) -> None:
        """The old secret reads what it encrypted, which is known to be outdated; the new one reads what it encrypted itself."""
        old = self.stored(self.started(password_encoder_secret="old"))
        both = self.started(password_encoder_secret="new", password_encoder_old_secret="old")
        self.assertEqual(({NAME: CANARY}, ()), (both.opened("1", old).texts, both.opened("1", old).warnings))
        self.assertEqual({NAME: CANARY}, both.outdated("1", old))
        new = self.stored(both)
        self.assertEqual({}, both.outdated("1", new))
        self.assertEqual({NAME: CANARY}, self.started(password_encoder_secret="new").opened("1", new).texts)

    def test_shared(self) -> None:
        """Where the metadata are shared a secret has to be configured, and the refusal says so."""
        for encoder in (self.started(), self.started(password_encoder_old_secret="old")):
            for validate_only in (False, True):
                error = self.failureResultOf(encoder.prepare(validate_only), KafkaError).value
                self.assertEqual(ErrorCode.INVALID_REQUEST, error.code)
                self.assertIn("set password.encoder.secret, or password.encoder.secret.file, to the same on every broker", error.message)


class OwnSecretTests(EncoderCase):
    """One that a broker makes for itself."""

    def test_made_when_needed(self) -> None:
        """Nothing is made before a secret is to be set; it is durable then, and the next start reads it."""
        encoder = self.started(self.own())
        self.successResultOf(encoder.prepare(validate_only=True))
        self.assertEqual([], self.disk.list("/data"))
        stored = self.stored(encoder)
        self.assertEqual(32, len(base64.b64decode(self.disk.read_whole(PATH))))
        self.disk.crash()
        again = self.started(self.own())
        self.assertEqual({NAME: CANARY}, again.opened("1", stored).texts)
        before = self.disk.read_whole(PATH)
        self.stored(again)
        self.assertEqual(before, self.disk.read_whole(PATH))

    def test_at_the_same_time(self) -> None:
        """Several that need the first one get the same."""
        pools = WaitingPools()
        encoder = PasswordEncoder(Configuration(), self.own(), pools, os.urandom)
        for asked in (encoder.start(), gatherResults([encoder.prepare(), encoder.prepare()])):
            pools.finish()
            self.successResultOf(asked)
        self.assertEqual({NAME: CANARY}, self.started(self.own()).opened("1", self.stored(encoder)).texts)

    def test_without_it(self) -> None:
        """The metadata alone do not tell the secret; one that is set later is encrypted with a new one."""
        stored = self.stored(self.started(self.own()))
        self.disk.unlink(PATH)
        encoder = self.started(self.own())
        self.assertEqual({}, encoder.opened("1", stored).texts)
        self.assertEqual({NAME: CANARY}, encoder.opened("1", self.stored(encoder)).texts)

    def test_appeared(self) -> None:
        """A file that was put back while the broker runs is used, and not replaced."""
        stored = self.stored(self.started(self.own()))
        data = self.disk.read_whole(PATH)
        self.disk.unlink(PATH)
        encoder = self.started(self.own())
        self.disk.write_whole(PATH, data)
        self.successResultOf(encoder.prepare())
        self.assertEqual({NAME: CANARY}, encoder.opened("1", stored).texts)
        self.assertEqual(data, self.disk.read_whole(PATH))

    def test_configured_later(self) -> None:
        """A secret that is configured later counts from then on; what the broker's own one encrypted can be read still, and is outdated."""
        stored = self.stored(self.started(self.own()))
        encoder = self.started(self.own(), password_encoder_secret="s")
        self.assertEqual(({NAME: CANARY}, {NAME: CANARY}), (encoder.opened("1", stored).texts, encoder.outdated("1", stored)))
        self.assertEqual({NAME: CANARY}, self.started(password_encoder_secret="s").opened("1", self.stored(encoder)).texts)

    def test_broken(self) -> None:
        """A file that is not what was written is refused in one line that names it, at the start and when a secret is to be set."""
        whole = base64.b64encode(b"x" * 32)
        for content in (b"", b"\n", b"\xff\xfe", b"abc", whole[:-4], whole + whole, b"x" * (2 << 20)):
            encoder = self.started(self.own())
            self.disk.write_whole(PATH, content)
            problem = self.failureResultOf(make_encoder(self.own()).start(), ConfigurationError).getErrorMessage()
            error = self.failureResultOf(encoder.prepare(), KafkaError).value
            self.assertEqual((ErrorCode.INVALID_REQUEST, problem), (error.code, error.message))
            self.assertIn(PATH, problem)
            self.assertIn("put back a copy", problem)
            self.assertEqual(1, len(problem.splitlines()))
            self.disk.unlink(PATH)

    def test_broken_and_not_needed(self) -> None:
        """Where a secret is configured it is only warned of."""
        self.disk.write_whole(PATH, b"abc")
        encoder = self.started(self.own(), password_encoder_secret="s")
        self.assertEqual({NAME: CANARY}, encoder.opened("1", self.stored(encoder)).texts)

    def test_disk(self) -> None:
        """A disk that cannot be read refuses the start; one that takes no writes refuses the secret, and the next try may work."""
        encoder = self.started(self.own())
        self.disk.fail("write", "*password*")
        error = self.failureResultOf(encoder.prepare(), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, error.code)
        self.disk.heal()
        self.stored(encoder)
        self.disk.fail("read", "*password*")
        self.assertIn("cannot be read", self.failureResultOf(make_encoder(self.own()).start(), ConfigurationError).getErrorMessage())

    def test_permissions(self) -> None:
        """It is for the broker's user alone; where others may read it, it is refused, or warned of, as every file with secrets is."""
        path = os.path.join(os.path.abspath(self.mktemp()), "secret")
        os.mkdir(os.path.dirname(path))
        own = self.own(RealFileSystem(), path)
        stored = self.stored(self.started(own))
        self.assertEqual(0o600, os.stat(path).st_mode & 0o777)
        os.chmod(path, 0o644)
        problem = self.failureResultOf(make_encoder(own).start(), ConfigurationError).getErrorMessage()
        self.assertIn(f"{path} holds secrets and others than the broker's user may read", problem)
        self.assertEqual({NAME: CANARY}, self.started(self.own(RealFileSystem(), path, "warn")).opened("1", stored).texts)


class WaitingPools(SynchronousThreadPools):
    """Does nothing until it is told to."""

    def __init__(self) -> None:
        self._works: list[Any] = []

    def run(self, pool: Pool, function: Any, *args: Any) -> Deferred[Any]:
        """Remember."""
        begun: Deferred[Any] = Deferred()
        self._works.append(begun)
        return begun.addCallback(lambda _: function(*args))

    def finish(self) -> None:
        """Do all there is, and what comes of it."""
        while self._works:
            self._works.pop(0).callback(None)

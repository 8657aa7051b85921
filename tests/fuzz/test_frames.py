"""Requests that no client sends: they are answered or end their connection, and nobody else notices."""

from __future__ import annotations

import gc
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.apis import ApiKey, api_name
from chronik.protocol.messages import HeartbeatRequest, HeartbeatResponse
from chronik.server.context import RequestContext
from chronik.server.dispatch import RequestDispatcher
from chronik.server.table import api_table
from tests.fuzz.corpus import Corpus
from tests.fuzz.frames import ROUND_FRAMES, Report, Target, attack, samples
from tests.fuzz.memory import MEMORY_BYTES_MAX, resident_bytes
from tests.fuzz.mutation import Mutator
from tests.lengths import length, report, seed

FRAMES = length(4_000, 1_000_000)

FIRST_SEED = seed(1)


def broken(target: Target, key: ApiKey, handler: Any) -> RequestDispatcher:
    """The dispatcher of a target with another handler of one API; connections that come later use it."""
    rows = [replace(api, handler=handler) if api.key == key else api for api in api_table()]
    target.factory.dispatcher = RequestDispatcher(target.broker.services, rows)
    return target.factory.dispatcher


class FrameTests(SynchronousTestCase):
    """All against brokers in memory, in this process."""

    timeout = 14_400

    def check(self, found: Report) -> None:
        """Nothing was found; what was names its frame."""
        self.flushLoggedErrors()
        self.assertEqual([], found.findings[:5], "\n".join(f"{what}\n    frame {frame.hex()[:2000]}" for what, frame in found.findings[:20]))

    def test_finds(self) -> None:
        """What must not be is found: a handler that fails, an answer that cannot be made, an acknowledged record that is not there."""
        (heartbeat,) = (sample for sample in samples() if (sample.api_key, sample.version) == (ApiKey.HEARTBEAT, 4))

        async def fails(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
            raise KeyError(request.group_id)

        async def answers_nonsense(context: RequestContext, request: HeartbeatRequest) -> HeartbeatResponse:
            return HeartbeatResponse(error_code=1 << 20)

        for handler, expected in ((fails, "UNKNOWN_SERVER_ERROR"), (answers_nonsense, "an answer could not be made")):
            found = Report()
            target = Target(found)
            target.broker.dispatcher = broken(target, ApiKey.HEARTBEAT, handler)
            target.send([heartbeat.frame()])
            target.close()
            self.flushLoggedErrors()
            self.assertTrue(any(expected in what and frame[:2] == b"\x00\x0c" for what, frame in found.findings), found.findings)
        found = Report()
        target = Target(found)
        target.check()
        self.assertEqual([], found.findings)
        target.promised.insert(0, b"lost")
        target.check()
        target.close()
        self.assertIn("the calm client", found.findings[0][0])

    def test_corpus(self) -> None:
        """Every frame that once did something new, or harm, is sent again."""
        frames, found = Corpus.load().frames, Report()
        self.assertTrue(frames)
        target = Target(found)
        for number, frame in enumerate(frames):
            target.send([frame], 0.01)
            if number % 50 == 49:
                target.check()
                target.restart()
                target.close()
                target = Target(found)
        target.check()
        target.close()
        self.check(found)

    def test_samples(self) -> None:
        """What everything is made of is valid: each is answered, in every version, and there is one of each."""
        found = Report()
        for sample in samples():
            target = Target(found)
            (outcome,) = target.send([sample.frame()], 1.0)
            target.close()
            self.assertNotIn(outcome, ("ended", "silent"), f"{api_name(sample.api_key)} {sample.version}")
        self.check(found)

    def test_mutated(self) -> None:
        """Every answer can be read, none says UNKNOWN_SERVER_ERROR, nothing unforeseen is logged, the other client has all it was promised."""
        mutator = Mutator(samples(), Corpus.load().frames)
        before, began = resident_bytes(), time.monotonic()
        found = Report()
        for done in range(0, FRAMES, ROUND_FRAMES):
            attack(found, mutator.frame, FIRST_SEED * 1_000_000 + done, min(ROUND_FRAMES, FRAMES - done))
            if found.findings:
                break
        self.check(found)
        self.assertEqual(FRAMES, found.frames)
        gc.collect()
        self.assertLess(resident_bytes() - before, MEMORY_BYTES_MAX)
        versions = Counter(name for name, _, _ in {(name, version, "") for name, version, _ in found.outcomes})
        report(
            f"{found.frames} frames, {len(found.outcomes)} outcomes of {len(versions)} APIs, slowest {found.slowest[0]:.2f} s, "
            f"{(resident_bytes() - before) >> 20} MB more, {time.monotonic() - began:.0f} s"
        )

"""One member's steps towards its target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.coordinator.group.consumer.member import ConsumerMember, MemberState
from chronik.coordinator.group.consumer.reconciliation import Reconciliation
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId
from tests.coordinator.consumer.consumers import T, U, partitions

MEMBER = ConsumerMember("m", epoch=3, previous_epoch=2, assigned={T: {0: 2, 1: 3}})

Taken = Callable[[TopicId, int], bool]


def nobody(topic_id: TopicId, partition: int) -> bool:
    """No partition is taken."""
    return False


class StepTest(SynchronousTestCase):
    """A member in epoch 3 that has ``t-0`` since epoch 2 and ``t-1`` since 3; the target is that of epoch 5."""

    def step(self, member: ConsumerMember = MEMBER, *, epoch: int = 5, target: Any = None, owned: Any = None, **more: Any) -> ConsumerMember:
        """One step."""
        fields: dict[str, Any] = {"subscribed": {T, U}, "resubscribed": False, "is_taken": nobody, **more}
        return Reconciliation(epoch=epoch, target=target or {}, owned=owned, **fields).step(member)

    def test_nothing_to_do(self) -> None:
        """In the epoch of the target nothing is looked at."""
        self.assertIs(self.step(epoch=3), MEMBER)

    def test_same_partitions(self) -> None:
        """It enters the epoch with what it has, and since when it has it."""
        after = self.step(target=partitions(T, 0, 1))
        self.assertEqual((after.epoch, after.previous_epoch, after.state, after.assigned), (5, 3, MemberState.STABLE, {T: {0: 2, 1: 3}}))

    def test_more(self) -> None:
        """What is free is its own at once, as of the new epoch."""
        self.assertEqual(self.step(target=partitions(T, 0, 1, 2)).assigned, {T: {0: 2, 1: 3, 2: 5}})

    def test_taken(self) -> None:
        """What another holds is waited for, in the new epoch."""
        after = self.step(target={**partitions(T, 0, 1, 2), **partitions(U, 0)}, is_taken=lambda topic, _: topic == U)
        self.assertEqual((after.epoch, after.state, after.assigned), (5, MemberState.UNRELEASED_PARTITIONS, {T: {0: 2, 1: 3, 2: 5}}))
        free = self.step(after, target={**partitions(T, 0, 1, 2), **partitions(U, 0)})
        self.assertEqual((free.state, free.assigned[U]), (MemberState.STABLE, {0: 5}))

    def test_still_taken(self) -> None:
        """Asked again with nothing new, it stays as it is, so that nothing is written."""
        after = self.step(target=partitions(T, 0, 1, 2), is_taken=lambda _, partition: partition == 2)
        self.assertIs(self.step(after, target=partitions(T, 0, 1, 2), is_taken=lambda _, partition: partition == 2), after)

    def test_fewer(self) -> None:
        """It has to give up before it may enter the epoch, and takes nothing new until then."""
        after = self.step(target=partitions(T, 1, 2), owned=partitions(T, 0, 1))
        self.assertEqual((after.epoch, after.state), (3, MemberState.UNREVOKED_PARTITIONS))
        self.assertEqual((after.assigned, after.revoking), ({T: {1: 3}}, {T: {0: 2}}))
        for owned in (None, partitions(T, 0, 1)):
            self.assertIs(self.step(after, target=partitions(T, 1, 2), owned=owned), after, "it has not given up yet, or does not say")
        done = self.step(after, target=partitions(T, 1, 2), owned=partitions(T, 1))
        self.assertEqual((done.epoch, done.state, done.assigned, done.revoking), (5, MemberState.STABLE, {T: {1: 3, 2: 5}}, {}))

    def test_given_up_already(self) -> None:
        """What it does not own need not be given up."""
        self.assertEqual(self.step(target=partitions(T, 1), owned=partitions(T, 1)).epoch, 5)

    def test_back_again(self) -> None:
        """A partition that it gave up and that is its own again is taken anew."""
        waiting = replace(MEMBER, state=MemberState.UNREVOKED_PARTITIONS, assigned={T: {1: 3}}, revoking={T: {0: 2}})
        self.assertEqual(self.step(waiting, target=partitions(T, 0, 1), owned=partitions(T, 1)).assigned, {T: {0: 5, 1: 3}})

    def test_not_subscribed(self) -> None:
        """A target of an older subscription gives nothing that the member does not want any more."""
        after = self.step(target={**partitions(T, 0, 1), **partitions(U, 0)}, subscribed={T})
        self.assertEqual(after.assigned, {T: {0: 2, 1: 3}})

    def test_unsubscribed(self) -> None:
        """What the member unsubscribed from is taken away before a new target is there."""
        after = self.step(epoch=3, target=partitions(T, 0, 1), subscribed={U}, resubscribed=True)
        self.assertEqual((after.epoch, after.state, after.assigned, after.revoking), (3, MemberState.UNREVOKED_PARTITIONS, {}, {T: {0: 2, 1: 3}}))
        gone = self.step(epoch=3, target=partitions(T, 0, 1), subscribed={U}, resubscribed=True, owned={})
        self.assertEqual((gone.epoch, gone.state, gone.assigned), (3, MemberState.STABLE, {}))

    def test_unsubscribed_while_it_gives_up(self) -> None:
        """Both have to be given up."""
        waiting = replace(MEMBER, state=MemberState.UNREVOKED_PARTITIONS, assigned={T: {1: 3}, U: {0: 3}}, revoking={T: {0: 2}})
        owned = {**partitions(T, 0, 1), **partitions(U, 0)}
        after = self.step(waiting, subscribed={U}, resubscribed=True, owned=owned)
        self.assertEqual((after.assigned, after.revoking), ({U: {0: 3}}, {T: {0: 2, 1: 3}}))

    def test_unknown_state(self) -> None:
        """A member in a state of a later release begins anew, with nothing in its hands."""
        unknown = replace(MEMBER, state=MemberState.UNKNOWN)
        for owned in (None, partitions(T, 0)):
            error = self.assertRaises(KafkaError, self.step, unknown, target=partitions(T, 0), owned=owned)
            self.assertEqual(error.code, ErrorCode.FENCED_MEMBER_EPOCH)
        after = self.step(unknown, target=partitions(T, 0), owned={})
        self.assertEqual((after.epoch, after.state, after.assigned), (5, MemberState.STABLE, {T: {0: 2}}))

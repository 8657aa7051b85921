"""Which partitions are searched, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.interfaces import IImageObserver
from chronik.model import TopicId
from chronik.search.broker_interfaces import SearchConfig
from chronik.search.feed import HINT_INTERVAL_S, SearchFeed, SearchOff
from chronik.search.feed_messages import Committed
from chronik.storage.interfaces import Extent, IExtentObserver
from tests.search.broker.fakes import FakeBroker, FakePartition


class FeedTests(SynchronousTestCase):
    """:class:`SearchFeed`."""

    def setUp(self) -> None:
        """A feed with a process attached, over a broker with two topics."""
        self.clock = Clock()
        self.broker = FakeBroker()
        (self.logs,) = self.broker.create("logs")
        self.broker.create("off", configs={"search.mode": "off"})
        self.broker.create("__consumer_offsets")
        self.sent: list[dict[str, Any]] = []
        self.feed = SearchFeed(self.clock, self.broker, self.broker, SearchConfig(), ["/one"], self.sent.append)
        self.feed.start()
        self.addCleanup(self.feed.stop)
        self.feed.attach()

    def told(self) -> list[str]:
        """Kinds of what was sent since it was asked last."""
        kinds = [head["type"] for head in self.sent]
        self.sent.clear()
        return kinds

    def test_offline_directories(self) -> None:
        """Indexes that would be in a directory that is offline are elsewhere, all others where they always are."""
        offline: set[str] = set()
        self.feed = SearchFeed(self.clock, self.broker, self.broker, SearchConfig(), ["/a", "/b", "/c"], self.sent.append, lambda: offline)
        self.broker.create("logs", 20)
        self.feed.start()
        self.addCleanup(self.feed.stop)

        def roots() -> list[str]:
            self.sent.clear()
            self.feed.attach()
            *partitions, fed = self.sent
            self.assertEqual([f"{d}/.search" for d in ("/a", "/b", "/c") if d not in offline], fed["roots"])
            return [head["directory"].split("/")[1] for head in partitions]

        before = roots()
        self.assertEqual({"a", "b", "c"}, set(before))
        offline.add("/b")
        self.assertEqual([None if d == "b" else d for d in before], [None if d == "b" else now for d, now in zip(before, roots(), strict=True)])
        self.assertNotIn("b", roots())

    def test_interfaces(self) -> None:
        """The feed and its watches are what they say."""
        verifyObject(IImageObserver, self.feed)
        verifyObject(IExtentObserver, next(iter(self.feed.watches())))

    def test_attach(self) -> None:
        """A new process is told of each searched partition, then that this was all; internal topics and those switched off are left out."""
        first, last = self.sent
        self.assertEqual((first["topic"], first["mode"], first["fast"], first["extents"]), ("logs", "json", True, ((0, None, 0),)))
        self.assertEqual(first["directory"], f"/one/.search/{first['topic_id']}/0")
        self.assertEqual(last, {"type": "fed", "roots": ["/one/.search"]})

    def test_searches(self) -> None:
        """Topics are searched that exist, are not internal and not switched off."""
        names = ("logs", "off", "nowhere", "__consumer_offsets")
        self.assertEqual([name for name in names if self.feed.searches(name)], ["logs"])

    def test_bundles(self) -> None:
        """Many commits of a moment are told at once, as they are then."""
        self.told()
        for _ in range(5):
            self.logs.append([b"x"] * 10)
        self.assertEqual(self.told(), [])
        self.clock.advance(HINT_INTERVAL_S)
        self.assertEqual(self.sent, [{"type": "committed", "partitions": [[0, 0, 50, 50]]}])
        self.clock.advance(1)
        self.assertEqual(self.told(), ["committed"])

    def test_nothing_without_a_process(self) -> None:
        """While there is none nothing is sent; the next one is told everything."""
        self.feed.detach()
        self.told()
        self.logs.append([b"x"])
        self.broker.create("more")
        self.clock.advance(1)
        self.assertEqual(self.told(), [])
        self.feed.attach()
        self.assertEqual(self.told(), ["partition", "partition", "fed"])

    def test_asked_for_what_is_not_here(self) -> None:
        """Partitions that cannot be searched are named, with why."""
        found = self.broker.get_by_id
        self.broker.get_by_id = self.refuse  # type: ignore[method-assign]
        self.broker.create("late")
        (topic,) = self.feed.asked(["late"])
        self.assertEqual(((), ((0, "NOT_LEADER_OR_FOLLOWER: led by another broker"),)), (topic.partitions, topic.missing))
        self.broker.get_by_id = found  # type: ignore[method-assign]
        self.assertEqual(((0, "it is being opened"),), self.feed.asked(["late"])[0].missing)

    def test_led_late(self) -> None:
        """A partition that is not led yet when its topic is heard of is searched once it is led."""
        found = self.broker.get_by_id
        self.broker.get_by_id = self.refuse  # type: ignore[method-assign]
        (late,) = self.broker.create("late")
        self.told()
        self.broker.get_by_id = found  # type: ignore[method-assign]
        self.feed.partition_led(self.broker.image.topics["late"].topic_id, late)
        self.assertEqual(["partition"], self.told())

    def refuse(self, topic_id: TopicId, partition: int) -> FakePartition:
        """Somebody else leads it."""
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "led by another broker")

    def test_removed_replica(self) -> None:
        """A partition of which this broker has no replica any more is forgotten, whatever became of the log that was watched."""
        topic = self.broker.image.topics["logs"]
        feed = SearchFeed(self.clock, self.broker, self.broker, SearchConfig(broker_id=1), ["/one"], self.sent.append)
        feed.start()
        self.addCleanup(feed.stop)
        feed.attach()
        for replicas, count in (((1, 2), 1), ((2,), 0)):
            self.broker.change(replace(topic, partitions=(replace(topic.partitions[0], replicas=replicas),)))
            self.assertEqual(count, len(list(feed.watches())))

    def test_led_anew(self) -> None:
        """A partition that is led over another log is watched there, and its extents are told; one that is not searched is no concern of it."""
        self.told()
        topic = self.broker.image.topics["logs"]
        new = FakePartition(self.broker, topic, 0)
        self.feed.partition_led(topic.topic_id, new)
        self.assertEqual(["partition"], self.told())
        self.assertEqual(([], 1), (self.logs.observers, len(new.observers)))
        self.assertEqual(([], 1), (self.logs.listeners, len(new.listeners)))
        self.feed.partition_led(topic.topic_id, new)
        off = self.broker.image.topics["off"]
        self.feed.partition_led(off.topic_id, FakePartition(self.broker, off, 0))
        self.assertEqual([], self.told())

    def test_topics(self) -> None:
        """Topics that are created, changed, switched off and on, deleted."""
        self.told()
        self.broker.create("new", 2)
        self.assertEqual(self.told(), ["partition", "partition"])
        self.broker.configure("new", {"search.fast": "false"})
        self.assertEqual([(h["type"], h["fast"]) for h in self.sent], [("partition", False)] * 2)
        self.told()
        self.broker.configure("new", {"search.mode": "off"})
        self.assertEqual(self.told(), ["deleted", "deleted"])
        self.broker.configure("off", {"search.mode": "text"})
        self.assertEqual(self.sent[0]["mode"], "text")
        self.told()
        self.broker.delete("logs")
        self.assertEqual(self.sent, [{"type": "deleted", "feed": 0}])
        self.assertEqual((self.logs.listeners, self.logs.observers), ([], []))

    def test_extents(self) -> None:
        """What happens to extents is passed on in order, at once."""
        (observer,) = self.logs.observers
        self.told()
        observer.extent_sealed(self.logs, Extent(0, 10, 0))
        observer.extent_opened(self.logs, Extent(10, None, 0))
        observer.extent_rewritten(self.logs, Extent(0, 10, 1))
        observer.truncated(self.logs, 7, 3)
        told = [(h["type"], h.get("event")) for h in self.sent]
        self.assertEqual(told, [("extent", "sealed"), ("extent", "opened"), ("extent", "rewritten"), ("truncated", None)])
        self.told()
        observer.start_advanced(self.logs, 5)
        self.clock.advance(1)
        self.assertEqual(self.told(), ["committed"])
        observer.deleted(self.logs)
        self.assertEqual(self.told(), ["deleted"])

    def test_resume(self) -> None:
        """An index is told up to where the log agrees (KIP-101)."""
        self.logs.append([b"x"] * 100)
        self.told()
        for ends, offset, agreed in (({}, 99, 100), ({}, 49, 50), ({1: 30}, 99, 30), ({}, 199, 100)):
            self.logs.epoch_ends = ends
            self.feed.resume(0, 1, offset)
            self.assertEqual(self.sent.pop(), {"type": "truncated", "feed": 0, "offset": agreed})
        self.logs.end_offset_for_epoch = lambda epoch: (-1, -1)  # type: ignore[method-assign]
        self.feed.resume(0, 1, 99)
        self.assertEqual(self.sent.pop()["offset"], 0)
        self.feed.resume(77, 1, 99)
        self.assertEqual(self.sent, [])

    def test_asked(self) -> None:
        """A search goes with what its partitions are at that moment."""
        self.logs.append([b"x"] * 10)
        self.broker.log.stables[self.logs.key] = 4
        (topic,) = self.feed.asked(["logs"])
        self.assertEqual([(p.number, p.committed) for p in topic.partitions], [(0, Committed(0, 0, 4, 10))])
        self.assertRaises(KeyError, self.feed.asked, ["logs", "none"])
        self.assertRaises(SearchOff, self.feed.asked, ["off"])
        self.assertRaises(SearchOff, self.feed.asked, ["__consumer_offsets"])

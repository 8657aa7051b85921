"""Administrators: they create and delete topics, add partitions, change configurations, remove records and groups, and look what came of it."""

from __future__ import annotations

from typing import Final

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.protocol.messages import (
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteGroupsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
)
from chronik.record.build import NewRecord, build_batch
from chronik.testing.group_history import NOTHING, Value
from chronik.testing.history import PLAIN, Record
from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.fetching import FIRST_VERSION_WITH_TOPIC_IDS, Reader, read_all
from chronik.testing.simulation.members import Lost, Member
from chronik.testing.simulation.producers import produce_request, value_of
from chronik.testing.simulation.stage import Stage

TOPIC_RESOURCE: Final = 2
SET: Final = 0

RETENTION_BYTES: Final = "retention.bytes"
"""What is configured again and again: so much that nothing is ever removed because of it."""

KEPT_BYTES: Final = (1 << 40, 2 << 40, 5 << 40)

BEYOND_SHARE: Final = 0.1
"""Of attempts to remove records, those that ask for some that are not committed yet."""

EVERYTHING: Final = 1 << 60
"""An offset behind all that there will be."""

LATE_SECONDS: Final = 15.0
"""A request whose answer did not come has been carried out by then, or never is."""

PARTITIONS_MAX: Final = 5

BEHIND_MAX: Final = 100
"""Looks at an old view of a topic in a row: several seconds' worth."""


class Admin:
    """What all of them can do."""

    def __init__(self, stage: Stage, client: ClusterClient, pause: float) -> None:
        self.stage = stage
        self.client = client
        self.pause = pause

    async def rest(self) -> None:
        """Do nothing for a while."""
        await self.client.sleep(self.pause * self.client.random.expovariate(1.0))

    async def run(self) -> None:
        """Work until the play is over."""
        while not self.stage.closing and not self.stage.over:
            try:
                await self.work()
                await self.rest()
            except (Unavailable, Lost):
                await self.client.backoff()

    async def work(self) -> None:
        """One piece of work.

        :raises Unavailable: somebody does not answer.
        """
        raise NotImplementedError

    async def configure(self, topic: str, key: str, value: str) -> None:
        """Set one key of a topic.

        :raises Unavailable: nobody does that now.
        """
        change = IncrementalAlterConfigsRequest.AlterableConfig(name=key, config_operation=SET, value=value)
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=TOPIC_RESOURCE, resource_name=topic, configs=(change,))
        response = await self.client.ask_controller(IncrementalAlterConfigsRequest(resources=(resource,)))
        self.outcome("IncrementalAlterConfigs", response.responses[0].error_code)

    async def delete_records(self, leader: int, topic: str, partition: int, offset: int) -> ErrorCode:
        """Ask for all records below an offset to be removed, -1 for all that are committed; what is told.

        :raises Unavailable: it is not known what became of it.
        """
        part = DeleteRecordsRequest.DeleteRecordsPartition(partition_index=partition, offset=offset)
        wanted = DeleteRecordsRequest.DeleteRecordsTopic(name=topic, partitions=(part,))
        response = await self.client.ask(leader, DeleteRecordsRequest(topics=(wanted,), timeout_ms=3_000))
        (answer,) = response.topics[0].partitions
        return self.client.error("DeleteRecords", answer.error_code)

    def outcome(self, kind: str, code: int, *accepted: ErrorCode) -> ErrorCode:
        """Note an answer's error.

        :param accepted: what may be told after an attempt whose answer was lost.
        :raises Unavailable: try again.
        """
        error = self.client.error(kind, code)
        if error is ErrorCode.NONE or error in accepted:
            return error
        if error is ErrorCode.NOT_CONTROLLER:
            self.client.controller_id = -1
        if not error.retriable:
            self.stage.ledger.finding(f"{self.client.name} was told {error.name} by {kind}")
        raise Unavailable(f"{kind}: {error.name}")

    async def create(self, name: str, partitions: int, replication: int, configs: dict[str, str], again: bool) -> None:
        """Create a topic.

        :param again: an attempt before may have been carried out.
        :raises Unavailable: it is not known whether it was.
        """
        given = tuple(CreateTopicsRequest.CreatableTopicConfig(name=key, value=value) for key, value in configs.items())
        topic = CreateTopicsRequest.CreatableTopic(name=name, num_partitions=partitions, replication_factor=replication, configs=given)
        response = await self.client.ask_controller(CreateTopicsRequest(topics=(topic,), timeout_ms=3_000))
        accepted = (ErrorCode.TOPIC_ALREADY_EXISTS,) if again else ()
        # Brokers that are just starting are not there yet.
        error = self.outcome("CreateTopics", response.topics[0].error_code, *accepted, ErrorCode.INVALID_REPLICATION_FACTOR)
        if error is ErrorCode.INVALID_REPLICATION_FACTOR:
            raise Unavailable("there are too few brokers yet")

    async def configured(self, name: str) -> int | None:
        """The ``retention.bytes`` that a topic was given; None for none.

        :raises Unavailable: that cannot be found out now.
        """
        resource = DescribeConfigsRequest.DescribeConfigsResource(
            resource_type=TOPIC_RESOURCE, resource_name=name, configuration_keys=(RETENTION_BYTES,)
        )
        response = await self.client.ask_controller(DescribeConfigsRequest(resources=(resource,)))
        if self.client.may_be_old:
            self.client.controller_id = -1
            raise Unavailable("the controller may be another one")
        self.outcome("DescribeConfigs", response.results[0].error_code)
        (config,) = response.results[0].configs
        return int(config.value) if config.config_source == 1 else None

    async def created(self, name: str, partitions: int, replication: int, configs: dict[str, str] | None = None) -> TopicId:
        """Create a topic, however long it takes; its id."""
        again = False
        while True:
            try:
                await self.create(name, partitions, replication, configs or {}, again)
                await self.client.refresh([name])
                return self.client.topics[name].topic_id
            except (Unavailable, KeyError):
                again = True
                await self.client.backoff()


class Librarian(Admin):
    """Adds partitions to a topic and changes its configuration, and looks what became of it."""

    def __init__(self, stage: Stage, client: ClusterClient, topic: str, pause: float) -> None:
        super().__init__(stage, client, pause)
        self._topic = topic
        self._count = 0
        self._asked = 0
        self._behind = 0
        self._changes = 0

    async def work(self) -> None:
        """One change."""
        if self.client.random.random() < 0.3:
            await self._grow()
        else:
            await self._configure()

    async def _grow(self) -> None:
        await self.client.refresh([self._topic])
        topic = self.client.topics.get(self._topic)
        if topic is None or len(topic.leaders) < self._count:
            # A broker that was asked may lag, but not for long.
            self._behind += 1
            if self._behind > BEHIND_MAX:
                self.stage.ledger.finding(f"{self._topic} had {self._count} partitions, and has {topic and len(topic.leaders)}")
            raise Unavailable("an old view of the topic")
        self._behind = 0
        count = len(topic.leaders) + 1
        if count > PARTITIONS_MAX:
            return
        wanted = CreatePartitionsRequest.CreatePartitionsTopic(name=self._topic, count=count, assignments=None)
        # An attempt whose answer was lost may be carried out while the next one is on its way.
        accepted = (ErrorCode.INVALID_PARTITIONS,) if self._asked == count else ()
        self._asked = count
        response = await self.client.ask_controller(CreatePartitionsRequest(topics=(wanted,), timeout_ms=3_000))
        error = self.outcome("CreatePartitions", response.results[0].error_code, ErrorCode.INVALID_REPLICATION_FACTOR, *accepted)
        if error is not ErrorCode.NONE:
            raise Unavailable("there are too few brokers yet" if error is ErrorCode.INVALID_REPLICATION_FACTOR else "it was done before")
        self._count = count

    async def _configure(self) -> None:
        groups = self.stage.ledger.groups
        await self._look()
        self._changes += 1
        value = str(self.client.random.choice(KEPT_BYTES) + self._changes)
        write = groups.writing("configuration of", self._topic, Value(int(value), ""))
        await self.configure(self._topic, RETENTION_BYTES, value)
        groups.written(write)

    async def _look(self) -> None:
        groups = self.stage.ledger.groups
        begun = groups.begin()
        configured = await self.configured(self._topic)
        if self.client.may_lag:
            # It may be the controller no more without having heard of that, nor of what the next one acknowledged.
            return
        groups.read("configuration of", self._topic, begun, NOTHING if configured is None else Value(configured, ""))


class Trimmer(Admin):
    """Removes the oldest records of partitions, and looks that they do not come back."""

    def __init__(self, stage: Stage, client: ClusterClient, topic: str, partitions: int, pause: float) -> None:
        super().__init__(stage, client, pause)
        self._topic = topic
        self._partitions = partitions
        self._reader = Reader(stage, client, sessions=False)
        self._trimmed: dict[int, int] = {}
        self._looks = 0

    async def work(self) -> None:
        """Trim one partition."""
        number = self.client.random.randrange(self._partitions)
        leader, _, topic_id = await self.client.leader(self._topic, number)
        self._looks += 1
        position = await self._reader.position(self._topic, number, f"{self.client.name}/{self._looks}")
        if position.offset < self._trimmed.get(number, 0):
            self.stage.ledger.finding(f"{self._topic}-{number} begins at {position.offset}, it was trimmed to {self._trimmed[number]}")
        await self._reader.fetch({position.key: position}, wait_ms=0)
        if position.high <= 0:
            return
        random = self.client.random
        beyond = random.random() < BEYOND_SHARE
        offset = position.high + random.randint(1, 3) if beyond else random.randint(0, position.high)
        history = self.stage.ledger.history(topic_id)
        self.stage.lifetimes.asked(topic_id, number, offset)
        try:
            error = await self.delete_records(leader, self._topic, number, offset)
        except Unavailable:
            history.forgotten(number, offset)
            raise
        if error is not ErrorCode.OFFSET_OUT_OF_RANGE:
            history.forgotten(number, offset)
        if error is ErrorCode.NONE:
            # Not to the low watermark that is told: it may come of another request, which is not durable yet.
            self._trimmed[number] = max(offset, self._trimmed.get(number, 0))
        else:
            await self.client.refresh([self._topic])


class Nomad(Admin):
    """Creates a topic, writes a little, reads it, deletes it, and does that again under the same name."""

    def __init__(self, stage: Stage, client: ClusterClient, topic: str, replication: int, pause: float) -> None:
        super().__init__(stage, client, pause)
        self._topic = topic
        self._replication = replication
        self._attempts = 0
        self._stays = 0
        self._trimmed_until: dict[int, float] = {}
        self._exists = False
        self._asked = False
        self._old: set[TopicId] = set()

    async def run(self) -> None:
        """Work until the play is over, and then for one stay more: whatever a namesake left behind is not in its way."""
        await super().run()
        stays = self._stays
        while self._stays == stays and not self.stage.over:
            try:
                await self.work()
            except Unavailable:
                await self.client.backoff()

    async def work(self) -> None:
        """One stay."""
        name = self._topic
        if not self._exists:
            try:
                await self.create(name, 2, self._replication, {}, self._asked)
            finally:
                self._asked = True
            self._exists, self._asked = True, False
        await self.client.refresh([name])
        topic = self.client.topics.get(name)
        if topic is None:
            raise Unavailable(f"{name} is not seen yet")
        if topic.topic_id in self._old:
            raise Unavailable(f"{name} is still seen")
        for number, until in self._trimmed_until.items():
            if self.client.reactor.timeline.now < until:
                self.stage.ledger.history(topic.topic_id).forgotten(number, EVERYTHING)
        for n in range(self.client.random.randrange(1, 4)):
            await self._write(n, topic.topic_id)
        self._attempts += 1
        # By name one may be given the records of its namesake, by a broker that has not heard of it yet.
        reader = f"{self.client.name}/{self._attempts}"
        await read_all(self.stage, self.client, name, reader, FIRST_VERSION_WITH_TOPIC_IDS, topic_id=topic.topic_id)
        if self.client.random.random() < 0.5:
            await self._trim(topic.topic_id)
        await self._delete(topic.topic_id)
        self._stays += 1

    async def _write(self, n: int, topic_id: TopicId) -> None:
        number = n % 2
        leader, _, now = await self.client.leader(self._topic, number)
        if now != topic_id:
            raise Unavailable("it is another topic now")
        self._attempts += 1
        producer = f"{self.client.name}:{self._attempts}"
        records = [Record(producer, each) for each in range(self.client.random.choice((1, 1, 3, 20)))]
        self.stage.ledger.promises[producer] = PLAIN
        history = self.stage.ledger.history(topic_id)
        for record in records:
            history.sent(number, record)
        now_ms = int(self.client.reactor.wall_clock() * 1000)
        batch = build_batch([NewRecord(None, value_of(record), now_ms) for record in records])
        response = await self.client.ask(leader, produce_request(self._topic, topic_id, number, batch), 13)
        (answer,) = response.responses[0].partition_responses
        self.outcome("Produce", answer.error_code)
        for record in records:
            history.acknowledged(number, record, answer.base_offset + record.number)

    async def _trim(self, topic_id: TopicId) -> None:
        """Remove the records of one partition; that is not to be so for the next topic of that name."""
        number = self.client.random.randrange(2)
        try:
            leader, _, _ = await self.client.leader(self._topic, number)
        except Unavailable:
            return
        self.stage.ledger.history(topic_id).forgotten(number, EVERYTHING)
        try:
            await self.delete_records(leader, self._topic, number, -1)
        except Unavailable:
            # It names the topic, and may come when there is another one of that name.
            self._trimmed_until[number] = self.client.reactor.timeline.now + LATE_SECONDS

    async def _delete(self, topic_id: TopicId) -> None:
        state = DeleteTopicsRequest.DeleteTopicState(name=None, topic_id=topic_id)
        self.stage.ledger.deleting.add(topic_id)
        again = False
        while not self.stage.over:
            try:
                response = await self.client.ask_controller(DeleteTopicsRequest(topics=(state,), timeout_ms=3_000))
                accepted = (ErrorCode.UNKNOWN_TOPIC_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) if again else ()
                self.outcome("DeleteTopics", response.responses[0].error_code, *accepted)
                break
            except Unavailable:
                again = True
                await self.client.backoff()
        self._old.add(topic_id)
        if not self.stage.over:
            self.stage.ledger.deleted.add(topic_id)
        self._exists = False
        self.client.topics.pop(self._topic, None)


class Clerk(Admin):
    """Commits offsets for a group without members, reads them back, and deletes the group now and then."""

    def __init__(self, stage: Stage, client: ClusterClient, group: str, topic: str, partitions: int, pause: float) -> None:
        super().__init__(stage, client, pause)
        self._group = group
        self._topic = topic
        self._partitions = partitions
        self._member = Member(stage, client, group, topic, pause)
        self._numbers = 0

    async def work(self) -> None:
        """Commit, read, delete."""
        random, member = self.client.random, self._member
        number = random.randrange(self._partitions)
        await member.committed([(self._topic, each) for each in range(self._partitions)])
        position = await member.reader.position(self._topic, number, f"{self.client.name}/{number}", random.randrange(1_000))
        member.positions = {position.key: position}
        await member.commit()
        if random.random() < 0.1:
            await self._delete()

    async def look(self) -> None:
        """Read, and no more."""
        await self._member.committed([(self._topic, each) for each in range(self._partitions)])

    async def _delete(self) -> None:
        groups = self.stage.ledger.groups
        writes = [groups.writing(self._group, (self._topic, number), NOTHING) for number in range(self._partitions)]
        response = await self.client.ask_coordinator(self._group, DeleteGroupsRequest(groups_names=(self._group,)))
        error = self.client.error("DeleteGroups", response.results[0].error_code)
        # There may be a group that a coordinator does not know which has not heard yet that another one took its place.
        if error is ErrorCode.NONE or (error is ErrorCode.GROUP_ID_NOT_FOUND and not self.client.may_lag):
            for write in writes:
                groups.written(write)
        elif error is ErrorCode.NON_EMPTY_GROUP:
            self.stage.ledger.finding(f"the group {self._group}, which nobody joined, is said to have members")
        self._member._committed = {}


class Onlooker(Clerk):
    """Only reads what others commit. It asks the coordinator that it found once until that says that it is none."""

    async def work(self) -> None:
        """Read."""
        await self.look()

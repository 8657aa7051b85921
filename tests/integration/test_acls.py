"""Access control lists as clients meet them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import kafka
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from kafka.admin import ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourcePatternFilter
from kafka.admin import ResourceType as PythonResourceType

from tests.integration.access import ANYBODY
from tests.integration.clients import SECONDS, admin, create, unused_name
from tests.integration.harness import BrokerTestCase


class AclTests(BrokerTestCase):
    """A broker whose every client is a super user."""

    access = ANYBODY
    settings: ClassVar[Mapping[str, str]] = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }

    def test_librdkafka(self) -> None:
        """Entries are made, described by a filter that matches, and deleted."""
        self.sends("DescribeAcls", "CreateAcls", "DeleteAcls")
        client, topic = admin(self.broker), create(self.broker, unused_name("guarded"))
        prefix = topic[:-2]
        made = AclBinding(
            ResourceType.TOPIC, prefix, ResourcePatternType.PREFIXED, "User:alice", "10.0.0.0/8", AclOperation.READ, AclPermissionType.ALLOW
        )
        client.create_acls([made])[made].result(SECONDS)
        wanted = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.MATCH, None, None, AclOperation.ANY, AclPermissionType.ANY)
        self.assertEqual([made], client.describe_acls(wanted).result(SECONDS))
        self.assertEqual([made], client.delete_acls([wanted])[wanted].result(SECONDS))
        self.assertEqual([], client.describe_acls(wanted).result(SECONDS))

    def test_kafka_python(self) -> None:
        """The same with kafka-python."""
        self.sends("DescribeAcls", "CreateAcls", "DeleteAcls")
        pattern = ResourcePattern(PythonResourceType.GROUP, unused_name("group"), ACLResourcePatternType.LITERAL)
        made = ACL("User:bob", "*", ACLOperation.READ, ACLPermissionType.DENY, pattern)
        wanted = ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, ResourcePatternFilter(*vars(pattern).values()))
        client = kafka.KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        try:
            self.assertEqual(([made], []), tuple(client.create_acls([made]).values()))
            self.assertEqual([made], client.describe_acls(wanted)[0])
            ((_, matched, _),) = client.delete_acls([wanted])
            self.assertEqual([made], list(matched))
            self.assertEqual([], client.describe_acls(wanted)[0])
        finally:
            client.close()


class CommandTests(BrokerTestCase):
    """``chronik acls`` and ``chronik roles``."""

    access = ANYBODY
    settings: ClassVar[Mapping[str, str]] = {"authorizer": "acl", "super.users": "User:ANONYMOUS"}

    def chronik(self, line: str, status: int = 0) -> list[str]:
        """Run the command; the lines of its output, or of its complaint."""
        environ = {**os.environ, "CHRONIK_BOOTSTRAP": self.broker.bootstrap, "CHRONIK_HTTP": f"http://127.0.0.1:{self.broker.http_port}"}
        done = subprocess.run(
            [sys.executable, "-m", "chronik.cli", *line.split()], capture_output=True, text=True, check=False, timeout=SECONDS, env=environ
        )
        self.assertEqual(status, done.returncode, done.stderr)
        return (done.stderr if status else done.stdout).splitlines()

    def test_acls(self) -> None:
        """Entries are added, listed by what counts for a resource, and removed."""
        self.sends("DescribeAcls", "CreateAcls", "DeleteAcls")
        consumer = ["allow User:alice read topic orders", "allow User:alice describe topic orders", "allow User:alice read group app"]
        self.assertEqual(consumer, self.chronik("acls add --allow User:alice --consumer --topic orders --group app"))
        denied = ["deny User:* write topic log-... from 10.0.0.0/8"]
        self.assertEqual(denied, self.chronik("acls add --deny User:* --operation write --topic log- --pattern prefixed --host 10.0.0.0/8"))
        self.assertEqual({*consumer, *denied}, set(self.chronik("acls list")))
        self.assertEqual(denied, self.chronik("acls list --topic log-1 --pattern match"))
        self.assertEqual(consumer, self.chronik("acls remove --principal User:alice"))
        self.assertEqual(denied, self.chronik("acls remove --all"))
        self.assertEqual([], self.chronik("acls list"))

    def test_wrong_acls(self) -> None:
        """One line says what is missing or wrong, and nothing is changed."""
        for line, word in (
            ("acls add --operation read --topic x", "--allow"),
            ("acls add --allow User:a --topic x", "--operation"),
            ("acls add --allow User:a --operation read", "--topic"),
            ("acls add --allow a --operation read --topic x", "principal"),
            ("acls add --allow User:a --consumer --topic x", "--group"),
            ("acls add --allow User:a --producer --topic x --operation read", "leave the rest out"),
            ("acls add --allow User:a --operation read --topic x --host 10.0.0.1/8", "10.0.0.0/8"),
            ("acls remove", "--all"),
        ):
            (complaint,) = self.chronik(line, status=1)
            self.assertIn(word, complaint)
        self.assertEqual([], self.chronik("acls list"))

    def test_roles_changed_at_once(self) -> None:
        """Of many who change a role at the same time, nobody's change is lost."""
        topics = [f"t{number}" for number in range(6)]
        with ThreadPoolExecutor(len(topics)) as pool:
            list(pool.map(lambda topic: self.chronik(f"roles grant many --operation read --topic {topic}"), topics))
        self.assertEqual({f"allow read topic {topic}" for topic in topics}, set(self.chronik("roles show many")))

    def test_roles(self) -> None:
        """A role comes into being, is changed piece by piece, and goes."""
        read, write = "allow read topic logs-...", "deny write topic logs-... from 10.0.0.0/8"
        self.assertEqual([read], self.chronik("roles grant logs --operation read --topic logs- --pattern prefixed"))
        granted = self.chronik("roles grant logs --denied --operation write --topic logs- --pattern prefixed --host 10.0.0.0/8")
        self.assertEqual([read, write], granted)
        self.assertEqual([read, write, "bound to User:a", "bound to group g"], self.chronik("roles bind logs --principal User:a --group g"))
        self.assertEqual(["logs"], self.chronik("roles list"))
        self.assertEqual(
            [write, "bound to User:a", "bound to group g"], self.chronik("roles revoke logs --operation read --topic logs- --pattern prefixed")
        )
        self.assertEqual([write, "bound to group g"], self.chronik("roles unbind logs --principal User:a"))
        self.assertEqual([write, "bound to group g"], self.chronik("roles show logs"))
        self.assertEqual(["deleted logs"], self.chronik("roles delete logs"))
        for line, word in (
            ("roles delete logs", "no role logs"),
            ("roles show logs", "no role logs"),
            ("roles unbind logs --group g", "no role logs"),
            ("roles bind logs", "--principal"),
            ("roles bind logs --principal a", "no colon"),
            ("roles revoke logs --operation read --topic x", "no role logs"),
        ):
            (complaint,) = self.chronik(line, status=1)
            self.assertIn(word, complaint)

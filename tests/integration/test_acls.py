"""Access control lists as clients meet them."""

from __future__ import annotations

from collections.abc import Mapping
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

from tests.integration.clients import SECONDS, admin, create, unused_name
from tests.integration.harness import BrokerTestCase


class AclTests(BrokerTestCase):
    """A broker whose every client is a super user."""

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

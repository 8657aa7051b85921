"""Two users who search one broker: what the one who may read less can find out of the rest."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from chronik.security.passwords import hash_password
from tests.integration.access import ANYBODY
from tests.integration.clients import create, produce, unused_name
from tests.integration.harness import Broker, eventually, running

USERS = f'[users]\nalice = "{hash_password("a")}"\nbob = "{hash_password("b")}"\n'
RULES = """
[[rules]]
principal = "User:alice"
resource = "topic"
name = "open-"
pattern = "prefixed"
operation = "read"

[[rules]]
principal = "User:bob"
resource = "topic"
name = "*"
operation = "read"
"""

SECRET = "zanzibar"

SEARCHES: Mapping[str, Any] = {
    "everything": {"size": 100},
    "the secret word": {"query": {"match": {"message": SECRET}}},
    "by score": {"query": {"match": {"message": f"{SECRET} common"}}, "sort": "_score", "size": 100},
    "its beginning": {"query": {"prefix": {"message": SECRET[:4]}}},
    "nearly it": {"query": {"query_string": {"query": f"message:{SECRET[:-1]}~1"}}},
    "a field only there": {"query": {"exists": {"field": "hidden_field"}}},
    "by its topic": {"query": {"query_string": {"query": "topic:hidden*"}}},
    "counted only": {"size": 0, "track_total_hits": True},
    "counted a little": {"size": 0, "track_total_hits": 1},
    "highlighted": {"query": {"match": {"message": SECRET}}, "highlight": {"fields": {"message": {}}}},
    "explained": {"query": {"match": {"message": SECRET}}, "explain": True},
    "grouped": {"size": 0, "aggs": {"topics": {"terms": {"field": "topic"}}, "words": {"terms": {"field": "message.keyword"}}}},
    "suggested": {"suggest": {"s": {"text": SECRET[:-1], "term": {"field": "message"}}}},
    "from a point in time": {"pit": {"id": "x"}},
    "not understood": {"query": {"match": {"hidden_field": {"wrong": 1}}}},
}
"""Bodies that would tell of a hidden record if anything did; what is not served is refused, which must not tell either."""


def login(user: str, password: str) -> dict[str, str]:
    """The header by which a user logs in."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class LeakTests(SynchronousTestCase):
    """The same questions before and after there is something that the asker may not know of."""

    ALICE: ClassVar[dict[str, str]] = login("alice", "a")
    BOB: ClassVar[dict[str, str]] = login("bob", "b")

    def asked(self, broker: Broker, opened: str, hidden: str) -> dict[str, Any]:
        """Every answer to alice, without how long it took."""
        answers: dict[str, Any] = {}
        expressions = ("_all", "*", "hid*", f"{opened[:6]}*,hid*", "*,-open*", opened)
        for expression in expressions:
            for name, body in SEARCHES.items():
                answers[f"{expression}: {name}"] = broker.http(f"/{expression}/_search", body, headers=self.ALICE)
            for target in (f"_count?q={SECRET}", "_coverage", f"_search?q={SECRET}&ignore_unavailable=true", "_search?q=x&wait_for_offset=end"):
                answers[f"{expression}/{target}"] = broker.http(f"/{expression}/{target}", headers=self.ALICE)
        for target in (
            f"/{hidden}/_search",
            f"/{hidden}/_count",
            f"/{hidden}/_coverage",
            f"/{hidden}/_doc/{hidden}:0:0",
            f"/{opened},{hidden}/_search",
        ):
            answers[target] = broker.http(target, headers=self.ALICE)
        for target in ("/api/topics", "/api/groups", "/api/brokers", "/", "/metrics", "/health", "/health/search", "/_search?q=x", "/_security/role"):
            answers[target] = broker.http(target, headers=self.ALICE)
        for _, answer in answers.values():
            if isinstance(answer, dict):
                answer.pop("took", None)
        return answers

    def test_nothing_changes(self) -> None:
        """Hidden topics with hidden words change no answer: no hit, no count, no score, no coverage, no name, no error."""
        directory = tempfile.mkdtemp(prefix="chronik-test-")
        self.addCleanup(shutil.rmtree, directory)
        rules = Path(directory, "auth.toml")
        everything = "".join(
            f'\n[[rules]]\nprincipal = "User:ANONYMOUS"\nresource = "{kind}"\nname = "*"\noperation = "all"\n' for kind in ("topic", "group")
        )
        whole = '\n[[rules]]\nprincipal = "User:ANONYMOUS"\nresource = "cluster"\noperation = "all"\n'
        rules.write_text(USERS + RULES + everything + whole, encoding="utf-8")
        with running({"authorizer": "file", "plugin.auth.file.path": str(rules)}, ANYBODY) as broker:
            opened, hidden = create(broker, unused_name("open")), unused_name("hidden")
            produce(broker, opened, [json.dumps({"message": f"common word {n}", "n": n}).encode() for n in range(10)])
            self.found(broker, opened, 10)
            before = self.asked(broker, opened, hidden)
            create(broker, hidden, 3)
            produce(broker, hidden, [json.dumps({"message": f"common {SECRET}", "hidden_field": n}).encode() for n in range(50)])
            self.found(broker, hidden, 50)
            after = self.asked(broker, opened, hidden)
            for question, answer in before.items():
                self.assertEqual(answer, after[question], question)
            self.assertEqual((200, 10), self.total(before["_all: everything"]))
            self.assertEqual({403}, {status for target, (status, _) in after.items() if target.startswith(f"/{hidden}")})
            self.assertEqual((200, 50), self.total(broker.http("/hid*/_search", SEARCHES["the secret word"], headers=self.BOB)))
            self.assertEqual(401, broker.http("/metrics", headers=login("alice", "wrong"))[0])

    def found(self, broker: Broker, topic: str, count: int) -> None:
        """Wait until everything in a topic can be searched."""
        eventually(lambda: self.total(broker.http(f"/{topic}/_search?wait_for_offset=end", {}, headers=self.BOB)) == (200, count))

    def total(self, answer: tuple[int, Any]) -> tuple[int, int]:
        """Status and number of hits."""
        return answer[0], answer[1]["hits"]["total"]["value"]

"""Every recorded request, in at the edge and through the digest: what became of each of its items."""

import json
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mini_sentry.digest.consumer import Digest
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.groups.dictionaries import load
from mini_sentry.groups.models import Event
from mini_sentry.projects.keys import Rows
from mini_sentry.projects.models import OutcomeCount, Project
from mini_sentry.protocol.limits import Limits
from mini_sentry.streams import topics
from mini_sentry.streams.consumer import Consumer
from tests.ingest.driver import KEY, serving
from tests.recordings import SAMPLES, requests_of

RECORDED_AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC).timestamp()
"""Soon after all of them were sent: sessions of another day would be refused."""

EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((SAMPLES / "expected-outcomes.json").read_text())


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_item_of_a_recording_ends_as_expected(name: str, tmp_path: Path):
    requests = requests_of(name)
    assert len(requests) == len(EXPECTED[name])
    project_ids = {request.project_id for request in requests}
    for project_id in project_ids:
        Project.objects.create(pk=project_id, name=f"Project {project_id}", slug=f"p{project_id}")
    projects = [(project_id, f"p{project_id}", f"token-{project_id}", True) for project_id in sorted(project_ids)]
    for request, expected in zip(requests, EXPECTED[name], strict=True):
        keys = [(1, KEY, request.project_id, True)]
        with serving(rows=Rows(projects=projects, keys=keys)) as server:
            server.time = RECORDED_AT
            answer = server.post(request.path, request.body, request.headers)
            assert answer.status in {200, 201}, answer.body
            before = outcomes()
            digest = Digest(server.log, open_bodies(tmp_path, load_dictionary=load), limits=Limits())
            reader = Consumer(server.log, topics.DIGEST, topics.INGEST, digest)
            reader.run_once(threading.Event(), wait_seconds=0)
        assert reader.status.dead_letter_count == 0
        assert outcomes() - before == wanted(expected)


def test_every_recording_has_its_expected_outcomes():
    recorded = {path.name for path in (SAMPLES / "ingest").glob("*.json")} - {"index.json"}
    assert EXPECTED.keys() == recorded


def outcomes() -> Counter[tuple[str, str, str]]:
    rows = OutcomeCount.objects.values_list("outcome", "reason", "category", "quantity")
    counts: Counter[tuple[str, str, str]] = Counter()
    for outcome, reason, category, quantity in rows:
        counts[outcome, reason, category] += quantity
    assert counts["accepted", "", "error"] + counts["accepted", "", "security"] == Event.objects.count()
    return counts


def wanted(expected: dict[str, Any]) -> Counter[tuple[str, str, str]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for item in expected["items"]:
        counts[item["outcome"], item["reason"], item["category"]] += 1
    for discarded in expected.get("discarded", ()):
        counts["client_discard", discarded["reason"], discarded["category"]] += discarded["quantity"]
    return counts

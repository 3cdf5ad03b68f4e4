"""The topics `events` and `sessions` as somebody else reads them: with a plain Kafka client and the published schema."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from confluent_kafka import Consumer

from tests.engines.kafka import topic_prefix
from tests.faults.load import envelope
from tests.installation import Installation

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(120)]

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
EVENTS = 12


def test_a_plain_kafka_client_finds_the_documented_documents(kafka: str, tmp_path: Path) -> None:
    prefix = topic_prefix()
    names = {"events": f"{prefix}stored", "sessions": f"{prefix}runs"}
    variables = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "KAFKA_TOPIC_PREFIX": prefix,
        "KAFKA_TOPIC": names["events"],
        "KAFKA_SESSIONS_TOPIC": names["sessions"],
        "KAFKA_PARTITIONS": "2",
    }
    installation = Installation(tmp_path / "data", variables=variables)
    try:
        installation.start("web", "--port", str(installation.port))
        project = installation.create_project()
        installation.spawn("digest")
        sent = [uuid.uuid4().hex for _ in range(EVENTS)]
        for number, event_id in enumerate(sent):
            assert send(installation, project, envelope(event_id, number)) == 200
        session_id = str(uuid.uuid4())
        for status in ("ok", "crashed"):
            assert send(installation, project, session(session_id, status)) == 200
        events = read(kafka, names["events"], count=EVENTS)
        sessions = read(kafka, names["sessions"], count=1, until=lambda one: one["status"] == "crashed")
    finally:
        installation.stop()
    assert {key for key, _ in events + sessions} == {str(project["id"]).encode()}
    check("events", [document for _, document in events])
    check("sessions", [document for _, document in sessions])
    assert sorted(document["event_id"] for _, document in events) == sorted(sent)
    last = max((document for _, document in sessions), key=lambda one: one["revision"])
    assert (last["session_id"], last["status"]) == (session_id.replace("-", ""), "crashed")


def check(topic: str, documents: list[dict[str, Any]]) -> None:
    schema = json.loads((SCHEMAS / f"{topic}-v1.json").read_text())
    assert documents
    for document in documents:
        jsonschema.validate(document, schema)


def send(installation: Installation, project: dict[str, Any], body: bytes) -> int:
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    return installation.request("POST", f"/api/{project['id']}/envelope/", body, headers).status


def session(session_id: str, status: str) -> bytes:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    update = {"sid": session_id, "init": status == "ok", "status": status, "started": now, "timestamp": now}
    update["attrs"] = {"release": "shop@1.0", "environment": "production"}
    return b"\n".join([b"{}", b'{"type":"session"}', json.dumps(update).encode()])


def read(
    broker: str, topic: str, *, count: int, until: Any = lambda one: True
) -> list[tuple[bytes | None, dict[str, Any]]]:
    """Key and document of the topic's records, once there are `count` of which the last satisfies `until`."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": f"report-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[tuple[bytes | None, dict[str, Any]]] = []
    deadline = time.monotonic() + 40
    try:
        while len(found) < count or not until(found[-1][1]):
            assert time.monotonic() < deadline, f"{len(found)} records of {topic}"
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                key = message.key()
                found.append((key if isinstance(key, bytes) else None, json.loads(message.value() or b"")))
    finally:
        consumer.close()
    return found

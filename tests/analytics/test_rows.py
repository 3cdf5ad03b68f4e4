"""The documents of the topics `events` and `outcomes`."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from mini_sentry.analytics import rows
from mini_sentry.analytics.migrate import schema_files, statements
from mini_sentry.analytics.rows import EventRow, OutcomeRow, encode, event_row, outcome_row
from mini_sentry.protocol.event import Event
from mini_sentry.protocol.outcomes import Tally
from tests.columns import make_outcome, make_row

STRUCTS = {"events": EventRow, "outcomes": OutcomeRow}


@pytest.mark.parametrize("table", STRUCTS)
def test_the_struct_the_types_and_the_table_name_the_same_fields(table: str) -> None:
    fields = list(STRUCTS[table].__struct_fields__)
    [name] = [name for name in schema_files() if table in name]
    [definition] = statements(name, database="sentry")
    columns = re.findall(r"^    (\w+) +[A-Z]\w+", definition.split("ENGINE")[0], re.MULTILINE)
    assert sorted(rows.TYPES[table]) == sorted(fields)
    assert sorted(set(columns) - {"INDEX"}) == sorted(fields)


@pytest.mark.parametrize("topic", STRUCTS)
def test_every_field_is_documented(topic: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "topics.md").read_text()
    section = text.split(f"## `{topic}`")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert documented == list(STRUCTS[topic].__struct_fields__)


def test_a_document_is_one_line_of_json_with_every_field() -> None:
    document = encode(make_row(7, message="two\nlines", handled=None))
    assert b"\n" not in document
    assert list(json.loads(document)) == list(EventRow.__struct_fields__)


def test_documents_read_back_as_they_were() -> None:
    row, tally = make_row(7, tags={"a": "b"}, handled=True), make_outcome("r")
    assert rows.decode_event(encode(row)) == row
    assert rows.decode_outcome(encode(tally)) == tally
    assert rows.encode_all([row]) == [encode(row)]


@pytest.mark.parametrize("value", [b"", b"[]", b'{"project_id":"1"}', b"\xff"])
def test_other_bytes_are_no_document(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        rows.decode_event(value)


def test_an_event_becomes_a_row_with_times_in_milliseconds() -> None:
    received = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC).timestamp()
    event = Event(
        event_id="a" * 32,
        project_id=3,
        received_at=received,
        timestamp=received - 1.5,
        payload=b"{}",
        message="m" * 5000,
        user_tag="id:9",
        tags={"os": "Linux"},
        release="web@1.0",
    )
    row = event_row(event, group_id=5, fingerprint="ab", title="T", culprit="c")
    assert (row.received_at, row.timestamp) == (round(received * 1000), round(received * 1000) - 1500)
    assert (row.group_id, row.fingerprint, row.title, row.culprit) == (5, "ab", "T", "c")
    assert (row.user, row.tags, row.release) == ("id:9", {"os": "Linux"}, "web@1.0")
    assert row.message == "m" * rows.MESSAGE_CHARACTERS


def test_a_tally_becomes_a_row_under_its_record() -> None:
    tally = Tally(
        project_id=1, minute=1795348800, outcome="filtered", reason="unsupported", category="span", quantity=4
    )
    row = outcome_row(tally, record="x:1:0")
    assert (row.minute, row.outcome, row.reason, row.category, row.quantity, row.record) == (
        1795348800,
        "filtered",
        "unsupported",
        "span",
        4,
        "x:1:0",
    )

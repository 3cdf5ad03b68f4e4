"""An answer promises that the record is durable: none comes before, and none is missing after."""

import threading
import time
from pathlib import Path

from mini_sentry.ingest.publish import new_record_id
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.engines.sqlite import SqliteLog
from mini_sentry.streams.log import DeliveredTokens, Submit
from mini_sentry.streams.topics import INGEST, unpack
from tests.ingest.driver import AUTH, event_envelope, serving


class SlowLog(MemoryLog):
    """A log whose commit takes a while."""

    committed_at = 0.0

    def producer(self, delivered: DeliveredTokens) -> Submit:
        submit = super().producer(delivered)

        def submit_later(topic: str, key: bytes, value: bytes, token: object) -> None:
            def commit() -> None:
                self.committed_at = time.monotonic()
                submit(topic, key, value, token)

            threading.Timer(0.05, commit).start()

        return submit_later


def test_no_answer_comes_before_the_commit() -> None:
    log = SlowLog()
    with serving(log=log) as server:
        assert server.post("/api/1/envelope/", event_envelope()).status == 200
        assert time.monotonic() > log.committed_at > 0


def test_all_that_was_answered_200_is_in_the_file_in_few_commits(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "ingest.db")
    ids = [f"{number:032x}" for number in range(1, 201)]
    with serving(log=log) as server:
        answers = server.together(
            *(("POST", "/api/1/envelope/", event_envelope(event_id=event_id), AUTH) for event_id in ids)
        )
    assert [answer.json["id"] for answer in answers] == ids
    log.close()
    reopened = SqliteLog(tmp_path / "ingest.db")
    records = reopened.read(INGEST, 1)
    reopened.close()
    assert sorted(unpack(record.value).event_id for record in records) == ids
    assert {record.key for record in records} == {b"1"}
    # Records of one commit bear one time.
    assert len({record.timestamp for record in records}) < 20


def test_record_ids_do_not_repeat() -> None:
    ids = {new_record_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(record_id) for record_id in ids} == {16}

"""A log that was put back from a copy goes on where its readers stand."""

from contextlib import closing
from pathlib import Path

import pytest

from mini_sentry.streams.engines.sqlite import SqliteLog, restoring
from mini_sentry.streams.topics import DEAD_LETTERS, DIGEST, EVENTS, INGEST, SNUBA


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log with five records in each of three topics, appended at the times 1 to 5, and read by nobody."""
    path, now = tmp_path / "log.db", [0.0]
    with closing(SqliteLog(path, clock=lambda: now[0])) as log:
        for number in range(1, 6):
            now[0] = float(number)
            for topic in (INGEST, EVENTS, DEAD_LETTERS):
                log.append(topic, [(b"1", b"%d" % number)])
        log.commit(DIGEST, INGEST, 3)
        log.commit(SNUBA, EVENTS, 3)
    return path


@pytest.mark.parametrize("offset", [7, 1000])
def test_a_log_that_ends_before_its_reader_goes_on_at_the_reader(path: Path, offset: int):
    restoring.begin_no_earlier(path, INGEST, offset)
    with closing(SqliteLog(path)) as log:
        assert log.first_offset(INGEST) == log.end_offset(INGEST) == log.position(DIGEST, INGEST) == offset
        assert (log.lag(DIGEST, INGEST), log.size_bytes(INGEST)) == (0, 0)
        log.append(INGEST, [(b"1", b"new")])
        assert [(record.offset, record.value) for record in log.read(INGEST, offset)] == [(offset, b"new")]
        assert log.trim(INGEST, keep_seconds=0, keep_bytes=0) == 0
        assert log.size_bytes(INGEST) == 3


@pytest.mark.parametrize("offset", [1, 4, 6])
def test_a_log_that_its_reader_has_not_read_to_the_end_stays_as_it_is(path: Path, offset: int):
    restoring.begin_no_earlier(path, INGEST, offset)
    with closing(SqliteLog(path)) as log:
        assert [record.offset for record in log.read(INGEST, 1)] == [1, 2, 3, 4, 5]
        assert log.end_offset(INGEST) == 6
        assert log.position(DIGEST, INGEST) == 3


def test_what_is_forgotten_altogether_is_gone_and_its_offsets_are_not_given_again(path: Path):
    restoring.forget_all(path, EVENTS)
    with closing(SqliteLog(path)) as log:
        assert log.read(EVENTS, 1) == []
        assert log.position(SNUBA, EVENTS) == log.end_offset(EVENTS) == 6
        log.append(EVENTS, [(b"1", b"six")])
        assert [record.offset for record in log.read(EVENTS, 1)] == [6]
        assert len(log.read(INGEST, 1)) == 5


@pytest.mark.parametrize("than", [0.0, 3.0, 5.0])
def test_what_came_later_is_forgotten_and_what_was_before_stays(path: Path, than: float):
    restoring.forget_later(path, DEAD_LETTERS, than=than)
    with closing(SqliteLog(path)) as log:
        assert len(log.read(DEAD_LETTERS, 1)) == than
        assert log.size_bytes(DEAD_LETTERS) == than
        log.append(DEAD_LETTERS, [(b"1", b"x")])
        assert log.read(DEAD_LETTERS, 1)[-1].value == b"x"
        assert log.trim(DEAD_LETTERS, keep_seconds=0, keep_bytes=0) <= than + 1


def test_a_log_keeps_its_id(path: Path):
    with closing(SqliteLog(path)) as log:
        assert restoring.log_id(path) == log.log_id

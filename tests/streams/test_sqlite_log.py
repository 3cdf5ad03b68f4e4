"""The log in an SQLite file: what outlives a restart, several writers, and damage (`tests/contracts/test_log.py` has the rest)."""

import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mini_sentry.streams.engines.sqlite import SqliteLog, file
from mini_sentry.streams.log import LogDamaged, LogFull, LogUnavailable
from mini_sentry.streams.open import open_logs
from mini_sentry.streams.topics import DIGEST, INGEST, READERS
from tests.streams.records import append, trim_passed, values


def test_what_was_submitted_before_closing_is_kept(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    heard: list[Exception | None] = []
    for number in range(300):
        log.submit(INGEST, b"1", b"%d" % number, heard.append)
    log.close()
    assert heard == [None] * 300
    again = SqliteLog(tmp_path / "log.db")
    assert len(again.read(INGEST, 1)) == 300
    again.close()


def test_a_reopened_log_is_the_same_log(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    append(log, b"one")
    log.commit(DIGEST, INGEST, 2)
    trim_passed(log)
    log.close()
    again = SqliteLog(tmp_path / "log.db")
    append(again, b"two")
    assert again.log_id == log.log_id
    assert again.position(DIGEST, INGEST) == 2
    assert [(record.offset, record.value) for record in again.read(INGEST, 1)] == [(2, b"two")]
    again.close()
    other = SqliteLog(tmp_path / "other.db")
    assert other.log_id != log.log_id
    other.close()


def test_two_writers_of_one_file_share_its_offsets(tmp_path: Path) -> None:
    one, two = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "log.db")
    append(one, b"1")
    append(two, b"2")
    append(one, b"3")
    append(two, b"4")
    assert [(record.offset, record.value) for record in one.read(INGEST, 1)] == [
        (1, b"1"),
        (2, b"2"),
        (3, b"3"),
        (4, b"4"),
    ]
    assert two.size_bytes(INGEST) == 4
    one.close()
    two.close()


def test_an_idle_writer_never_writes_behind_readers_though_all_between_was_trimmed(tmp_path: Path) -> None:
    idle, busy = SqliteLog(tmp_path / "log.db"), SqliteLog(tmp_path / "log.db")
    append(idle, b"1")
    append(busy, b"2", b"3")
    busy.commit(DIGEST, INGEST, 4)
    trim_passed(busy)
    append(idle, b"4")
    assert [record.offset for record in busy.read(INGEST, busy.position(DIGEST, INGEST))] == [4]
    idle.close()
    busy.close()


def test_a_full_log_says_so_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", max_file_bytes=1 << 20)
    with pytest.raises(LogFull):
        append(log, b"x" * (2 << 20))
    append(log, b"small")
    assert values(log) == [b"small"]
    log.close()


def test_a_writer_that_never_gets_the_lock_reports_it(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", lock_seconds=0.2)
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match="lock"):
        append(log, b"x")
    other.execute("ROLLBACK")
    other.close()
    append(log, b"y")
    assert values(log) == [b"y"]
    log.close()


def test_whoever_opens_the_log_waits_for_one_that_has_it_to_itself(tmp_path: Path) -> None:
    SqliteLog(tmp_path / "log.db").close()
    alone = sqlite3.connect(tmp_path / "log.db", isolation_level=None, check_same_thread=False)
    alone.execute("PRAGMA locking_mode=EXCLUSIVE")
    alone.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(tmp_path / "log.db", timeout=0).execute("PRAGMA synchronous=NORMAL")
    letting_go = threading.Timer(0.3, alone.close)
    letting_go.start()
    file.connect(tmp_path / "log.db", synchronous="NORMAL").close()
    letting_go.join()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_log_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.db").write_bytes(content)
    with pytest.raises(LogDamaged, match=r"log\.db"):
        SqliteLog(tmp_path / "log.db")


def test_another_database_is_not_taken_for_a_log(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "main.db")
    other.execute("CREATE TABLE people (name TEXT)")
    other.commit()
    with pytest.raises(LogDamaged, match="not a log"):
        SqliteLog(tmp_path / "main.db")
    assert other.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
    other.close()


def test_a_log_in_a_missing_directory_says_where(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="absent"):
        SqliteLog(tmp_path / "absent" / "log.db")


def test_the_embedded_log_keeps_the_accepted_bytes_in_a_file_of_their_own(tmp_path: Path) -> None:
    log = open_logs(tmp_path)
    for topic in READERS:
        append(log, topic.encode(), topic=topic)
    assert [values(log, topic=topic) for topic in READERS] == [[topic.encode()] for topic in READERS]
    log.close()
    ingest = SqliteLog(tmp_path / "ingest.db", readers={INGEST: READERS[INGEST]})
    assert (values(ingest), ingest.log_id) == ([INGEST.encode()], log.log_id)
    ingest.close()


def _write_until_killed(path: Path, name: str, acknowledged: Path) -> None:
    log = SqliteLog(path)
    with acknowledged.open("ab", buffering=0) as out:

        def write(thread: int) -> None:
            for number in range(1_000_000):
                value = f"{name}.{thread}.{number}".encode()
                log.append(INGEST, [(b"1", value + b" " + b"x" * 3000)])
                out.write(value + b"\n")

        threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _all_larger_than(size: int, files: list[Path]) -> bool:
    return all(file.exists() and file.stat().st_size > size for file in files)


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    path, context = tmp_path / "log.db", multiprocessing.get_context("spawn")
    acknowledged: list[Path] = []
    reader = SqliteLog(path)
    seen: list[bytes] = []
    for turn in range(3):
        names = [f"{turn}-{number}" for number in range(2)]
        acknowledged += [tmp_path / f"{name}.acknowledged" for name in names]
        writers = [
            context.Process(target=_write_until_killed, args=(path, name, tmp_path / f"{name}.acknowledged"))
            for name in names
        ]
        for writer in writers:
            writer.start()
        _until(partial(_all_larger_than, 2000, acknowledged))
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        # What was read goes away between the kills, as it does in life.
        while records := reader.read(INGEST, reader.position(DIGEST, INGEST), limit=500):
            seen += [record.value.split(b" ")[0] for record in records]
            reader.commit(DIGEST, INGEST, records[-1].offset + 1)
        trim_passed(reader)
    promised = {line for file in acknowledged for line in file.read_bytes().split(b"\n")[:-1]}
    assert len(promised) > 300
    assert promised <= set(seen)
    assert len(seen) == len(set(seen))
    reader.close()
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()


def _append_number(path: Path, start: int) -> None:
    log = SqliteLog(path)
    for number in range(start, start + 200):
        log.append(INGEST, [(b"1", b"%d" % number)])
    log.close()


@pytest.mark.slow
def test_several_processes_append_and_one_reads_each_record_once(tmp_path: Path) -> None:
    path, context = tmp_path / "log.db", multiprocessing.get_context("spawn")
    log = SqliteLog(path)
    writers = [context.Process(target=_append_number, args=(path, start)) for start in (0, 1000)]
    for writer in writers:
        writer.start()
    seen: list[bytes] = []
    while len(seen) < 400:
        position = log.position(DIGEST, INGEST)
        assert log.wait(INGEST, position, timeout_seconds=30)
        records = log.read(INGEST, position)
        seen += [record.value for record in records]
        log.commit(DIGEST, INGEST, records[-1].offset + 1)
    for writer in writers:
        writer.join()
    assert sorted(map(int, seen)) == [*range(200), *range(1000, 1200)]
    assert [number for number in map(int, seen) if number < 1000] == list(range(200))
    log.close()

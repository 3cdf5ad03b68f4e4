"""The status page: what it says of engines that answer, that do not, and that hang."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from mini_sentry import __version__
from mini_sentry.streams.dead_letter_counts import DeadLetterCounts
from mini_sentry.streams.dead_letters import replay
from mini_sentry.streams.engines.memory import MemoryLog
from mini_sentry.streams.topics import DEAD_LETTERS, INGEST, DeadLetter, pack_dead_letter
from mini_sentry.web import status
from mini_sentry.web.status import Backlog, Board, Engine, Facts, Room, Spool

NOON = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> float:
        return self.time


class Server:
    """An engine that a test switches on and off."""

    def __init__(self, name: str = "columns") -> None:
        self.is_there = True
        self.engine = Engine(name, "clickhouse", lambda: self.is_there, "Nothing is counted.")


def engines(board: Board) -> dict[str, Any]:
    return {engine["name"]: engine for engine in board.report()["engines"]}


def test_an_engine_is_away_since_it_was_first_missed_and_back_since_it_first_answered() -> None:
    clock, server = Clock(), Server()
    board = Board([server.engine], clock=clock)
    board.look()
    assert engines(board)["columns"] == {
        "name": "columns",
        "kind": "clickhouse",
        "state": "ok",
        "since": "2026-09-21T14:13:20.000Z",
        "limited": "",
    }
    server.is_there = False
    for _ in range(3):
        clock.time += 10
        board.look()
    away = engines(board)["columns"]
    assert (away["state"], away["since"]) == ("away", "2026-09-21T14:13:30.000Z")
    assert away["limited"] == "Nothing is counted."
    server.is_there = True
    clock.time += 10
    board.look()
    assert (engines(board)["columns"]["state"], engines(board)["columns"]["limited"]) == ("ok", "")


def test_the_log_tells_of_an_engine_that_goes_and_comes_back_but_not_of_one_that_starts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server()
    board = Board([server.engine], clock=Clock())
    caplog.set_level("INFO")
    told = []
    for is_there in (False, False, True, True, False, True):
        server.is_there = is_there
        board.look()
        told.append([record.levelname for record in caplog.records])
        caplog.clear()
    assert told == [[], [], [], [], ["WARNING"], ["INFO"]]


def test_an_engine_whose_answer_is_an_error_is_away_and_hides_no_other() -> None:
    def fail() -> bool:
        raise ConnectionError("refused")

    board = Board([Engine("log", "kafka", fail, "Spooled."), Server().engine])
    board.look()
    assert [engine["state"] for engine in engines(board).values()] == ["away", "ok"]


def test_an_engine_that_hangs_is_away_while_the_page_answers() -> None:
    release = threading.Event()
    clock = Clock()
    board = Board([Engine("database", "postgresql", lambda: release.wait(20), "Nothing.")], clock=clock)
    board.start()
    assert engines(board)["database"]["state"] is None
    clock.time += 5
    assert engines(board)["database"]["state"] == "away"
    release.set()
    deadline = time.monotonic() + 5
    while engines(board)["database"]["state"] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    board.stop()


@pytest.fixture
def _board() -> Iterator[None]:
    facts = Facts(
        backlogs=[Backlog("digest", "ingest", 7, 1.5), Backlog("snuba", "events")],
        dead_letters={"undecodable": 2, "given up": 1},
        room=Room(50, 100, is_accepting=True),
        spool=Spool(is_in_use=True, waiting_records=3, size_bytes=4000, refused_records=0),
        waiting_tasks=9,
    )
    board = Board([Server().engine], lambda: facts, clock=Clock())
    board.look()
    before, status.current.board = status.current.board, board
    yield
    status.current.board = before


@pytest.mark.usefixtures("_board")
@pytest.mark.parametrize("path", ["/api/status/", "/api/status"])
def test_the_page_tells_all_of_it(client: Client, path: str) -> None:
    answer = client.get(path).json()
    assert answer.pop("engines")[0]["state"] == "ok"
    assert answer == {
        "version": __version__,
        "looked_at": "2026-09-21T14:13:20.000Z",
        "backlogs": [
            {"group": "digest", "topic": "ingest", "records": 7, "seconds": 1.5},
            {"group": "snuba", "topic": "events", "records": None, "seconds": None},
        ],
        "dead_letters": {
            "total": 3,
            "by_reason": [{"reason": "undecodable", "count": 2}, {"reason": "given up", "count": 1}],
        },
        "disk": {"free_bytes": 50, "total_bytes": 100, "is_accepting": True},
        "spool": {"is_in_use": True, "waiting_records": 3, "size_bytes": 4000, "refused_records": 0},
        "tasks": {"waiting": 9},
    }


def test_a_process_that_never_looked_says_so(client: Client) -> None:
    answer = client.get("/api/status/").json()
    assert (answer["engines"], answer["dead_letters"], answer["disk"], answer["spool"]) == ([], None, None, None)


def letter(reason: str) -> bytes:
    return pack_dead_letter(DeadLetter(INGEST, 0, 1, NOON, reason, "", b"x"))


def test_dead_letters_are_counted_by_reason_and_those_sent_again_are_not() -> None:
    log = MemoryLog()
    counts = DeadLetterCounts(log)
    assert counts.look() == {}
    log.append(DEAD_LETTERS, [(b"1", letter(reason)) for reason in ("given up", "undecodable", "undecodable")])
    assert counts.look() == {"undecodable": 2, "given up": 1}
    replay(log, 2, now=NOON)
    log.append(DEAD_LETTERS, [(b"1", b"no letter"), (b"1", letter("given up"))])
    assert counts.look() == {"given up": 2, "undecodable": 1}
    assert counts.is_complete


def test_dead_letters_that_are_gone_are_not_counted() -> None:
    log = MemoryLog()
    counts = DeadLetterCounts(log)
    log.append(DEAD_LETTERS, [(b"1", letter("given up")) for _ in range(5)])
    assert counts.look() == {"given up": 5}
    log.trim(DEAD_LETTERS, keep_seconds=0, keep_bytes=0)
    assert counts.look() == {}

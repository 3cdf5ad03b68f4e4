"""What is remembered of a process that died."""

from pathlib import Path

import pytest

from mini_sentry.streams.attempts import TOLERATED, Attempts


def died_over(path: Path, start: int, end: int, *, times: int, is_alone: bool = False) -> Attempts:
    for _ in range(times):
        Attempts(path).begin(start, end, is_alone=is_alone)
    return Attempts(path)


def test_one_death_changes_nothing(tmp_path: Path) -> None:
    attempts = died_over(tmp_path / "attempts", 10, 20, times=1)
    assert attempts.alone_until(10) == 0


def test_after_two_deaths_at_one_start_the_records_go_one_by_one(tmp_path: Path) -> None:
    attempts = died_over(tmp_path / "attempts", 10, 20, times=2)
    assert attempts.alone_until(10) == 20
    assert not attempts.is_deadly(10)


def test_deaths_at_different_starts_do_not_add_up(tmp_path: Path) -> None:
    died_over(tmp_path / "attempts", 10, 20, times=1)
    assert died_over(tmp_path / "attempts", 12, 20, times=1).alone_until(12) == 0


def test_a_death_alone_keeps_the_rest_going_one_by_one(tmp_path: Path) -> None:
    died_over(tmp_path / "attempts", 10, 20, times=2)
    attempts = died_over(tmp_path / "attempts", 12, 20, times=1, is_alone=True)
    assert attempts.alone_until(12) == 20
    assert not attempts.is_deadly(12)


def test_a_record_that_kills_twice_alone_is_deadly(tmp_path: Path) -> None:
    attempts = died_over(tmp_path / "attempts", 12, 20, times=2, is_alone=True)
    assert attempts.is_deadly(12)
    assert not attempts.is_deadly(13)


def test_what_was_passed_is_forgotten(tmp_path: Path) -> None:
    assert died_over(tmp_path / "attempts", 10, 20, times=5).alone_until(20) == 0


def test_an_error_that_was_caught_is_no_death(tmp_path: Path) -> None:
    attempts = died_over(tmp_path / "attempts", 10, 20, times=1)
    attempts.begin(10, 20)
    attempts.survived()
    assert Attempts(tmp_path / "attempts").alone_until(10) == 0


def test_what_could_not_be_written_down_kills_nobody(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path / "away" / "attempts")
    for is_alone in (False, True):
        for _ in range(TOLERATED):
            with pytest.raises(FileNotFoundError):
                attempts.begin(10, 20, is_alone=is_alone)
            assert attempts.alone_until(10) == 0
            assert not attempts.is_deadly(10)


def test_an_error_that_was_caught_is_no_death_where_nothing_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "attempts"
    attempts = Attempts(path)
    for _ in range(TOLERATED):
        attempts.begin(10, 20)
        path.unlink()
        path.mkdir()
        attempts.survived()
        path.rmdir()
    assert attempts.alone_until(10) == 0


def test_a_torn_file_is_no_memory(tmp_path: Path) -> None:
    (tmp_path / "attempts").write_bytes(b"\x01\x02")
    assert Attempts(tmp_path / "attempts").alone_until(0) == 0

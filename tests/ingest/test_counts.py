"""The edge's numbers for monitoring, in one process and in several."""

from pathlib import Path

from mini_sentry.ingest.counts import REASONS, Counts, total
from mini_sentry.protocol.outcomes import Reason


def test_what_was_accepted_and_refused_is_counted_apart_and_by_reason() -> None:
    counts = Counts()
    counts.add_accepted(3)
    counts.add_accepted(2)
    counts.add_refused(Reason.TOO_LARGE, 1)
    counts.add_refused(Reason.PROJECT_LIMIT, 7)
    assert counts.accepted == 5
    assert {reason: quantity for reason, quantity in counts.refused.items() if quantity} == {
        Reason.TOO_LARGE: 1,
        Reason.PROJECT_LIMIT: 7,
    }
    assert set(counts.refused) == set(REASONS) == set(Reason) - {Reason.NONE}


def test_who_follows_a_dead_process_goes_on_with_its_numbers(tmp_path: Path) -> None:
    Counts(tmp_path / "web-0").add_accepted(4)
    again = Counts(tmp_path / "web-0")
    again.add_accepted(1)
    other = Counts(tmp_path / "web-1")
    other.add_accepted(10)
    other.add_refused(Reason.BACKLOG, 2)
    summed = total([again, other])
    assert summed.accepted == 15
    assert summed.refused[Reason.BACKLOG] == 2
    assert (again.accepted, other.accepted) == (5, 10)


def test_each_sees_what_the_other_counts_at_once(tmp_path: Path) -> None:
    mine, seen = Counts(tmp_path / "web-0"), Counts(tmp_path / "web-0")
    mine.add_refused(Reason.MALFORMED, 1)
    assert seen.refused[Reason.MALFORMED] == 1

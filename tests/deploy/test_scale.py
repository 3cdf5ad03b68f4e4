"""What the scale simulation makes of its hour and of its samples."""

import pytest

from benchmarks.scale import HOUR, Replay, slope


def test_the_hour_has_sixty_minutes_around_the_usual_rate() -> None:
    assert len(HOUR) == 60
    assert sum(HOUR) / 60 == pytest.approx(1.08, abs=0.05)


def test_part_of_the_hour_is_its_middle_with_the_rush() -> None:
    counts = Replay(minutes=20, speed=10, per_second=2).counts
    assert len(counts) == 20
    assert max(counts) == round(120 * max(HOUR))


def test_a_replay_ten_times_as_fast_takes_a_tenth_of_the_time() -> None:
    replay = Replay(minutes=60, speed=10, per_second=1)
    assert replay.minutes * replay.minute_seconds == pytest.approx(360)
    assert sum(replay.counts) == pytest.approx(3600 * sum(HOUR) / 60, rel=0.01)


@pytest.mark.parametrize(
    ("points", "rises_by"),
    [([(0, 1), (1, 3), (2, 5)], 2), ([(1, 10), (2, 10), (4, 10)], 0), ([(1, 4)], 0), ([(1, 1), (1, 9)], 0), ([], 0)],
)
def test_the_slope_is_that_of_the_nearest_line(points: list[tuple[float, float]], rises_by: float) -> None:
    assert slope(points) == pytest.approx(rises_by)

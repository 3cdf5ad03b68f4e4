"""Which partition a project's records go to."""

from collections import Counter

from mini_sentry.streams.engines.kafka.spread import WINDOW_RECORDS, Spread


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def partitions(spread: Spread, key: bytes, count: int) -> Counter[int]:
    return Counter(spread.partition(key) for _ in range(count))


def test_a_project_keeps_to_one_partition() -> None:
    spread = Spread(4, clock=Clock())
    for project in range(50):
        assert len({spread.partition(b"%d" % project) for _ in range(10)}) == 1


def test_projects_are_spread_over_all_partitions() -> None:
    spread = Spread(4, clock=Clock())
    assert {spread.partition(b"%d" % project) for project in range(50)} == {0, 1, 2, 3}


def test_a_project_that_sends_more_than_a_partitions_share_goes_to_all() -> None:
    spread = Spread(4, clock=Clock())
    for number in range(WINDOW_RECORDS):
        spread.partition(b"1" if number % 2 else b"%d" % number)
    assert spread.hot == {b"1"}
    assert partitions(spread, b"1", 400) == {0: 100, 1: 100, 2: 100, 3: 100}
    assert len(partitions(spread, b"2", 100)) == 1


def test_it_comes_home_when_it_sends_less() -> None:
    spread = Spread(4, clock=Clock())
    partitions(spread, b"1", WINDOW_RECORDS)
    for number in range(2 * WINDOW_RECORDS):
        spread.partition(b"%d" % number)
    assert spread.hot == frozenset()


def test_a_lone_project_that_sends_little_stays_in_one_partition() -> None:
    clock = Clock()
    spread = Spread(4, clock=clock)
    for _ in range(3 * WINDOW_RECORDS):
        clock.now += 0.1
        spread.partition(b"1")
    assert spread.hot == frozenset()


def test_projects_that_the_operator_names_always_go_to_all() -> None:
    spread = Spread(3, hot=[b"7"], clock=Clock())
    assert partitions(spread, b"7", 30) == {0: 10, 1: 10, 2: 10}

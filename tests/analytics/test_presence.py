"""Who may ask an engine that did not answer, and when."""

import pytest

from mini_sentry.analytics.presence import AWAY_SECONDS, FRESH_SECONDS, Away, Presence

URL = "http://ch"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def presence(clock: Clock) -> Presence:
    return Presence(clock)


def test_an_engine_that_was_not_heard_of_is_looked_for_first(presence: Presence, clock: Clock) -> None:
    assert presence.enter(URL) is True
    presence.seen(URL)
    assert presence.enter(URL) is False
    clock.now += FRESH_SECONDS + 0.1
    assert presence.enter(URL) is True


def test_everybody_is_refused_for_a_while_after_a_failure_and_told_why(presence: Presence, clock: Clock) -> None:
    presence.enter(URL)
    presence.lost(URL, "refused")
    clock.now += AWAY_SECONDS - 0.1
    with pytest.raises(Away, match="refused"):
        presence.enter(URL)


def test_then_one_looks_again_and_the_others_wait_for_what_it_finds(presence: Presence, clock: Clock) -> None:
    presence.enter(URL)
    presence.lost(URL, "refused")
    clock.now += AWAY_SECONDS
    assert presence.enter(URL) is True
    with pytest.raises(Away):
        presence.enter(URL)
    presence.seen(URL)
    assert presence.enter(URL) is False


def test_an_engine_at_a_new_address_is_a_new_engine(presence: Presence) -> None:
    presence.enter(URL)
    presence.lost(URL, "refused")
    assert presence.enter("http://elsewhere") is True
    presence.lost(URL, "late news of the old one")
    assert presence.enter("http://elsewhere") is True

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from mini_sentry.rest import params
from tests.factories import NOON

HOUR = timedelta(hours=1)


def span(text: str) -> params.Span:
    return params.bounded_span(QueryDict(text), now=NOON, default=HOUR)


def refused(error: pytest.ExceptionInfo[ValidationError]) -> set[str]:
    assert isinstance(error.value.detail, dict)
    return set(error.value.detail)


def test_without_a_word_about_time_the_default_lies_before_now() -> None:
    assert span("") == (NOON - HOUR, NOON)
    assert params.span(QueryDict(""), now=NOON, default=None) is None


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("90s", timedelta(seconds=90)),
    ],
)
def test_a_range_reaches_back_from_now(text: str, length: timedelta) -> None:
    assert span(f"range={text}") == (NOON - length, NOON)


@pytest.mark.parametrize(
    "text",
    ["2026-03-14T10:00:00Z", "2026-03-14T10:00:00", "2026-03-14T11:00:00%2B01:00", "2026-03-14T11:00:00+01:00"],
)
def test_a_start_is_read_in_any_offset_and_utc_without_one(text: str) -> None:
    assert span(f"from={text}").start == datetime(2026, 3, 14, 10, tzinfo=UTC)


def test_a_date_alone_is_its_midnight() -> None:
    assert span("from=2026-03-13&to=2026-03-14") == (
        datetime(2026, 3, 13, tzinfo=UTC),
        datetime(2026, 3, 14, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("range=soon", "range"),
        ("range=0h", "range"),
        ("range=999999w", "range"),
        ("range=401d", "range"),
        ("from=yesterday", "from"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("to=2026-02-30", "to"),
        ("from=2026-03-14T12:00:00Z&to=2026-03-14T11:00:00Z", "from"),
        ("from=a%00", "from"),
    ],
)
def test_nonsense_names_the_parameter(text: str, name: str) -> None:
    with pytest.raises(ValidationError) as error:
        span(text)
    assert refused(error) == {name}


def test_an_interval_may_not_cut_into_too_many_buckets() -> None:
    day = span("range=24h")
    assert params.interval(QueryDict("interval=5m"), day, default=HOUR) == timedelta(minutes=5)
    with pytest.raises(ValidationError) as error:
        params.interval(QueryDict("interval=1s"), day, default=HOUR)
    assert refused(error) == {"interval"}


def test_lists_are_repeated_or_separated_by_commas() -> None:
    query = QueryDict("level=error,fatal&level=warning&level=error&level=")
    assert params.words(query, "level") == ["error", "fatal", "warning"]
    with pytest.raises(ValidationError) as error:
        params.words(query, "level", allowed=["error", "fatal"])
    assert refused(error) == {"level"}


def test_ids_are_whole_numbers() -> None:
    assert params.ids(QueryDict("id=3&id=1,2"), "id", most=3) == [3, 1, 2]
    for text in ("id=x", "id=-1", "id=1,2,3,4", "id=" + "9" * 30):
        with pytest.raises(ValidationError) as error:
            params.ids(QueryDict(text), "id", most=3)
        assert refused(error) == {"id"}


def test_numbers_are_held_to_the_most_and_refused_below_the_least() -> None:
    assert params.number(QueryDict("limit=5000"), "limit", 50, least=1, most=1000) == 1000
    assert params.number(QueryDict("limit="), "limit", 50, least=1) == 50
    for text in ("0", "-3", "ten", "1e3", "9" * 30):
        with pytest.raises(ValidationError) as error:
            params.number(QueryDict(f"limit={text}"), "limit", 50, least=1)
        assert refused(error) == {"limit"}

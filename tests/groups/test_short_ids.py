import pytest

from mini_sentry.groups.short_ids import parse, short_id


@pytest.mark.parametrize(("number", "text"), [(1, "WEB-1"), (31, "WEB-Z"), (32, "WEB-10"), (1507, "WEB-1F3")])
def test_a_number_reads_as_crockford_digits_behind_the_slug(number: int, text: str) -> None:
    assert short_id("web", number) == text


def test_what_is_written_reads_back() -> None:
    for number in (*range(1, 3000), 2**40):
        assert parse(short_id("my-shop_2", number)) == ("MY-SHOP_2", number)


@pytest.mark.parametrize(
    ("text", "found"), [("web-1f3", ("web", 1507)), (" WEB-IO ", ("WEB", 32)), ("a-b-l", ("a-b", 1))]
)
def test_either_case_and_look_alikes_are_read(text: str, found: tuple[str, int]) -> None:
    assert parse(text) == found


@pytest.mark.parametrize("text", ["", "WEB", "WEB-", "-1", "WEB-1U", "WEB-1F3!", "WEB 1F3", "WEB-" + "1" * 13])
def test_anything_else_is_no_short_id(text: str) -> None:
    assert parse(text) is None

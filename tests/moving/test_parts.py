"""Rows as lines, and what lines cannot be rows."""

import pytest

from mini_sentry.moving.archive import Damaged, TooNew
from mini_sentry.moving.parts import Rows, batches, decode, encode, without_nul
from mini_sentry.projects.models import Project


def test_the_same_values_give_the_same_bytes_in_whatever_order_they_come():
    assert encode({"b": {"d": 1, "c": 2}, "a": 1}) == encode({"a": 1, "b": {"c": 2, "d": 1}})


def test_a_field_of_a_later_version_says_so():
    with pytest.raises(TooNew, match="colour"):
        Rows("projects", Project).row({"id": 1, "name": "Shop", "colour": "red"})


def test_a_field_that_an_earlier_version_did_not_have_takes_its_default():
    row = Rows("projects", Project).row({"id": 1, "name": "Shop", "slug": "shop"})
    assert (row.is_active, row.stack_rules) == (True, "")  # type: ignore[attr-defined]


def test_a_time_that_is_none_is_damage():
    with pytest.raises(Damaged, match="projects"):
        Rows("projects", Project).row({"id": 1, "created_at": "yesterday"})
    with pytest.raises(Damaged, match="projects"):
        decode("projects", b"[1, 2]")


def test_the_character_that_postgresql_refuses_is_replaced_wherever_it_stands():
    assert without_nul({"a\0": ["b\0c", {"d": "\0"}], "e": 1}) == {"a�": ["b�c", {"d": "�"}], "e": 1}


def test_long_documents_come_in_smaller_batches():
    documents = [b"x" * 100] * 10
    assert [len(batch) for batch in batches(documents, 4)] == [4, 4, 2]
    assert [len(batch) for batch in batches(documents, 4, most_bytes=150)] == [2, 2, 2, 2, 2]

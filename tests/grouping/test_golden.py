"""A change that moves a hash splits every open issue of every project: it needs a new name in `configs.py`."""

import json

import pytest

from mini_sentry.grouping import configs
from tests.grouping.golden_events import GOLDEN, hashes


@pytest.mark.parametrize("name", configs.names())
def test_hashes_stay_as_they_are_under_a_name(name: str) -> None:
    assert hashes(name) == json.loads(GOLDEN.read_text())[name]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(configs.UnknownConfig) as caught:
        configs.config("mini:1999-01-01")
    assert caught.value.name == "mini:1999-01-01"


def test_projects_without_rules_share_one_configuration() -> None:
    assert configs.config() is configs.config(configs.LATEST)
    assert configs.config(stack_rules="path:a -app") is configs.config(stack_rules="path:a -app")

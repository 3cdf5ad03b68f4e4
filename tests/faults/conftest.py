"""What several of the fault tests stand on."""

from collections.abc import Iterator

import pytest

from tests.alerts.receivers import Receiver, receiver
from tests.engines.stack import distributed


@pytest.fixture(params=["embedded", "distributed"])
def engines(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The variables that choose the engines."""
    if request.param == "embedded":
        yield {}
    else:
        with distributed() as variables:
            yield variables


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiver() as made:
        yield made

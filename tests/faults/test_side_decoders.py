"""A backlog is decoded by two processes: it is stored exactly once, and one that dies costs nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import reading
from tests.faults import ledger
from tests.faults.load import KINDS, Load
from tests.installation import Installation, command_line, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

EVENTS = 5_000
PADDING = 20_000
"""Bytes that make some 75 events a full batch."""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", variables={"DIGEST_SIDE_DECODERS": "1"})
    yield made
    made.stop()


def side_decoders(installation: Installation) -> list[int]:
    return [pid for pid in installation.pids() if "mini_sentry.config.side_decoder" in command_line(pid)]


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
def test_a_backlog_is_digested_with_a_side_decoder_that(installation: Installation, dies: bool) -> None:
    installation.start("web", "--port", str(installation.port))
    project = installation.create_project()
    with Load(installation.port, project["id"], project["key"], padding=PADDING) as load:
        installation.wait_until(lambda: len(load.acknowledged) >= EVENTS, "enough is accepted", seconds=90)
    installation.spawn("engine")
    installation.wait_until(lambda: "side decoder is up" in installation.output(), "one is up", seconds=60)
    if dies:
        for pid in side_decoders(installation):
            kill(pid)
    ledger.settle(installation, load.acknowledged)
    ledger.check(ledger.read(installation, project["id"]), load.acknowledged)
    assert len(reading.groups(installation, "shop")) == KINDS
    installation.wait_until(lambda: not side_decoders(installation), "it ends", seconds=40)
    assert "dead letter" not in installation.output()

"""Where a server may listen: on this machine, or in a container whose ports are published on this machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from mini_sentry.config.supervisor import CannotStart, check_address
from tests.installation import Installation, free_port


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machines_own_addresses_are_fine(host: str) -> None:
    check_address(host, free_port())


def test_every_address_is_refused_until_the_operator_says_where_it_is_published() -> None:
    with pytest.raises(CannotStart, match="MINI_SENTRY_PUBLISHED_ON"):
        check_address("0.0.0.0", free_port())
    check_address("0.0.0.0", free_port(), published_on="127.0.0.1")


@pytest.mark.parametrize("published_on", ["0.0.0.0", "192.168.0.7", "example.com"])
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_an_address_that_others_reach_is_refused_as_a_place_to_publish(host: str, published_on: str) -> None:
    with pytest.raises(CannotStart, match=f"MINI_SENTRY_PUBLISHED_ON={published_on}"):
        check_address(host, free_port(), published_on=published_on)


@pytest.mark.slow
def test_the_one_command_in_a_container_says_an_address_that_works(tmp_path: Path) -> None:
    made = Installation(tmp_path / "data", variables={"MINI_SENTRY_PUBLISHED_ON": "127.0.0.1"})
    try:
        made.start("run", "--host", "0.0.0.0", "--port", str(made.port))
        made.wait_until(lambda: f"is at http://127.0.0.1:{made.port}/" in made.output(), "it says where it is")
        assert made.request("GET", "/api/projects/", headers={"Host": "evil.example"}).status == 400
    finally:
        made.stop()


@pytest.mark.slow
@pytest.mark.parametrize("role", ["run", "web"])
def test_a_server_for_everybody_does_not_start(tmp_path: Path, role: str) -> None:
    made = Installation(tmp_path / "data", variables={"MINI_SENTRY_PUBLISHED_ON": "0.0.0.0"})
    command = [sys.executable, "-m", "mini_sentry.config.cli", role, "--host", "0.0.0.0", "--port", str(made.port)]
    done = subprocess.run(command, env=made.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "MINI_SENTRY_PUBLISHED_ON=0.0.0.0 is not a loopback address" in done.stderr
    assert "Traceback" not in done.stderr

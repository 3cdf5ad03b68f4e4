"""Where commands look for the data of an installation."""

import subprocess
import sys
from pathlib import Path

import pytest

from mini_sentry.config.environment import data_directory


def test_commands_find_the_data_that_make_run_keeps_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_directory({}) != tmp_path / "data"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret_key").write_text("x")
    assert data_directory({}) == tmp_path / "data"
    assert data_directory({"MINI_SENTRY_DATA": "elsewhere"}) == tmp_path / "elsewhere"


def test_a_project_without_an_installation_is_refused_with_the_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mini_sentry.config.cli", "manage", "create_project", "Shop"]
    done = subprocess.run(
        command, env={"MINI_SENTRY_DATA": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: There is no installation in {tmp_path} yet.")

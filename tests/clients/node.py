"""Where Node and the SDKs of `package.json` are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def node() -> str:
    """A Node that is new enough. Without one, or without the packages, the test is skipped; under CI it fails."""
    found = subprocess.run(
        [ROOT / "tools" / "node-path", Path(sys.executable).parent], capture_output=True, text=True, check=False
    )
    if found.returncode != 0:
        _absent("There is no Node 22 or newer. `make test` installs one.")
    if not (HERE / "node_modules" / "@sentry").is_dir():
        _absent("The JavaScript SDKs are not installed. `make test` installs them (npm install in tests/clients).")
    return shutil.which("node", path=found.stdout.strip()) or ""


def need_front_end() -> None:
    """Its packages can build a bundle. Without them the test is skipped; under CI it fails."""
    if not (ROOT / "frontend" / "node_modules" / "vite").is_dir():
        _absent("The front end's packages are not installed. `make test` installs them.")


def _absent(sentence: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)

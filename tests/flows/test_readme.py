"""What the README and the guide tell people to paste works as it stands, but for the address and the paths."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import reading
from tests.clients.node import HERE as CLIENTS
from tests.clients.node import node
from tests.installation import Installation, running

pytestmark = [pytest.mark.slow]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "guides" / "instrument.md").read_text()
BIN = Path(sys.executable).parent


class Block(NamedTuple):
    language: str
    text: str


def blocks(page: str, heading: str) -> list[Block]:
    """The fenced blocks below a heading (its marks and text), up to the next of the same kind."""
    assert heading in page, f"there is no {heading!r} any more"
    mark = heading.split()[0] + " " if heading.startswith("#") else "**"
    section = page.split(heading, 1)[1].split(f"\n{mark}", 1)[0]
    found = re.findall(r"^```(\w+)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert found, f"nothing to paste below {heading!r}"
    return [Block(language, text) for language, text in found]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("readme") / "data") as started:
        yield started


def pasted(installation: Installation, script: str) -> str:
    """What a shell prints for it, with this installation's address and this environment's commands."""
    here = script.replace("http://127.0.0.1:8000", installation.address).replace(".venv/bin/", f"{BIN}/")
    # As in another terminal: nothing but the directory says where the data is.
    environment = {key: value for key, value in installation.environment.items() if key != "MINI_SENTRY_DATA"}
    # A non-JSON answer or a failed command must show, so the shell stops at it.
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here],
        cwd=installation.data_dir.parent,
        env={**environment, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{here}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_readmes_first_event_by_curl(installation: Installation):
    create, send = blocks(README, "## First event, by curl")
    printed = pasted(installation, create.text)
    assert "Ingest token:" in printed
    assert "DSN:" in printed
    answers = pasted(installation, send.text)
    assert '"message":"it broke"' in answers.replace(": ", ":")
    [group] = reading.wait_for_events(installation, "shop", 1)
    assert (group["title"], group["level"]) == ("it broke", "error")
    assert f'"id":{group["id"]},' in answers, "the last line shows the group"


def test_the_readmes_first_event_by_sdk(installation: Installation, tmp_path: Path):
    install, snippet = blocks(README, "## First event, by SDK")
    assert install.text.strip() == "pip install sentry-sdk"
    project = installation.create_project("By SDK", "by-sdk")
    program = tmp_path / "app.py"
    program.write_text(re.sub(r'dsn="[^"]*"', f'dsn="{project["dsn"]}"', snippet.text))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=False)
    assert "ZeroDivisionError" in done.stderr
    [group] = reading.wait_for_events(installation, "by-sdk", 1)
    assert group["title"] == "ZeroDivisionError: division by zero"


def test_the_dsn_in_the_readme_has_the_shape_of_a_real_one(installation: Installation):
    [_, snippet] = blocks(README, "## First event, by SDK")
    written = re.search(r'dsn="([^"]*)"', snippet.text)
    assert written
    shape = re.sub(r"<[^>]*>", "x", written[1]).replace("http://x@127.0.0.1:8000/", "")
    dsn = installation.create_project("Shape", "shape")["dsn"]
    assert shape == "x"
    assert re.fullmatch(rf"http://[0-9a-f]{{32}}@127\.0\.0\.1:{installation.port}/[0-9]+", dsn)


def test_the_guides_python_snippet(installation: Installation, tmp_path: Path):
    _, snippet = blocks(GUIDE, "**Python**")
    project = installation.create_project("Guide Python", "guide-python")
    program = tmp_path / "app.py"
    program.write_text(snippet.text.replace("<your DSN>", project["dsn"]) + "\nraise RuntimeError('by the guide')\n")
    subprocess.run([sys.executable, program], capture_output=True, timeout=60, check=False)
    [group] = reading.wait_for_events(installation, "guide-python", 1)
    assert (group["title"], group["first_release"]) == ("RuntimeError: by the guide", "shop@1.0.0")
    assert group["environments"] == ["production"]


def test_the_guides_node_snippet(installation: Installation, tmp_path: Path):
    _, snippet = blocks(GUIDE, "**Node**")
    project = installation.create_project("Guide Node", "guide-node")
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    program = tmp_path / "app.mjs"
    program.write_text(snippet.text.replace("<your DSN>", project["dsn"]) + "\nthrow new Error('by the guide')\n")
    subprocess.run([node(), program], capture_output=True, timeout=60, check=False)
    [group] = reading.wait_for_events(installation, "guide-node", 1)
    assert (group["title"], group["first_release"]) == ("Error: by the guide", "shop@1.0.0")


def test_the_guides_curl(installation: Installation):
    project = installation.create_project("Guide Curl", "guide-curl")
    [send] = blocks(GUIDE, "**Plain HTTP**")
    pasted(installation, send.text.replace("<token>", project["ingest_token"]))
    [group] = reading.wait_for_events(installation, "guide-curl", 1)
    assert group["title"] == "it broke"

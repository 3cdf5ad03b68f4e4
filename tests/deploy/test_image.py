"""The Dockerfile against the tree: what it copies is there and sent along, what it runs exists, how it ends is safe."""

import json
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest
from packaging.specifiers import SpecifierSet

from mini_sentry.config import cli
from mini_sentry.config.probes import PATHS
from tests.deploy.composed import ROOT

COMPILERS = re.compile(r"\b(gcc|g\+\+|clang|build-essential|make|cargo|rustc|apt-get|apk|npm)\b")


class Line(NamedTuple):
    word: str
    rest: str


def stages() -> list[list[Line]]:
    """The instructions of each stage, its FROM first."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [Line(*line.split(maxsplit=1)) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    found: list[list[Line]] = []
    for line in lines:
        if line.word == "FROM":
            found.append([])
        found[-1].append(line)
    return found


def of(word: str, stage: list[Line]) -> list[str]:
    return [line.rest for line in stage if line.word == word]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out of the build, by the last line that matches it or a directory above it."""
    result = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.lstrip("!").rstrip("/")
        parts = [re.escape(part).replace(r"\*\*", ".*").replace(r"\*", "[^/]*") for part in pattern.split("/")]
        expression = "/".join(parts).replace(".*/", "(?:.*/)?")
        if re.fullmatch(rf"{expression}(?:/.*)?", path):
            result = not line.startswith("!")
    return result


def copies() -> list[str]:
    """What is copied from the tree."""
    found = []
    for stage in stages():
        for rest in of("COPY", stage):
            words = rest.split()
            if not words[0].startswith("--from="):
                found += words[:-1]
    return found


@pytest.mark.parametrize("source", sorted(set(copies())))
def test_what_is_copied_is_in_the_tree_and_sent_to_the_builder(source: str) -> None:
    path = ROOT / source
    assert path.exists()
    inside = [p.relative_to(ROOT).as_posix() for p in path.rglob("*") if p.is_file()] if path.is_dir() else [source]
    assert any(not ignored(name) for name in inside)


@pytest.mark.parametrize("name", [".env", ".git/config", "data/main.db", "frontend/node_modules/x/y.js", "mini_sentry/web/dist/index.html", "mini_sentry/a/__pycache__/b.pyc", "tests/conftest.py", ".venv/bin/python", "frontend/.env.local", "README.md.orig"])  # fmt: skip
def test_secrets_builds_and_data_are_not_sent(name: str) -> None:
    assert ignored(name)


@pytest.mark.parametrize("name", ["frontend/.npmrc", "frontend/src/main.tsx", "frontend/tools/policy.ts", "mini_sentry/config/cli.py", "mini_sentry/analytics/schema/0001_events.sql", "requirements/run.txt", "manage.py"])  # fmt: skip
def test_what_the_build_needs_is_sent(name: str) -> None:
    assert (ROOT / name).is_file()
    assert not ignored(name)


def test_what_is_copied_between_stages_is_made_there() -> None:
    names = [stage[0].rest.split(" AS ")[-1] for stage in stages()]
    for number, stage in enumerate(stages()):
        for rest in of("COPY", stage):
            if rest.startswith("--from="):
                assert rest.removeprefix("--from=").split()[0] in names[:number]
    assert "outDir: '../mini_sentry/web/dist'" in (ROOT / "frontend" / "vite.config.ts").read_text()
    [source] = [rest.split()[1] for rest in of("COPY", stages()[1]) if rest.startswith("--from=ui")]
    workdir = PurePosixPath(of("WORKDIR", stages()[0])[0])
    assert PurePosixPath(source) == workdir.parent / "mini_sentry/web/dist"


def test_every_word_that_is_run_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    scripts = json.loads((ROOT / "frontend" / "package.json").read_text())["scripts"]
    runs = " ".join(rest for stage in stages() for rest in of("RUN", stage))
    assert set(re.findall(r"npm run ([\w:-]+)", runs)) <= set(scripts)
    assert all(re.search(rf"^{word}:", makefile, re.MULTILINE) for word in re.findall(r"\bmake ([\w-]+)", runs))
    assert "npm run build" in runs


def test_the_last_stage_builds_nothing_and_runs_as_nobody_special() -> None:
    last = stages()[-1]
    assert not any(COMPILERS.search(rest) for rest in of("RUN", last))
    assert "slim" in last[0].rest
    [user] = of("USER", last)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert user.split(":")[0] in of("RUN", last)[0]


def test_the_versions_are_those_that_we_support() -> None:
    pythons = {re.match(r"python:([\d.]+)", stage[0].rest) for stage in stages()[1:]}
    wanted = re.search(r'requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text())
    assert wanted
    assert all(python and python[1] in SpecifierSet(wanted[1]) for python in pythons)
    assert len({python[1] for python in pythons if python}) == 1
    node = re.match(r"node:(\d+)", stages()[0][0].rest)
    assert node
    assert node[1] == (ROOT / "frontend" / ".node-version").read_text().strip()


def test_it_starts_the_one_command_and_asks_whether_it_is_ready() -> None:
    last = stages()[-1]
    command = json.loads(of("CMD", last)[0])
    assert command[0] == "mini-sentry"
    options = cli._parser().parse_args(command[1:])
    assert options.command == "run"
    [health] = of("HEALTHCHECK", last)
    url = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", health)
    assert url
    assert int(url[1]) == options.port == int(of("EXPOSE", last)[0])
    assert url[2] in PATHS


def test_the_commands_of_the_guides_find_their_file() -> None:
    last = stages()[-1]
    assert "manage.py ./" in of("COPY", last)
    assert of("WORKDIR", last) == ["/app"]


def test_volumes_belong_to_the_user() -> None:
    last = stages()[-1]
    made = of("RUN", last)[0]
    for volume in json.loads(of("VOLUME", last)[0]):
        assert volume in made
    assert Path("/data").as_posix() in of("ENV", last)[0].split("MINI_SENTRY_DATA=")[1]

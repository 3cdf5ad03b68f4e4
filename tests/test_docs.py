"""The documentation names every setting, outcome reason and file that there is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mini_sentry.protocol.outcomes import Outcome, Reason
from tests.deploy.composed import variables_in
from tests.installation import free_port

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCES = sorted((ROOT / "mini_sentry" / "config").glob("*.py"))


def variables() -> set[str]:
    """Every variable that the settings read."""
    found = set()
    for source in SOURCES:
        text = source.read_text()
        found |= set(re.findall(r'\benv\.(?:text|number|flag|words|networks)\(\s*"([A-Z_]+)"', text))
        found |= set(re.findall(r'variables\.get\("([A-Z_]+)"', text))
    return found


def of_compose() -> set[str]:
    """What docker-compose.yml alone reads."""
    return variables_in(ROOT / "docker-compose.yml") - variables()


@pytest.mark.parametrize("name", sorted(variables() | of_compose()))
def test_a_setting_is_described_and_offered(name: str) -> None:
    assert f"| `{name}` |" in (DOCS / "settings.md").read_text()
    assert re.search(rf"^# {name}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_no_setting_is_described_that_nothing_reads() -> None:
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "settings.md").read_text(), re.MULTILINE))
    assert described == variables() | of_compose()


def described_defaults() -> dict[str, str]:
    """The defaults that the settings page gives literally, by variable."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| `([^`|]+)`", (DOCS / "settings.md").read_text(), re.MULTILINE)
    return dict(rows)


def offered_defaults() -> dict[str, str]:
    return dict(re.findall(r"^# ([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_page_and_the_example_name_the_same_variables_and_defaults() -> None:
    offered = offered_defaults()
    assert set(offered) == variables() | of_compose()
    assert described_defaults().items() <= offered.items()
    literal = {name for name, default in offered.items() if default and name != "MINI_SENTRY_DATA"}
    assert literal == set(described_defaults())


def test_the_example_changes_nothing_when_it_is_copied_and_can_be_used_when_all_of_it_is(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    assert not re.search(r"^[A-Z_]+=", example, re.MULTILINE)
    (tmp_path / ".env").write_text(re.sub(r"^# ([A-Z_]+=)", r"\1", example, flags=re.MULTILINE))
    kept = {name: value for name, value in os.environ.items() if name not in variables()}
    show = "import json; from django.conf import settings as s; print(json.dumps({n: str(getattr(s, n)) for n in dir(s) if n.isupper() and 'SECRET' not in n and not callable(getattr(s, n))}))"
    texts = []
    for place in (tmp_path, tmp_path / "elsewhere"):
        place.mkdir(exist_ok=True)
        done = subprocess.run([sys.executable, "-c", show], cwd=place, env=kept | {"MINI_SENTRY_DATA": str(tmp_path / "data")}, capture_output=True, text=True, check=True)  # fmt: skip
        texts.append(json.loads(done.stdout))
    assert texts[0] == texts[1]


CONTRACT = [
    "DJANGO_DEBUG",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "CLICKHOUSE_URL",
    "CLICKHOUSE_DATABASE",
    "RATE_LIMIT_EVENTS_PER_MINUTE",
    "RETENTION_DAYS",
    "EMAIL_BACKEND",
    "EMAIL_HOST",
    "EMAIL_PORT",
    "EMAIL_HOST_USER",
    "EMAIL_HOST_PASSWORD",
    "EMAIL_USE_TLS",
    "EMAIL_USE_SSL",
    "EMAIL_FROM",
]
"""The names that older installations have in their `.env`."""


@pytest.mark.parametrize("name", CONTRACT)
def test_a_name_of_older_installations_still_counts(name: str) -> None:
    assert name in variables()


@pytest.mark.parametrize(("name", "default"), [("RATE_LIMIT_EVENTS_PER_MINUTE", "120"), ("RETENTION_DAYS", "30"), ("EMAIL_BACKEND", "console"), ("EMAIL_PORT", "25")])  # fmt: skip
def test_its_default_is_the_old_one(name: str, default: str) -> None:
    assert offered_defaults()[name] == default


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "web", "digest", "snuba", "worker", "beat", "engine", "dead-letters list", "columns rebuild", "manage check", "manage.py"])  # fmt: skip
def test_every_command_reads_the_file_and_stops_at_what_it_cannot_use(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text("RETENTION_DAYS=many\n")
    start = [sys.executable, "-m", "mini_sentry.config.cli", *command.split()]
    if command in {"run", "web"}:
        start += ["--port", str(free_port())]
    if command == "manage.py":
        start = [sys.executable, str(ROOT / "manage.py"), "check"]
    kept = {name: value for name, value in os.environ.items() if name not in variables()}
    environment = kept | {"MINI_SENTRY_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(start, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode not in {0, -9}
    assert "RETENTION_DAYS='many' cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", [*Outcome, *(reason for reason in Reason if reason)])
def test_an_outcome_and_its_reasons_are_described(word: str) -> None:
    assert f"`{word}`" in (DOCS / "protocol.md").read_text()


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")], ids=lambda p: p.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []

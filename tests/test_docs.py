"""The documentation names every setting, outcome reason and file that there is."""

import re
from pathlib import Path

import pytest

from mini_sentry.protocol.outcomes import Outcome, Reason

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCES = [ROOT / "mini_sentry" / "config" / name for name in ("settings.py", "celery.py", "environment.py")]


def variables() -> set[str]:
    """Every variable that the settings read."""
    found = set()
    for source in SOURCES:
        text = source.read_text()
        found |= set(re.findall(r'\benv\.(?:text|number|flag|words)\(\s*"([A-Z_]+)"', text))
        found |= set(re.findall(r'variables\.get\("([A-Z_]+)"', text))
    return found


@pytest.mark.parametrize("name", sorted(variables()))
def test_a_setting_is_described_and_offered(name: str) -> None:
    assert f"| `{name}` |" in (DOCS / "settings.md").read_text()
    assert re.search(rf"^# {name}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_no_setting_is_described_that_nothing_reads() -> None:
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "settings.md").read_text(), re.MULTILINE))
    assert described == variables()


@pytest.mark.parametrize("word", [*Outcome, *(reason for reason in Reason if reason)])
def test_an_outcome_and_its_reasons_are_described(word: str) -> None:
    assert f"`{word}`" in (DOCS / "protocol.md").read_text()


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")], ids=lambda p: p.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []

"""Requests made up from the OpenAPI document find no answer that the document does not know, and no mistake of the server's."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import reading
from tests.installation import Installation, running

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
SECONDS = 30
"""For each of the two walks."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
STREAMS = ("/api/live/",)
"""Answers that do not end have no end to be looked at."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * SECONDS + 60)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("schema") / "data") as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def named(site: Installation) -> dict[str, Any]:
    """What the parameters of paths can name, one of each kind, made before anything else; all ids are 1."""
    project = site.create_project()
    token = project["ingest_token"]
    event = site.post(f"/api/events/ingest/token/{token}/", {"message": "it broke", "release": "1.0.0"}).json()
    site.post(f"/api/sessions/ingest/token/{token}/", {"session_id": "s-1", "release": "1.0.0"})
    [group] = reading.wait_for_events(site, "shop", 1)
    content = json.dumps({"version": 3, "file": "app.js", "sources": ["a.ts"], "names": [], "mappings": "AAAA"})
    rule = {"project": 1, "name": "Many errors", "target_value": "ops@example.com"}
    for path, body in (
        ("/api/releases/1/artifacts/", {"name": "app.js.map", "content": content}),
        ("/api/deployments/", {"project": 1, "release": 1}),
        ("/api/alert-rules/", rule),
        ("/api/alert-rules/1/targets/", {"target_type": "email", "target_value": "dev@example.com"}),
    ):
        made = site.post(path, body)
        assert (made.status, made.json()["id"]) == (201, 1), made.body
    ids = dict.fromkeys(("id", "group_id", "target_id", "artifact", "project_id"), 1)
    words = {"slug": "shop", "token": token, "event_id": event["id"], "short_id": group["short_id"], "event": "latest"}
    return {f"path.{name}": value for name, value in (ids | words).items()} | {"query.project": "shop"}


MEDIA_TYPES = """
import schemathesis

schemathesis.serializer.alias("application/csp-report", "application/json")
schemathesis.serializer.alias("application/x-sentry-envelope", "application/octet-stream")
"""
"""How bodies of these types are written, which the tool does not know by itself."""


def walk(
    site: Installation,
    directory: Path,
    *more: str,
    fixed: dict[str, Any],
    seed: int,
    document: Path = DOCUMENT,
) -> subprocess.CompletedProcess[str]:
    """Send made-up requests for SECONDS. `fixed` are parameters that are not made up, `more` are arguments."""
    (directory / "media_types.py").write_text(MEDIA_TYPES)
    config = directory / "schemathesis.toml"
    config.write_text(
        'hooks = "media_types"\n[parameters]\n'
        + "".join(f'"{name}" = {json.dumps(value)}\n' for name, value in fixed.items())
    )
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document), "--url", site.address, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-time", str(SECONDS), "--seed", str(seed), "--continue-on-failure", "--request-timeout", "10", "--generation-database", "none", "--no-shrink", "--suppress-health-check", "all", "--warnings", "off", "--no-color"]  # fmt: skip
    for path in STREAMS:
        command += ["--exclude-path", path]
    return subprocess.run(
        [*command, *more], cwd=directory, capture_output=True, text=True, timeout=3 * SECONDS, check=False
    )


def found_nothing(site: Installation, walked: subprocess.CompletedProcess[str]) -> None:
    assert walked.returncode == 0, walked.stdout[-12_000:] + walked.stderr[-2_000:]
    assert "Traceback" not in site.output()


def test_made_up_requests_are_answered_as_the_document_says(site: Installation, tmp_path: Path) -> None:
    found_nothing(site, walk(site, tmp_path, fixed={}, seed=1))


def test_made_up_requests_about_what_is_there_are_answered_as_the_document_says(
    site: Installation, named: dict[str, Any], tmp_path: Path
) -> None:
    found_nothing(site, walk(site, tmp_path, fixed=named, seed=2))


def test_an_answer_that_the_document_does_not_know_is_found(site: Installation, tmp_path: Path) -> None:
    document = tmp_path / "openapi.yaml"
    document.write_text(DOCUMENT.read_text().replace("4XX", "403"))
    one = ("--include-path", "/api/groups/{id}/", "--max-time", "5")
    walked = walk(site, tmp_path, *one, fixed={}, seed=3, document=document)
    assert walked.returncode == 1, walked.stdout
    assert "Undocumented status code" in walked.stdout


def test_the_server_has_lived_through_it(site: Installation) -> None:
    assert site.get("/api/health/").json()["ok"] is True
    assert site.get("/api/groups/?project=shop").status == 200

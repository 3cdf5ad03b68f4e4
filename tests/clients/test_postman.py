"""The Postman collection holds every operation of the API, and all of it passes against a running server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients.node import HERE, node
from tests.installation import running
from tools import postman

COLLECTION: dict[str, Any] = json.loads(postman.COLLECTION.read_text())
DOCUMENT: dict[str, Any] = yaml.safe_load(postman.DOCUMENT.read_text())


def requests() -> list[dict[str, Any]]:
    return [item for folder in COLLECTION["item"] for item in folder["item"]]


def test_the_collection_is_the_one_that_the_document_gives() -> None:
    assert postman.COLLECTION.read_text() == postman.text_of(DOCUMENT), "run: make postman"


def test_every_operation_is_in_it_once() -> None:
    operations = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
    assert sorted(item["name"] for item in requests()) == sorted(operations)


def test_every_request_is_tested_for_its_code() -> None:
    for item in requests():
        [script] = [event["script"]["exec"] for event in item["event"] if event["listen"] == "test"]
        assert any("pm.response.code" in line for line in script), item["name"]


def test_an_operation_that_the_generator_does_not_know_is_told_of() -> None:
    operation = {"operationId": "new_thing", "tags": ["new"], "requestBody": {"content": {}}, "responses": {"200": {}}}
    with pytest.raises(postman.Incomplete, match="new_thing"):
        postman.collection({"paths": {"/api/new/": {"post": operation}}})


@pytest.mark.slow
def test_newman_runs_it_from_the_top_without_a_failure(tmp_path: Path) -> None:
    script = HERE / "node_modules" / "newman" / "bin" / "newman.js"
    report = tmp_path / "report.json"
    with running(tmp_path / "data", variables={"EMAIL_BACKEND": "console"}) as installation:
        done = subprocess.run(
            [node(), script, "run", postman.COLLECTION, "--env-var", f"base_url={installation.address}", "--timeout-request", "20000", "--reporters", "cli,json", "--reporter-json-export", report],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    run = json.loads(report.read_text())["run"]
    assert run["stats"]["assertions"]["failed"] == 0
    answered = {one["item"]["name"] for one in run["executions"] if "response" in one}
    assert {item["name"] for item in requests()} - answered == postman.STREAMS

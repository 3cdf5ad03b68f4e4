import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, get_resolver

from mini_sentry.web.docs import document
from mini_sentry.web.document import EDGE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def described() -> Any:
    return yaml.safe_load(document())


def test_the_document_in_the_tree_is_the_one_the_views_give() -> None:
    kept = (ROOT / "docs" / "openapi.yaml").read_bytes()
    assert kept == document(), "run: manage.py spectacular --file docs/openapi.yaml"


def test_it_is_valid_and_nothing_about_it_is_guessed(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "openapi.yaml"))


def test_it_is_served(client: Client) -> None:
    response = client.get("/docs/openapi.yaml")
    assert response.status_code == 200
    assert response.content == document()


def test_every_endpoint_is_described(described: Any) -> None:
    routes = {
        "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in get_resolver().url_patterns
        if isinstance(pattern, URLPattern) and str(pattern.pattern).startswith("api/")
    }
    assert len(routes) > 25
    assert set(described["paths"]) == routes | set(EDGE)


def test_every_operation_says_what_it_does_and_answers(described: Any) -> None:
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            good = [code for code in operation["responses"] if code.startswith("2")]
            assert good in (["200"], ["201"], ["204"], ["200", "201"]), (path, method)
            is_empty = good == ["204"] or operation["operationId"] == "security"
            assert ("content" in operation["responses"][good[0]]) != is_empty, (path, method)
            assert "4XX" in operation["responses"], (path, method)


def test_each_operation_has_a_name_of_its_own(described: Any) -> None:
    names = [
        operation["operationId"] for operations in described["paths"].values() for operation in operations.values()
    ]
    assert len(names) == len(set(names))

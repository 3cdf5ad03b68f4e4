"""What every endpoint does with bodies, errors and addresses, shown on the projects."""

import json
from typing import Any

import pytest
from django.test import Client

from mini_sentry.projects.models import Project

pytestmark = pytest.mark.django_db


def post(client: Client, body: bytes | str, content_type: str = "application/json") -> Any:
    return client.post("/api/projects/", data=body, content_type=content_type)


@pytest.mark.parametrize("path", ["/api/projects/", "/api/projects"])
def test_either_slash_form_answers_every_method(client: Client, path: str) -> None:
    made = client.post(path, {"name": path, "slug": "one"}, content_type="application/json")
    assert made.status_code == 201
    assert len(client.get(path).json()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": "\\ud800", "slug": "x"}',
        b"[" * 200_000,
        b'{"name": 1e999}',
        b"[]",
        b'"text"',
        b"null",
        b"7",
        b'{"name": "nul\\u0000", "slug": "x"}',
        b'{"name": {"a": 1}, "slug": ["x"]}',
        b'{"name": true, "slug": false}',
        b'{"name": "x", "slug": "x", "platform": null}',
    ],
)
def test_a_body_that_cannot_be_used_is_a_400_of_one_of_two_shapes(client: Client, body: bytes) -> None:
    response = post(client, body)
    assert response.status_code == 400
    answer = response.json()
    if set(answer) == {"detail"}:
        assert isinstance(answer["detail"], str)
    else:
        assert all(isinstance(text, str) for texts in answer.values() for text in texts)
    assert not Project.objects.exists()


def test_a_body_beyond_the_limit_is_a_413(client: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
    response = post(client, json.dumps({"name": "n" * (1 << 20), "slug": "x"}))
    assert (response.status_code, response.json()) == (413, {"detail": "The body has more than 1 MB."})
    assert not Project.objects.exists()


def test_a_form_is_read_as_well_as_json(client: Client) -> None:
    assert client.post("/api/projects/", {"name": "Form", "slug": "form"}).status_code == 201
    assert post(client, "name=Curl&slug=curl", "application/x-www-form-urlencoded").status_code == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "text/json"])
def test_other_media_types_are_a_415(client: Client, content_type: str) -> None:
    response = post(client, '{"name": "x", "slug": "x"}', content_type)
    assert response.status_code == 415
    assert set(response.json()) == {"detail"}


def test_unknown_keys_are_passed_over(client: Client) -> None:
    assert post(client, json.dumps({"name": "x", "slug": "x", "colour": "red"})).status_code == 201


def test_a_wrong_method_is_a_405_with_the_right_ones(client: Client) -> None:
    response = client.delete("/api/projects/")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert set(response.json()) == {"detail"}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*"])
def test_the_answer_is_json_whatever_is_accepted(client: Client, accept: str) -> None:
    response = client.get("/api/projects/", headers={"Accept": accept})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/", "/api", "/api/nothing/", "/api/projects/no-such/", "/api/projects/%00/"])
def test_what_is_not_there_is_a_404_with_a_detail(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert set(response.json()) == {"detail"}

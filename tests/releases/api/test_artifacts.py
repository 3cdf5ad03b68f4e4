import hashlib
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from mini_sentry.projects.models import Project
from mini_sentry.releases.artifacts import contents
from mini_sentry.releases.models import Artifact, Release
from tests.answers import json_of
from tests.factories import make_release
from tests.symbolication.shelf import SAMPLES

CONTRACT = {"id", "release", "name", "content", "content_type", "file_name", "checksum", "created_at"}
MAP = (SAMPLES / "checkout.min.js.map").read_text()


@pytest.fixture
def release(shop: Project) -> Release:
    return make_release(shop)


def upload(client: Client, release: Release, /, **fields: Any) -> Any:
    return client.post(f"/api/releases/{release.pk}/artifacts/", fields, content_type="application/json")


def listed(client: Client, release: Release, query: str = "") -> Any:
    return json_of(client.get(f"/api/releases/{release.pk}/artifacts/{query}"))


def test_a_map_is_answered_whole(client: Client, release: Release):
    named = json.dumps(json.loads(MAP) | {"file": "checkout.min.js"})
    response = upload(client, release, name="app.js.map", content=named, content_type="application/json")
    assert response.status_code == 201
    made = response.json()
    assert set(made) >= CONTRACT
    assert (made["release"], made["name"], made["content"]) == (release.pk, "app.js.map", named)
    assert (made["file_name"], made["content_type"]) == ("checkout.min.js", "application/json")
    assert made["checksum"] == hashlib.sha256(named.encode()).hexdigest()
    assert client.get(f"/api/releases/{release.pk}/artifacts/{made['id']}/").json() == made


def test_a_map_without_a_file_has_an_empty_file_name(client: Client, release: Release):
    assert upload(client, release, name="app.js.map", content=MAP).json()["file_name"] == ""


def test_a_function_map_is_taken(client: Client, release: Release):
    made = upload(client, release, name="app.js.map", content='{"function_map":{"min":"Original"}}').json()
    assert (made["kind"], made["file_name"]) == ("function_map", "")


def test_a_file_of_a_form_is_taken_and_names_itself(client: Client, release: Release):
    file = SimpleUploadedFile("checkout.min.js.map", MAP.encode())
    made = client.post(f"/api/releases/{release.pk}/artifacts", {"file": file, "dist": "12"}).json()
    assert (made["name"], made["content"], made["dist"], made["size"]) == ("checkout.min.js.map", MAP, "12", len(MAP))


def test_a_minified_script_is_taken(client: Client, release: Release):
    script = (SAMPLES / "checkout.min.js").read_text()
    made = upload(client, release, name="checkout.min.js", content=script).json()
    assert (made["kind"], made["content_type"]) == ("minified", "application/javascript")
    assert made["debug_id"] == "2d78a1b1-576f-5ce7-bdef-105bf16a7100"


def test_the_list_is_a_bare_array_with_the_newest_first_and_a_name_keeps_its_history(client: Client, release: Release):
    upload(client, release, name="app.js.map", content=MAP)
    upload(client, release, name="other.js.map", content=MAP)
    newer = json.dumps(json.loads(MAP) | {"file": "newer"})
    upload(client, release, name="app.js.map", content=newer)
    shown = listed(client, release)
    assert [(one["name"], one["is_current"]) for one in shown] == [
        ("app.js.map", True),
        ("other.js.map", True),
        ("app.js.map", False),
    ]
    assert [one["content"] for one in shown] == [newer, MAP, MAP]


def test_the_list_can_do_without_the_contents(client: Client, release: Release):
    upload(client, release, name="app.js.map", content=MAP)
    [shown] = listed(client, release, "?content=false")
    assert "content" not in shown
    assert shown["size"] == len(MAP)


def test_one_content_under_two_names_is_one_file(client: Client, release: Release):
    for name in ("a.js.map", "b.js.map"):
        upload(client, release, name=name, content=MAP)
    [checksum] = set(Artifact.objects.values_list("checksum", flat=True))
    assert contents().read(checksum).decode() == MAP


def test_the_release_in_the_body_and_unknown_keys_are_passed_over(client: Client, release: Release):
    made = upload(client, release, name="app.js.map", content=MAP, release=999, file_name="x", more=[1]).json()
    assert (made["release"], made["file_name"]) == (release.pk, "")


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("content", {"content": {"version": 3}}),
        ("content", {"content": 7}),
        ("content", {"content": None}),
        ("content", {"content": ""}),
        ("content", {"content": "nonsense"}),
        ("content", {"content": "{}"}),
        ("content", {"content": '{"version": 3, "mappings": "!!", "sources": [], "names": []}'}),
        ("name", {"name": ""}),
        ("name", {"name": 5}),
        ("name", {"name": "x" * 1025}),
        ("name", {"name": "a\nb"}),
        ("dist", {"dist": "a/b"}),
        ("dist", {"dist": "x" * 65}),
        ("content_type", {"content_type": ["json"]}),
        ("file", {"file": "text"}),
    ],
)
def test_a_field_that_cannot_be_used_is_named(client: Client, release: Release, field: str, fields: dict[str, Any]):
    response = upload(client, release, **{"name": "app.js.map", "content": MAP} | fields)
    assert (response.status_code, set(response.json())) == (400, {field})
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(("fields", "missing"), [({"content": MAP}, "name"), ({"name": "app.js.map"}, "content")])
def test_what_is_missing_is_named(client: Client, release: Release, fields: dict[str, str], missing: str):
    response = upload(client, release, **fields)
    assert (response.status_code, set(response.json())) == (400, {missing})


def test_a_body_that_is_no_object_is_400(client: Client, release: Release):
    url = f"/api/releases/{release.pk}/artifacts/"
    assert client.post(url, "[1]", content_type="application/json").status_code == 400
    assert client.post(url, "nonsense", content_type="application/json").status_code == 400
    assert client.post(url, "x", content_type="text/csv").status_code == 415


def test_a_file_that_is_not_text_is_named(client: Client, release: Release):
    file = SimpleUploadedFile("app.js.map", b'{"version": 3, "mappings": "\xff"}')
    response = client.post(f"/api/releases/{release.pk}/artifacts/", {"file": file})
    assert (response.status_code, set(response.json())) == (400, {"file"})


def test_what_is_too_large_is_413_and_names_the_field(client: Client, release: Release, settings: Settings):
    settings.MAX_ARTIFACT_MB = 1
    large = json.dumps({"version": 3, "sources": [], "names": [], "mappings": "", "x": "x" * (1 << 20)})
    response = upload(client, release, name="app.js.map", content=large)
    assert (response.status_code, response.json()["detail"].partition(":")[0]) == (413, "content")
    file = SimpleUploadedFile("app.js.map", large.encode())
    response = client.post(f"/api/releases/{release.pk}/artifacts/", {"file": file})
    assert (response.status_code, response.json()["detail"].partition(":")[0]) == (413, "file")
    assert not Artifact.objects.exists()


def large_map(text: str) -> str:
    """A map of some five megabytes, full of a text."""
    sources = [text * (5_000_000 // len(text.encode()))]
    known = {"version": 3, "file": "app.js", "sources": ["a.ts"], "sourcesContent": sources, "names": []}
    return json.dumps(known | {"mappings": "AAAA"}, ensure_ascii=False)


@pytest.mark.parametrize("text", ["const a = 'x';\n", '\n\t"\\\\u00e9\\', "größer €", "🙂a", "\0x"])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_a_large_map_is_kept_and_answered_as_it_was_sent(client: Client, release: Release, text: str, is_ascii: bool):
    sent = large_map(text)
    body = json.dumps({"name": "app.js.map", "content": sent}, ensure_ascii=is_ascii)
    response = client.post(f"/api/releases/{release.pk}/artifacts/", body.encode(), content_type="application/json")
    assert response.status_code == 201
    made = json_of(response)
    assert made["content"] == sent
    assert (made["file_name"], made["size"], list(made)[3]) == ("app.js", len(sent.encode()), "content")
    assert contents().read(made["checksum"]).decode() == sent
    url = f"/api/releases/{release.pk}/artifacts/{made['id']}/"
    assert json_of(client.get(url)) == made
    assert listed(client, release) == [made]


def test_a_large_file_that_is_no_map_is_refused_with_the_reason(client: Client, release: Release):
    for content in ("x" * (5 << 20), large_map("x").replace("AAAA", "!!"), large_map("x")[:-1]):
        response = upload(client, release, name="app.js.map", content=content)
        assert (response.status_code, set(response.json())) == (400, {"content"})
        file = SimpleUploadedFile("app.js.map", content.encode())
        response = client.post(f"/api/releases/{release.pk}/artifacts/", {"file": file})
        assert (response.status_code, set(response.json())) == (400, {"file"})
    assert not Artifact.objects.exists()


def test_an_upload_may_be_answered_without_its_content(client: Client, release: Release):
    url = f"/api/releases/{release.pk}/artifacts/"
    made = client.post(f"{url}?content=false", {"name": "a.js.map", "content": MAP}, "application/json").json()
    assert "content" not in made
    assert client.get(f"{url}{made['id']}/?content=false").json() == made


def test_a_text_that_is_none_is_400(client: Client, release: Release):
    url = f"/api/releases/{release.pk}/artifacts/"
    for content in (rb"\ud800", b"\xff", rb"\x"):
        body = b'{"name":"a.js.map","content":"%b"}' % content
        assert client.post(url, body, content_type="application/json").status_code == 400


def test_a_release_or_artifact_that_is_not_there_is_404(client: Client, release: Release, shop: Project):
    other = make_release(shop, "2.0.0")
    made = upload(client, release, name="app.js.map", content=MAP).json()["id"]
    for url in ("/api/releases/999/artifacts/", f"/api/releases/{other.pk}/artifacts/{made}/"):
        assert client.get(url).status_code == 404
    response = client.post("/api/releases/999/artifacts/", {"name": "a", "content": MAP}, "application/json")
    assert response.status_code == 404


def test_after_a_deletion_the_file_before_it_is_used_again(client: Client, release: Release):
    upload(client, release, name="app.js.map", content=MAP)
    newer = upload(client, release, name="app.js.map", content=MAP).json()["id"]
    assert client.delete(f"/api/releases/{release.pk}/artifacts/{newer}/").status_code == 204
    [left] = listed(client, release)
    assert left["is_current"]


def test_a_release_counts_its_files_and_knows_its_builds(client: Client, release: Release):
    for dist in ("7", "7", "8"):
        upload(client, release, name="app.js.map", content=MAP, dist=dist)
    shown = client.get(f"/api/releases/{release.pk}/").json()
    assert (shown["artifact_count"], shown["dists"]) == (2, ["7", "8"])

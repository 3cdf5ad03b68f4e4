import pytest
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("host", ["localhost", "localhost:8123", "127.0.0.1:8000", "[::1]:8000", "app.localhost"])
def test_loopback_names_are_answered_at_any_port(client: Client, host: str) -> None:
    assert client.get("/api/projects/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.168.0.7:8000", "no such host", "127.0.0.1.nip.io"]
)
@pytest.mark.parametrize("allowed", [[], ["*"]])
def test_other_names_are_refused_with_a_sentence(
    client: Client, settings: Settings, host: str, allowed: list[str]
) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, *allowed]
    response = client.get("/api/projects/", headers={"Host": host})
    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in response.json()["detail"]
    assert client.get("/", headers={"Host": host}).status_code == 400


def test_a_name_that_is_allowed_is_answered(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["errors.example.com"]
    assert client.get("/api/projects/", headers={"Host": "errors.example.com"}).status_code == 200


def create(client: Client, **headers: str) -> int:
    headers = {"Host": "localhost:8000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        "/api/projects/", {"name": "x", "slug": "x"}, content_type="application/json", headers=headers
    ).status_code


def test_a_program_without_an_origin_may_change_things(client: Client) -> None:
    assert create(client) == 201


def test_our_own_page_may_change_things(client: Client) -> None:
    assert create(client, Origin="http://localhost:8000", Sec_Fetch_Site="same-origin") == 201


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:8000"])
def test_a_page_of_another_origin_may_not(client: Client, origin: str) -> None:
    assert create(client, Origin=origin) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_names_no_origin_but_another_site_may_not(client: Client, site: str) -> None:
    assert create(client, Sec_Fetch_Site=site) == 403


def test_plain_text_cannot_smuggle_an_action(client: Client) -> None:
    response = client.post("/api/groups/1/resolve/", data="{}", content_type="text/plain")
    assert response.status_code == 415


def test_reading_is_open_to_links_from_elsewhere(client: Client) -> None:
    response = client.get("/", headers={"Host": "localhost", "Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 200

"""Who is answered by a server whose ports a container publishes on this machine."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from mini_sentry.accounts.models import User
from mini_sentry.web import access

pytestmark = pytest.mark.django_db

ADDRESSES = ["/api/projects/", "/", "/p/shop/issues", "/docs/"]


@pytest.fixture(autouse=True)
def published(settings: Settings) -> Iterator[None]:
    settings.PUBLISHED_ON = "127.0.0.1"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "web"]
    access.users.forget()
    yield
    access.users.forget()


def make_person(*, is_active: bool = True) -> User:
    person: User = User.objects.create_superuser("ada@example.com", "a long password")
    person.is_active = is_active
    person.save()
    access.users.forget()
    return person


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("host", ["localhost:8000", "web:8000"])
def test_everybody_is_answered_while_there_is_no_user(client: Client, address: str, host: str) -> None:
    assert client.get(address, headers={"Host": host}).status_code == 200


def test_only_active_users_close_it(client: Client) -> None:
    make_person(is_active=False)
    assert client.get("/api/projects/").status_code == 200


def test_the_first_user_closes_the_api_and_says_where_to_sign_in(client: Client) -> None:
    make_person()
    response = client.get("/api/projects/")
    assert response.status_code == 401
    assert "/admin/login/" in response.json()["detail"]


@pytest.mark.parametrize("address", ["/", "/p/shop/issues", "/docs/"])
def test_the_first_user_sends_pages_to_the_sign_in_and_back(client: Client, address: str) -> None:
    make_person()
    response = client.get(address)
    assert response.status_code == 302
    assert response.headers["Location"] == f"/admin/login/?next={address}"


@pytest.mark.parametrize("address", ["/admin/login/", "/api/health/"])
def test_the_sign_in_and_the_health_stay_open(client: Client, address: str) -> None:
    make_person()
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_has_signed_in_is_answered(client: Client, address: str) -> None:
    person = make_person()
    credentials = {"username": person.email, "password": "a long password"}
    assert client.post("/admin/login/?next=/", credentials).status_code == 302
    assert client.get(address).status_code == 200


def test_a_server_on_a_loopback_address_stays_open(client: Client, settings: Settings) -> None:
    settings.PUBLISHED_ON = ""
    make_person()
    assert client.get("/api/projects/").status_code == 200


def test_the_event_stream_is_for_whoever_may_read(client: Client) -> None:
    assert access.may_listen("")
    person = make_person()
    assert not access.may_listen("")
    assert not access.may_listen("sessionid=0123456789abcdef; theme=dark")
    client.force_login(person)
    assert access.may_listen(f"theme=dark; sessionid={client.cookies['sessionid'].value}")
    client.logout()


def test_an_event_stream_of_somebody_who_signed_out_is_refused(client: Client) -> None:
    client.force_login(make_person())
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    client.logout()
    assert not access.may_listen(cookie)


@pytest.mark.parametrize("address", ["/api/projects/", "/"])
def test_without_the_store_nobody_is_let_in_on_a_guess(client: Client, address: str) -> None:
    def away(*_: object) -> None:
        raise OperationalError("no connection")

    with connection.execute_wrapper(away):
        response = client.get(address)
    assert response.status_code == 503
    assert b"away" in response.content

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from mini_sentry import __version__
from mini_sentry.projects.models import Project
from mini_sentry.web import policies
from tests.factories import make_project

PAGE = "<!doctype html><html><head><title>Mini Sentry</title></head><body><div id=root></div></body></html>"


@pytest.fixture
def built(db: None, settings: Settings, tmp_path: Path) -> Path:
    settings.WEB_DIST = tmp_path
    (tmp_path / "index.html").write_text(PAGE)
    return tmp_path


class Found(HTMLParser):
    """The `<base>` and the bootstrap block, as a browser's parser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.base = ""
        self.scripts: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        attributes = dict(attrs)
        if tag == "base":
            self.base = attributes["href"]
        self._inside = tag == "script" and attributes.get("id") == "bootstrap"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts.append(data)
            self._inside = False


@pytest.mark.parametrize(
    "path",
    ["/", "/projects", "/p/shop/issues/SHOP-1", "/p/shop/releases/1.2.3", "/p/shop/releases/app.js", "/no/such/page"],
)
def test_every_address_that_is_not_the_servers_own_is_the_application(client: Client, built: Path, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "<div id=root>" in response.content.decode()
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Content-Security-Policy"] == policies.APPLICATION
    assert "csrftoken" in response.cookies


@pytest.mark.parametrize(
    "path", ["/assets/gone.js", "/favicon.ico", "/robots.txt", "/wp-login.php", "/static/x", "/.env", "/healthz"]
)
def test_a_file_that_is_not_there_is_a_real_404(client: Client, built: Path, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_carries_what_the_first_paint_needs(client: Client, built: Path) -> None:
    project = make_project("Shop", slug="shop", platform="python")
    found = Found(client.get("/projects", headers={"Host": "localhost:8123"}).content.decode())
    assert found.base == "/"
    assert json.loads(found.scripts[0]) == {
        "user": None,
        "projects": [{"id": project.pk, "name": "Shop", "slug": "shop", "platform": "python"}],
        "version": __version__,
        "publicUrl": "http://localhost:8123",
        "open": True,
    }


def test_a_hostile_name_cannot_leave_its_block(client: Client, built: Path) -> None:
    name = "</script><script>alert(1)</script><!-- \u2028&amp;"
    Project.objects.create(name=name, slug="evil")
    page = client.get("/").content.decode()
    found = Found(page)
    assert len(re.findall("<script", page)) == 1
    assert json.loads(found.scripts[0])["projects"][0]["name"] == name


def test_the_page_knows_the_prefix_it_is_served_under(client: Client, built: Path) -> None:
    response = client.get("/err/projects", SCRIPT_NAME="/err", PATH_INFO="/projects", headers={"Host": "localhost"})
    found = Found(response.content.decode())
    assert found.base == "/err/"
    assert json.loads(found.scripts[0])["publicUrl"] == "http://localhost/err"


def test_a_new_build_is_served_at_once(client: Client, built: Path) -> None:
    client.get("/")
    index = built / "index.html"
    index.write_text(PAGE.replace("id=root", "id=fresh"))
    os.utime(index, ns=(1, 1))
    assert "id=fresh" in client.get("/").content.decode()


def test_a_checkout_without_a_build_says_what_to_run(client: Client, built: Path) -> None:
    (built / "index.html").unlink()
    response = client.get("/")
    assert response.status_code == 200
    assert "make run" in response.content.decode()


def test_the_shell_only_answers_reads(client: Client, built: Path) -> None:
    assert client.post("/projects", {}).status_code in {403, 405}
    assert client.head("/projects").status_code == 200


def test_the_reference_works_without_an_inline_script(client: Client, db: None) -> None:
    response = client.get("/docs/")
    assert response.status_code == 200
    scripts = re.findall(r"<script[^>]*>", response.content.decode())
    assert scripts
    assert all("src=" in script for script in scripts)
    assert "'unsafe-inline'" not in response.headers["Content-Security-Policy"].split("style-src")[0]
    started = client.get("/docs/?script=")
    assert started.status_code == 200
    assert "openapi.yaml" in started.content.decode()


@pytest.mark.parametrize("path", ["/docs", "/admin"])
def test_a_page_with_a_policy_of_its_own_is_found_without_the_slash(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["Location"]) == (302, f"{path}/")


def test_pages_that_name_no_icon_get_the_built_one(client: Client, built: Path) -> None:
    (built / "assets").mkdir(exist_ok=True)
    (built / "assets" / "favicon-1234.svg").write_text("<svg/>")
    response = client.get("/favicon.ico")
    assert (response.status_code, response.headers["Location"]) == (302, "/assets/favicon-1234.svg")


def test_the_administration_asks_for_sign_in_under_its_own_policy(client: Client, db: None) -> None:
    response = client.get("/admin/login/")
    assert response.status_code == 200
    assert response.headers["Content-Security-Policy"] == policies.policy_of("/admin/")


def test_data_can_do_nothing_in_a_browser(client: Client, db: None) -> None:
    response = client.get("/api/projects/")
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings


@pytest.fixture
def assets(db: None, settings: Settings, tmp_path: Path) -> Path:
    settings.WEB_DIST = tmp_path
    directory = tmp_path / "assets"
    directory.mkdir()
    (directory / "base-1a2b.js").write_text("export const build = 1")
    return directory


def test_a_built_file_is_kept_by_browsers_for_good(client: Client, assets: Path) -> None:
    response = client.get("/assets/base-1a2b.js")
    assert response.status_code == 200
    assert b"".join(response) == b"export const build = 1"
    assert "immutable" in response.headers["Cache-Control"]


def test_the_files_of_a_build_made_under_the_running_server_are_served(client: Client, assets: Path) -> None:
    assert client.get("/assets/base-1a2b.js").status_code == 200
    (assets / "base-1a2b.js").unlink()
    (assets / "base-3c4d.js").write_text("export const build = 2")
    assert b"".join(client.get("/assets/base-3c4d.js")) == b"export const build = 2"
    # What a page that is still open asks for is missing plainly, so that it can offer to reload.
    assert client.get("/assets/base-1a2b.js").status_code == 404


def test_a_file_that_went_is_missing_before_the_new_ones_are_asked_for(client: Client, assets: Path) -> None:
    assert client.get("/assets/base-1a2b.js").status_code == 200
    (assets / "base-1a2b.js").unlink()
    assert client.get("/assets/base-1a2b.js").status_code == 404


def test_a_first_build_made_under_the_running_server_is_served(client: Client, assets: Path) -> None:
    (assets / "base-1a2b.js").unlink()
    assets.rmdir()
    assert client.get("/assets/base-1a2b.js").status_code == 404
    assets.mkdir()
    (assets / "base-1a2b.js").write_text("export const build = 1")
    assert client.get("/assets/base-1a2b.js").status_code == 200


def test_the_page_is_never_served_as_a_file(client: Client, assets: Path) -> None:
    (assets.parent / "index.html").write_text("<head>")
    assert client.get("/index.html").status_code == 404

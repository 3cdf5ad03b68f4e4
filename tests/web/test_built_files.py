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


def asked(client: Client, path: str) -> tuple[int, bytes]:
    response = client.get(path)
    try:
        return response.status_code, response.getvalue()
    finally:
        response.close()


def test_a_built_file_is_kept_by_browsers_for_good(client: Client, assets: Path) -> None:
    response = client.get("/assets/base-1a2b.js")
    assert response.getvalue() == b"export const build = 1"
    assert "immutable" in response.headers["Cache-Control"]


def test_the_files_of_a_build_made_under_the_running_server_are_served(client: Client, assets: Path) -> None:
    assert asked(client, "/assets/base-1a2b.js")[0] == 200
    (assets / "base-1a2b.js").unlink()
    (assets / "base-3c4d.js").write_text("export const build = 2")
    assert asked(client, "/assets/base-3c4d.js") == (200, b"export const build = 2")
    # What a page that is still open asks for is missing plainly, so that it can offer to reload.
    assert asked(client, "/assets/base-1a2b.js")[0] == 404


def test_a_file_that_went_is_missing_before_the_new_ones_are_asked_for(client: Client, assets: Path) -> None:
    assert asked(client, "/assets/base-1a2b.js")[0] == 200
    (assets / "base-1a2b.js").unlink()
    assert asked(client, "/assets/base-1a2b.js")[0] == 404


def test_a_first_build_made_under_the_running_server_is_served(client: Client, assets: Path) -> None:
    (assets / "base-1a2b.js").unlink()
    assets.rmdir()
    assert asked(client, "/assets/base-1a2b.js")[0] == 404
    assets.mkdir()
    (assets / "base-1a2b.js").write_text("export const build = 1")
    assert asked(client, "/assets/base-1a2b.js")[0] == 200


def test_the_page_is_never_served_as_a_file(client: Client, assets: Path) -> None:
    (assets.parent / "index.html").write_text("<head>")
    assert asked(client, "/index.html")[0] == 404

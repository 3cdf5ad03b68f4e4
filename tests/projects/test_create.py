from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from mini_sentry.projects.create import CannotCreate, create_project, suggest_slug
from mini_sentry.projects.models import Project

pytestmark = pytest.mark.django_db


def test_a_new_project_has_a_token_and_one_active_key() -> None:
    project = create_project("My App", "my-app")
    assert len(project.ingest_token) == 48
    assert [key.is_active for key in project.keys.all()] == [True]


@pytest.mark.parametrize(
    ("name", "slug"),
    [("My App", "my-app"), ("Über Shop!", "uber-shop"), ("日本", "project"), ("a" * 90, "a" * 44)],
)
def test_a_slug_is_made_from_the_name(name: str, slug: str) -> None:
    assert create_project(name).slug == slug


def test_a_suggested_slug_steps_round_those_that_are_taken() -> None:
    create_project("Shop", "shop")
    create_project("Shop!", None)
    assert suggest_slug("SHOP") == "shop-3"


@pytest.mark.parametrize(
    ("name", "slug", "field"),
    [
        ("Shop", "other", "name"),
        ("Other", "shop", "slug"),
        ("Other", "SHOP", "slug"),
        ("", "other", "name"),
        ("   ", "other", "name"),
        ("Other", "with blank", "slug"),
        ("Other", "", "slug"),
        ("Other", "a" * 51, "slug"),
        ("n" * 201, "other", "name"),
        ("nul\0", "other", "name"),
    ],
)
def test_what_cannot_be_made_names_the_field(name: str, slug: str, field: str) -> None:
    create_project("Shop", "shop")
    with pytest.raises(CannotCreate) as refusal:
        create_project(name, slug)
    assert refusal.value.field == field
    assert Project.objects.count() == 1


def test_the_command_prints_the_token_and_the_dsn(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_project", "My App", "--slug", "mine")
    project = Project.objects.get(slug="mine")
    printed = capsys.readouterr().out
    assert project.ingest_token in printed
    assert f"DSN: http://{project.keys.get().public_key}@localhost:8000/{project.pk}" in printed


def test_the_dsn_leads_to_where_the_server_was_started(
    capsys: pytest.CaptureFixture[str], settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "address").write_text("http://127.0.0.1:9000/")
    call_command("create_project", "My App")
    assert "@127.0.0.1:9000/" in capsys.readouterr().out
    settings.PUBLIC_URL = "https://errors.x.test"
    call_command("create_project", "Other")
    assert "@errors.x.test/" in capsys.readouterr().out


def test_the_command_refuses_a_duplicate_with_a_sentence() -> None:
    call_command("create_project", "My App")
    with pytest.raises(CommandError, match="A project with this name already exists"):
        call_command("create_project", "My App")

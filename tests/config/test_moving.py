"""Every table and every file has a place: it is moved, or it stays for a reason."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection

from mini_sentry.config import data_files, moving
from tests.installation import Installation, running

PARTITION = re.compile(r"_\d{8}(_gone_\d+)?$|^groups_event_key_\d+$")
"""Tables that PostgreSQL keeps a day or a share of another one in."""

DERIVED = {
    "groups_event_key": "kept in step with the events",
    "groups_body": "read and written with the events",
    "groups_bodyday": "kept in step with the bodies",
    "groups_goneevents": "what retention is about to count down in the groups",
}


@pytest.mark.django_db
def test_every_table_is_moved_or_stays_for_a_reason():
    there = {name for name in connection.introspection.table_names() if not PARTITION.search(name)}
    placed = set(moving.TABLES) | moving.STAYS.keys() | DERIVED.keys()
    assert there <= placed, f"without a place in the export: {sorted(there - placed)}"
    assert not set(moving.TABLES) & moving.STAYS.keys()
    assert all(moving.STAYS.values())


def test_every_model_of_ours_is_moved_or_stays():
    ours = {
        model._meta.db_table
        for config in apps.get_app_configs()
        if config.name.startswith("mini_sentry.")
        for model in config.get_models(include_auto_created=True)
    }
    placed = set(moving.TABLES) | moving.STAYS.keys()
    assert ours <= placed, f"without a place in the export: {sorted(ours - placed)}"


def test_a_part_comes_after_those_that_its_rows_refer_to():
    order = {table: place for place, part in enumerate(moving.PARTS) for table in part.tables}
    by_table = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    for table, place in order.items():
        for field in by_table[table]._meta.concrete_fields:
            target = field.related_model._meta.db_table if field.is_relation else table
            if target in order:
                assert order[target] <= place, f"{table} comes before {target}"


def test_no_two_parts_have_one_name():
    names = [part.name for part in moving.PARTS]
    assert len(names) == len(set(names))


@pytest.mark.slow
@pytest.mark.once
def test_every_file_of_a_running_server_is_backed_up_or_left_for_a_reason(tmp_path: Path):
    with running(tmp_path / "data") as site:
        _use(site)
        names = {path.relative_to(site.data_dir).as_posix() for path in site.data_dir.rglob("*") if path.is_file()}
    kept = {name for name in names if data_files.is_kept(name)}
    assert {"main.db", "ingest.db", "topics.db", "secret_key"} <= kept
    assert any(name.startswith("bodies/") for name in kept)
    assert any(name.startswith("artifacts/") for name in kept)
    unknown = {name for name in names - kept if data_files.why_left(name) is None}
    assert not unknown, f"without a place in the backup: {sorted(unknown)}"


def _use(site: Installation) -> None:
    """Have it make what it makes."""
    project = site.create_project()
    token = project["ingest_token"]
    event = site.post(f"/api/events/ingest/token/{token}/", {"message": "it broke", "release": "1.0.0"})
    assert event.status == 201
    content = '{"version": 3, "file": "app.js", "sources": ["a.ts"], "names": [], "mappings": "AAAA"}'
    made = site.post("/api/releases/1/artifacts/", {"name": "app.js.map", "content": content})
    assert made.status == 201, made.body

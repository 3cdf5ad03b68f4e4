"""The reader of Compose files, since so much is asked through it."""

import pytest

from tests.deploy.composed import DEV_FILE, FILE, interpolate, read


@pytest.mark.parametrize(
    ("text", "variables", "made"),
    [
        ("${A:-x}:1", {}, "x:1"),
        ("${A:-x}:1", {"A": ""}, "x:1"),
        ("${A:-x}:1", {"A": "y"}, "y:1"),
        ("${A:-a${B:-b}c}", {}, "abc"),
        ("${A:-a${B:-b}c}", {"B": "q"}, "aqc"),
        ("${A}", {}, ""),
        ("a$$b", {}, "a$b"),
    ],
)
def test_variables_are_put_in(text: str, variables: dict[str, str], made: str) -> None:
    assert interpolate(text, variables) == made


def test_a_second_file_adds_and_overrides() -> None:
    both = read(FILE, DEV_FILE)
    web = both.services["web"]
    assert "--reload" in web.command
    assert web.environment["SPOOL_DIR"] == "/spool"
    assert web.environment["PYTHONPATH"] == "/app"
    assert set(web.mounts) == {"/data", "/spool", "/app/mini_sentry", "/app/manage.py", "/app/tools"}
    assert "DATABASE_URL" not in both.services["frontend"].environment

"""What a log line holds, for people and for machines."""

import json
import logging
import sys

import pytest

from mini_sentry.config.environment import BadSetting
from mini_sentry.config.logs import JsonFormatter, LineFormatter, configuration, say


def record(message: str, *values: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("mini_sentry.digest", logging.WARNING, "", 0, message, values, None)
    made.created = 1795348800.25
    for name, value in extra.items():
        setattr(made, name, value)
    return made


def test_a_line_for_machines_is_one_json_object():
    line = JsonFormatter().format(record("%d records\nof two lines", 3))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-11-22T12:00:00.250+00:00",
        "level": "WARNING",
        "logger": "mini_sentry.digest",
        "message": "3 records\nof two lines",
    }


def test_a_line_about_an_event_names_it():
    about = record("An event could not be mapped", event_id="ab" * 16, project_id=7, colour="red")
    found = json.loads(JsonFormatter().format(about))
    assert (found["event_id"], found["project_id"]) == ("ab" * 16, 7)
    assert "colour" not in found
    assert LineFormatter().format(about).endswith(f"An event could not be mapped (event {'ab' * 16})")


def test_an_error_brings_its_stack():
    try:
        raise ValueError("broken")
    except ValueError:
        failed = record("It failed")
        failed.exc_info = sys.exc_info()
    found = json.loads(JsonFormatter().format(failed))
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: broken")


def test_what_is_no_json_is_shown_as_text():
    assert json.loads(JsonFormatter().format(record("x", offset=object)))["offset"] == str(object)


def test_a_level_or_a_format_that_does_not_exist_stops_the_start():
    with pytest.raises(BadSetting, match="LOG_LEVEL"):
        configuration("LOUD", "line")
    with pytest.raises(BadSetting, match="LOG_FORMAT"):
        configuration("INFO", "xml")


def test_the_watching_process_speaks_the_same_way(capsys: pytest.CaptureFixture[str]):
    say("web ended", form="json")
    assert json.loads(capsys.readouterr().err)["message"] == "web ended"
    say("web ended", form="")
    assert capsys.readouterr().err == "web ended\n"

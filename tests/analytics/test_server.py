"""The url of a ClickHouse server, and the sign of life that it is asked for."""

import socket
import time
from pathlib import Path

import pytest

from mini_sentry.analytics.server import Server, answers, parse, without_password
from mini_sentry.config.column_store import check_columns
from mini_sentry.config.environment import BadSetting


def test_a_url_says_where_and_as_whom_and_over_what() -> None:
    assert parse("https://ann:p%40ss%2Fw%3Ard@ch.example:9440/errors?ca_cert=/etc/ca.pem") == Server(
        scheme="https",
        host="ch.example",
        port=9440,
        user="ann",
        password="p@ss/w:rd",
        database="errors",
        ca_cert="/etc/ca.pem",
        verify=True,
    )


@pytest.mark.parametrize(("url", "port"), [("http://ch", 8123), ("https://ch", 8443), ("http://[::1]:1", 1)])
def test_what_a_url_leaves_out_is_what_a_fresh_server_has(url: str, port: int) -> None:
    server = parse(url, database="errors")
    assert (server.port, server.user, server.password, server.database) == (port, "default", "", "errors")


def test_any_certificate_is_believed_only_when_that_is_asked_for() -> None:
    assert parse("https://ch?verify=0").verify is False
    assert parse("https://ch?verify=1").verify is True


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("clickhouse://ch", "http://"),
        ("ch:8123", "http://"),
        ("http://", "host"),
        ("http://ch:port", "port"),
        ("http://ch:70000", "port"),
        ("http://ch/a-b", "database"),
        ("http://ch/a;DROP", "database"),
        ("http://ch?secure=1", "secure"),
    ],
)
def test_a_url_that_cannot_be_used_stops_the_start_and_shows_no_password(url: str, wanted: str) -> None:
    with pytest.raises(BadSetting) as caught:
        check_columns(url.replace("//ch", "//ann:secret@ch"), database="sentry", cluster="")
    assert caught.value.name == "CLICKHOUSE_URL"
    assert wanted in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a'b", "two words", "{shard}"])
def test_a_cluster_has_a_name_that_a_statement_may_hold(name: str) -> None:
    with pytest.raises(BadSetting) as caught:
        check_columns("http://ch", database="sentry", cluster=name)
    assert caught.value.name == "CLICKHOUSE_CLUSTER"
    check_columns("http://ch", database="sentry", cluster="{cluster}")


def test_the_embedded_engine_is_no_cluster() -> None:
    with pytest.raises(BadSetting, match="CLICKHOUSE_URL is not set"):
        check_columns("", database="sentry", cluster="main")
    with pytest.raises(BadSetting, match="CLICKHOUSE_DATABASE"):
        check_columns("", database="no name", cluster="")


def test_a_url_is_shown_without_what_stands_before_the_host() -> None:
    assert without_password("http://ann:a@b@ch:1/x") == "http://ch:1/x"
    assert without_password("nonsense") == "nonsense"


def test_who_takes_connections_and_says_nothing_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            answers(parse(f"http://127.0.0.1:{silent.getsockname()[1]}"), timeout_seconds=0.2)
        assert time.monotonic() - started < 1


def test_a_server_answers_to_its_ping(clickhouse: str) -> None:
    answers(parse(clickhouse), timeout_seconds=2)

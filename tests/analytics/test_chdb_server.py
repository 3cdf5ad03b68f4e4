"""The door of the embedded engine: who may pass it, and what it speaks."""

import gzip
import http.client
import json
import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from mini_sentry.analytics.chdb_server import MAX_BODY_BYTES, address
from mini_sentry.analytics.store import ColumnsUnavailable, Store
from tests.columns import EngineProcess

Answer = tuple[int, bytes]


class Door:
    """Plain requests, to say what a client of ours never would."""

    def __init__(self, url: str) -> None:
        self.parts = urlsplit(url)
        self.password = self.parts.password or ""

    def ask(self, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.parts.port or 0, timeout=20)
        try:
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def basic(self, user: str = "default", password: str | None = None) -> str:
        text = f"{user}:{self.password if password is None else password}"
        return "Basic " + b64encode(text.encode()).decode()


@pytest.fixture
def door(column_engine: EngineProcess) -> Door:
    url = address(column_engine.data_dir)
    assert url is not None
    return Door(url)


SELECT = "/?query=" + quote("SELECT 42")


def test_the_address_is_for_the_owner_alone(column_engine: EngineProcess) -> None:
    path = column_engine.data_dir / "columns.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["url"] == address(column_engine.data_dir)


def test_the_password_passes_in_each_of_three_ways(door: Door) -> None:
    for answer in (
        door.ask(SELECT, Authorization=door.basic()),
        door.ask(SELECT, X_ClickHouse_User="default", X_ClickHouse_Key=door.password),
        door.ask(f"{SELECT}&user=default&password={quote(door.password)}"),
    ):
        assert answer == (200, b"42\n")


def test_nobody_else_passes(door: Door) -> None:
    for answer in (
        door.ask(SELECT),
        door.ask(SELECT, Authorization=door.basic(password="wrong")),
        door.ask(SELECT, Authorization=door.basic(user="root")),
        door.ask(SELECT, Authorization="Basic ?"),
        door.ask(SELECT, X_ClickHouse_Key="wrong"),
        door.ask(f"{SELECT}&password=wrong"),
        door.ask("/", b"SELECT 42"),
    ):
        assert answer[0] == 401
        assert b"42" not in answer[1]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "", "localhost.evil:{port}"])
def test_a_request_under_another_host_name_is_refused(door: Door, host: str) -> None:
    name = host.format(port=door.parts.port)
    assert door.ask(SELECT, Host=name, Authorization=door.basic())[0] == 403
    assert door.ask("/ping", Host=name)[0] == 403


def test_a_ping_needs_no_password(door: Door) -> None:
    assert door.ask("/ping") == (200, b"Ok.\n")


def test_statements_come_as_argument_or_body_with_parameters_and_settings(door: Door) -> None:
    def ask(path: str, body: bytes | None = None) -> Answer:
        return door.ask(path, body, Authorization=door.basic())

    assert ask("/?param_n=7", b"SELECT {n:UInt8} + 1") == (200, b"8\n")
    assert ask("/?max_block_size=123", b"SELECT getSetting('max_block_size')") == (200, b"123\n")
    assert ask("/?default_format=JSONEachRow", b"SELECT 1 AS a") == (200, b'{"a":1}\n')
    assert ask("/", b"SELECT 1 AS a FORMAT CSV") == (200, b"1\n")
    assert ask("/?database=system", b"SELECT currentDatabase()") == (200, b"system\n")
    assert ask("/sentry", b"SELECT currentDatabase()") == (200, b"sentry\n")


def test_settings_of_one_request_do_not_reach_the_next(door: Door) -> None:
    door.ask("/?max_execution_time=3", b"SELECT 1", Authorization=door.basic())
    assert door.ask("/", b"SELECT getSetting('max_execution_time')", Authorization=door.basic()) == (200, b"20\n")


def test_errors_say_what_and_the_connection_goes_on(door: Door) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", door.parts.port or 0, timeout=20)
    for statement, status, code in (
        ("SELECT nope", 400, "47"),
        ("SELECT FROM WHERE", 400, "62"),
        ("SELECT 1", 200, None),
    ):
        connection.request("POST", "/", statement.encode(), {"Authorization": door.basic()})
        response = connection.getresponse()
        response.read()
        assert (response.status, response.headers.get("X-ClickHouse-Exception-Code")) == (status, code)
    connection.close()


@pytest.mark.parametrize("setting", ["no_such_setting", "a%27b", "max_threads%20=%201,x"])
def test_unknown_settings_are_refused(door: Door, setting: str) -> None:
    status, text = door.ask(f"/?{setting}=1", b"SELECT 1", Authorization=door.basic())
    assert status == 400
    assert b"Code: 115" in text


def test_bodies_may_be_chunked_and_compressed(door: Door) -> None:
    assert door.ask("/", iter([b"SELECT ", b"40 ", b"+ 2"]), Authorization=door.basic()) == (200, b"42\n")
    body = gzip.compress(b"SELECT 42")
    assert door.ask("/", body, Authorization=door.basic(), Content_Encoding="gzip") == (200, b"42\n")
    assert door.ask("/", body, Authorization=door.basic(), Content_Encoding="rot13")[0] == 400
    assert door.ask("/", b"SELECT 42", Authorization=door.basic(), Content_Encoding="gzip")[0] == 400


def test_bodies_are_bounded_on_the_wire_and_inflated(door: Door) -> None:
    insert = "/?query=" + quote("INSERT INTO FUNCTION null('a String') FORMAT TSV")
    connection = http.client.HTTPConnection("127.0.0.1", door.parts.port or 0, timeout=20)
    connection.putrequest("POST", insert)
    connection.putheader("Authorization", door.basic())
    connection.putheader("Content-Length", str(MAX_BODY_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    bomb = gzip.compress(b"0" * (MAX_BODY_BYTES + 1))
    assert door.ask(insert, bomb, Authorization=door.basic(), Content_Encoding="gzip")[0] == 413
    assert door.ask("/", b"SELECT " + b" " * (1 << 20) + b"1", Authorization=door.basic())[0] == 413


def test_no_rows_of_an_insert_stay_behind(door: Door, column_engine: EngineProcess) -> None:
    insert = "/?query=" + quote(
        "INSERT INTO FUNCTION null('a String') SELECT a FROM input('a String') FORMAT JSONEachRow"
    )
    assert door.ask(insert, b'{"a":"1"}\n{"a":"2"}', Authorization=door.basic()) == (200, b"")
    assert door.ask(insert, b"broken", Authorization=door.basic())[0] >= 400
    assert list((column_engine.data_dir / "columns" / "scratch").iterdir()) == []


def test_after_a_restart_the_password_is_new_and_the_store_finds_it(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path)
    engine.start()
    store = Store(lambda: address(tmp_path))
    assert store.query("SELECT 1") == [(1,)]
    before = address(tmp_path)
    assert engine.stop() == 0
    assert address(tmp_path) is None
    with pytest.raises(ColumnsUnavailable):
        store.query("SELECT 1")
    engine.start()
    assert store.query("SELECT 1") == [(1,)]
    assert address(tmp_path) != before
    engine.kill()
    with pytest.raises(ColumnsUnavailable):
        store.query("SELECT 1")
    engine.start()
    assert store.query("SELECT 1") == [(1,)]
    store.close()
    assert engine.stop() == 0

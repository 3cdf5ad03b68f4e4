"""Source maps over real sockets: upload, send, read; and the map that comes after the event."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, Reply, running
from tests.symbolication.shelf import SAMPLES

pytestmark = [pytest.mark.slow]

MAP = (SAMPLES / "checkout.min.js.map").read_text()
SCRIPT = "https://shop.test/static/checkout.min.js"
STACK = f"RangeError: x\n    at o ({SCRIPT}:3:86)\n    at e.submitOrder ({SCRIPT}:3:207)\n    at s ({SCRIPT}:3:274)"
PLACES = [("../src/cart.ts", 6, 10), ("../src/checkout.ts", 8, 11), ("../src/checkout.ts", 14, 13)]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("maps") / "data", variables={"MAX_ARTIFACT_MB": "4"}) as started:
        yield started


@pytest.fixture(scope="module")
def project(installation: Installation) -> dict[str, Any]:
    return installation.create_project()


def post(installation: Installation, path: str, body: Any, status: int = 201) -> Any:
    reply = installation.post(path, body)
    assert reply.status == status, reply.body[:1000]
    return reply.json()


def make_release(installation: Installation, project: dict[str, Any], version: str) -> int:
    made: int = post(installation, "/api/releases/", {"project": project["id"], "version": version})["id"]
    return made


def send(installation: Installation, project: dict[str, Any], version: str) -> Any:
    body = {"message": f"x in {version}", "release": version, "stack": STACK}
    return post(installation, f"/api/events/ingest/token/{project['ingest_token']}/", body)


def places(frames: list[dict[str, Any]]) -> list[Any]:
    return [(one.get("orig_file"), one.get("orig_line"), one.get("orig_column")) for one in frames]


def test_an_event_sent_right_after_the_upload_is_answered_mapped(installation, project):
    release = make_release(installation, project, "1.0.0")
    before = send(installation, project, "0.9.0")
    assert before["symbolicated"] == {}
    post(installation, f"/api/releases/{release}/artifacts", {"name": "checkout.min.js.map", "content": MAP})
    event = send(installation, project, "1.0.0")
    assert places(event["symbolicated"]["frames"]) == PLACES
    again = installation.get(f"/api/events/{event['id']}/").json()
    assert places(again["symbolicated"]["frames"]) == PLACES


def test_a_map_that_comes_after_the_event_maps_it(installation, project):
    release = make_release(installation, project, "2.0.0")
    event = send(installation, project, "2.0.0")
    group = event["group"]
    post(installation, f"/api/releases/{release}/artifacts/", {"name": "checkout.min.js.map", "content": MAP})

    def is_mapped() -> bool:
        shown = installation.get(f"/api/events/{event['id']}/").json()
        return bool(shown["symbolicated"]) and places(shown["symbolicated"]["frames"]) == PLACES

    installation.wait_until(is_mapped, "the stored event is mapped", seconds=30)
    assert installation.get(f"/api/events/{event['id']}/").json()["group"] == group


def test_the_server_does_not_grow_with_what_is_uploaded(tmp_path: Path):
    """Memory that is a file's, which the system takes back when it likes, apart."""
    megabytes = 40
    filler = "const a = 1;\\n" * ((megabytes << 20) // 14)
    content = '{"version":3,"sources":[],"names":[],"mappings":"","filler":"' + filler + '"}'
    with running(tmp_path / "data") as site:
        project = site.create_project()
        url = f"/api/releases/{make_release(site, project, '1.0.0')}/artifacts/"

        def kilobytes() -> int:
            status = Path(f"/proc/{site.role('web')}/status").read_text()
            return int(status.split("RssAnon:")[1].split()[0])

        post(site, url, {"name": "small.js.map", "content": MAP})
        before = kilobytes()
        body = json.dumps({"name": "app.js.map", "content": content}).encode()
        reply = site.request("POST", url, body, {"Content-Type": "application/json"}, timeout=60)
        assert (reply.status, reply.json()["size"]) == (201, len(content))
        file = b'--part\r\nContent-Disposition: form-data; name="file"; filename="a.js.map"\r\n\r\n%b\r\n--part--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=part"}
        reply = site.request("POST", url, file % content.encode(), headers, timeout=60)
        assert (reply.status, reply.json()["content"]) == (201, content)
        assert kilobytes() - before < megabytes * 1024 / 2


def test_an_upload_far_too_large_is_refused_before_it_is_read(installation, project):
    release = make_release(installation, project, "3.0.0")
    host, port = installation.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"POST /api/releases/{release}/artifacts/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {300 << 20}\r\n\r\n{{".encode()
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert "content" in json.loads(answer.read())["detail"]


def test_a_file_over_the_limit_is_refused_by_name_and_one_below_it_is_kept(installation: Installation, project):
    release = make_release(installation, project, "4.0.0")

    def upload(megabytes: int) -> Reply:
        source_map = {"version": 3, "sources": [], "names": [], "mappings": "", "filler": "x" * (megabytes << 20)}
        body = (
            b'--part\r\nContent-Disposition: form-data; name="file"; filename="a.js.map"\r\n\r\n'
            + json.dumps(source_map).encode()
            + b"\r\n--part--\r\n"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=part"}
        return installation.request("POST", f"/api/releases/{release}/artifacts/", body, headers)

    assert upload(3).status == 201
    refused = upload(5)
    assert (refused.status, refused.json()["detail"].partition(":")[0]) == (413, "file")
    [kept] = installation.get(f"/api/releases/{release}/artifacts/").json()
    assert kept["size"] > 3 << 20

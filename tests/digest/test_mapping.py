"""Events on their way through the digest, with the files of their release: the recorded crash of the browser SDK."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mini_sentry.digest import remapping
from mini_sentry.digest.consumer import Digest
from mini_sentry.digest.mapping import Mapper
from mini_sentry.digest.tasks import map_stored_events
from mini_sentry.groups.bodies import open_bodies
from mini_sentry.groups.models import Event, Group
from mini_sentry.projects.models import Project
from mini_sentry.protocol.limits import Limits
from mini_sentry.releases import artifacts
from mini_sentry.releases.models import Artifact, Release
from mini_sentry.streams import topics
from mini_sentry.streams.consumer import Consumer
from mini_sentry.streams.engines.memory import MemoryLog
from tests.digest.arrivals import NOON, accept, envelope
from tests.factories import make_release
from tests.recordings import requests_of
from tests.symbolication.shelf import SAMPLES

pytestmark = pytest.mark.django_db

MAP = (SAMPLES / "checkout.min.js.map").read_bytes()
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())
PLACES = [(one["original"]["filename"], one["original"]["lineno"], one["original"]["colno"]) for one in EXPECTED]
VERSION = "shop-web@4.1.0"
CRASH: dict[str, Any] = next(
    json.loads(line)
    for recording in requests_of("browser-sourcemap-debugid.json")
    for line in recording.body.splitlines()
    if line.startswith(b'{"exception"')
)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    artifacts.library.cache_clear()


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def digest(log: MemoryLog) -> Callable[[], None]:
    """Digest all that is in the log."""
    reader = Consumer(
        log,
        topics.DIGEST,
        topics.INGEST,
        Digest(log, open_bodies(settings.BODIES_DIR), limits=Limits(), clock=lambda: NOON),
    )

    def digested() -> None:
        while reader.run_once(threading.Event(), wait_seconds=0):
            continue

    return digested


def crash(event_id: str = "ee609b19d76f4a08bcc91a94ff9e43b2", **fields: Any) -> bytes:
    payload = {key: value for key, value in CRASH.items() if key not in ("debug_meta", "timestamp")}
    return envelope(payload | {"event_id": event_id} | fields)


def upload(project: Project, content: bytes = MAP, *, version: str = VERSION, name: str = "~/sm/dist/checkout.min.js.map", **more: str) -> Release:  # fmt: skip
    release = Release.objects.filter(project=project, version=version).first() or make_release(project, version)
    artifacts.store(release, name=name, content=content, **more)
    return release


def places(frames: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    return [(frame["filename"], frame["lineno"], frame["colno"]) for frame in frames]


def shown(client: Client) -> dict[str, Any]:
    group = Group.objects.get()
    found: dict[str, Any] = client.get(f"/api/groups/{group.pk}/events/latest/").json()
    return found


def frames_of(detail: dict[str, Any]) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = detail["normalized"]["exceptions"][0]["frames"]
    return frames


def test_an_event_is_shown_as_its_sources_were_written(client: Client, shop: Project, log, digest):
    upload(shop)
    accept(log, shop, crash())
    digest()
    detail = shown(client)
    sdk, *mapped = frames_of(detail)
    assert places(mapped) == PLACES
    assert [frame["function"] for frame in mapped] == ["s", "submitOrder", "cartTotal"]
    thrown = mapped[-1]
    assert thrown["context_line"] == '    throw new RangeError("unknown discount code: " + discountCode);'
    assert thrown["pre_context"][-1] == '  if (discountCode === "BROKEN") {'
    assert thrown["post_context"][0] == "  }"
    assert (thrown["in_app"], thrown["in_app_reason"]) == (True, "its source is the project's own")
    assert (thrown["map"], thrown["module"]) == ("~/sm/dist/checkout.min.js.map", "src/cart")
    assert (thrown["raw"]["function"], thrown["raw"]["lineno"], thrown["raw"]["colno"]) == ("o", 3, 86)
    assert (sdk["why"]["code"], sdk["raw"]) == ("no_such_file", None)


def test_the_event_in_the_list_has_its_frames_as_a_stack_prints_them(client: Client, shop: Project, log, digest):
    upload(shop)
    accept(log, shop, crash())
    digest()
    [event] = client.get("/api/events/?project=shop").json()["results"]
    frames = event["symbolicated"]["frames"]
    assert [(one.get("orig_file"), one.get("orig_line")) for one in frames] == [
        ("../src/cart.ts", 6),
        ("../src/checkout.ts", 8),
        ("../src/checkout.ts", 14),
        (None, None),
    ]
    assert (frames[0]["function"], frames[0]["raw_function"], frames[0]["line"]) == ("cartTotal", "o", 3)
    assert frames[-1]["why"]["code"] == "no_such_file"
    assert not {"checksum", "source_id"} & {key for frame in frames for key in frame}
    assert event["payload"]["exception"] == CRASH["exception"]


def test_the_title_and_the_group_are_of_the_sources(shop: Project, log, digest):
    upload(shop)
    accept(log, shop, crash())
    # Another build: other places and names in the bundle, the same sources.
    other = json.loads(MAP)
    other["mappings"] = ";;;;" + other["mappings"]
    upload(shop, json.dumps(other).encode(), version="shop-web@4.2.0")
    moved = json.loads(json.dumps(CRASH["exception"]).replace('"lineno": 3', '"lineno": 7'))
    accept(log, shop, crash("a" * 32, release="shop-web@4.2.0", exception=moved))
    digest()
    group = Group.objects.get()
    assert group.count == 2
    assert "cart" in group.culprit


def test_a_debug_id_finds_its_map_in_another_release(client: Client, shop: Project, log, digest):
    upload(shop, version="another", name="anything.map")
    accept(log, shop, crash(debug_meta=CRASH["debug_meta"], release="unheard-of"))
    digest()
    assert places(frames_of(shown(client))[1:]) == PLACES


def test_a_rest_event_is_mapped_from_its_stacks_text_and_keeps_the_order_printed(
    client: Client, shop: Project, log, digest
):
    upload(shop, version="1.0.0")
    url = "http://h/sm/dist/checkout.min.js"
    stack = f"RangeError: x\n    at o ({url}:3:86)\n    at e.submitOrder ({url}:3:207)\n    at s ({url}:3:274)"
    accept(log, shop, json.dumps({"message": "x", "release": "1.0.0", "stack": stack}).encode(), kind="rest")
    digest()
    [event] = client.get("/api/events/?project=shop").json()["results"]
    frames = event["symbolicated"]["frames"]
    assert [(f["function"], f["file"], f["orig_file"], f["orig_line"], f["orig_column"]) for f in frames] == [
        ("cartTotal", url, "../src/cart.ts", 6, 10),
        ("submitOrder", url, "../src/checkout.ts", 8, 11),
        ("s", url, "../src/checkout.ts", 14, 13),
    ]
    assert places(shown(client)["normalized"]["stacktrace"]) == PLACES
    assert event["stack"] == stack


def test_frames_of_a_rest_body_keep_their_own_keys(client: Client, shop: Project, log, digest):
    upload(shop, version="1.0.0")
    frames: list[dict[str, Any]] = [
        {"file": "/sm/dist/checkout.min.js", "line": 3, "column": 86, "function": "o", "mine": [1]},
        {"file": "x.js"},
    ]
    accept(log, shop, json.dumps({"message": "x", "release": "1.0.0", "frames": frames}).encode(), kind="rest")
    digest()
    [event] = client.get("/api/events/?project=shop").json()["results"]
    first, second = event["symbolicated"]["frames"]
    assert {key: first[key] for key in frames[0]} == frames[0]
    assert (first["orig_file"], first["orig_line"]) == ("../src/cart.ts", 6)
    assert (second["file"], second["why"]["code"]) == ("x.js", "no_such_file")


def test_an_event_of_a_project_without_files_says_so_when_it_is_looked_at(client: Client, shop: Project, log, digest):
    accept(log, shop, crash())
    digest()
    detail = shown(client)
    assert detail["symbolicated"] == {}
    assert {frame["why"]["code"] for frame in frames_of(detail)} == {"no_upload"}


def test_a_map_of_another_release_is_told(client: Client, shop: Project, log, digest):
    upload(shop, version="shop-web@4.0.0")
    accept(log, shop, crash())
    digest()
    why = frames_of(shown(client))[-1]["why"]
    assert (why["code"], why["names"]) == ("other_release", ["shop-web@4.0.0"])


def test_events_of_other_languages_are_left_alone(client: Client, shop: Project, log, digest):
    upload(shop)
    accept(log, shop, crash(platform="python"))
    digest()
    detail = shown(client)
    assert detail["symbolicated"] == {}
    assert {frame["why"] for frame in frames_of(detail)} == {None}


def test_a_batch_asks_the_store_no_more_for_many_events_than_for_one(shop: Project, log, digest):
    def statements(count: int, first: int) -> int:
        for number in range(first, first + count):
            accept(log, shop, crash(f"{number:032x}"))
        with CaptureQueriesContext(connection) as captured:
            digest()
        return sum("releases_artifact" in query["sql"] for query in captured.captured_queries)

    statements(1, 1)
    assert statements(20, 2) == 1
    upload(shop)
    statements(1, 100)
    statements(1, 101)  # which notes the use of the map, as it does once a day
    assert statements(20, 200) == 1


def remap(project: Project) -> int:
    found = open_bodies(settings.BODIES_DIR)
    mapper = Mapper(artifacts.library(), artifacts.maps())
    return remapping.remap(project.pk, VERSION, bodies=found, mapper=mapper, pause=lambda seconds: None).event_count


def test_a_map_that_comes_later_maps_what_is_stored_and_leaves_the_group(client: Client, shop: Project, log, digest):
    for number in range(1, 61):
        accept(log, shop, crash(f"{number:032x}"))
    digest()
    before = Group.objects.values().get()
    upload(shop)
    assert remap(shop) == 60
    detail = shown(client)
    assert places(frames_of(detail)[1:]) == PLACES
    assert detail["symbolicated"]["frames"][0]["orig_file"] == "../src/cart.ts"
    assert Group.objects.values().get() == before
    assert Event.objects.count() == 60


def test_a_rest_event_is_mapped_later_as_well(client: Client, shop: Project, log, digest):
    stack = "RangeError: x\n    at o (http://h/sm/dist/checkout.min.js:3:86)"
    accept(log, shop, json.dumps({"message": "x", "release": VERSION, "stack": stack}).encode(), kind="rest")
    digest()
    upload(shop)
    assert remap(shop) == 1
    assert places(shown(client)["normalized"]["stacktrace"]) == PLACES[-1:]


def test_mapping_again_changes_nothing_and_a_newer_map_does(client: Client, shop: Project, log, digest):
    upload(shop)
    accept(log, shop, crash())
    digest()
    assert remap(shop) == 0
    newer = json.loads(MAP) | {"sources": ["src/cart.ts", "src/checkout.ts"]}
    upload(shop, json.dumps(newer).encode())
    assert remap(shop) == 1
    assert frames_of(shown(client))[-1]["filename"] == "src/cart.ts"


def test_events_of_other_releases_stay_as_they_are(shop: Project, log, digest):
    accept(log, shop, crash(release="another"))
    digest()
    upload(shop)
    assert remap(shop) == 0


def test_a_batch_notes_which_maps_it_used_once_a_day(shop: Project, log, digest):
    upload(shop)
    unused = upload(shop, version="unused")

    def digest_one(number: int) -> Any:
        accept(log, shop, crash(f"{number:032x}"))
        digest()
        return Artifact.objects.exclude(release=unused).get().used_at

    assert (digest_one(1), digest_one(2)) == (None, used_at := Artifact.objects.exclude(release=unused).get().used_at)
    assert used_at is not None
    assert digest_one(3) == used_at
    Artifact.objects.update(used_at=None)
    assert digest_one(4) is None


DEBUG_ID = "2d78a1b1-576f-5ce7-bdef-105bf16a7100"


def debug_crash(event_id: str, **fields: Any) -> bytes:
    """The crash as it was recorded, with the debug id of its script."""
    return envelope(
        {key: value for key, value in CRASH.items() if key != "timestamp"} | {"event_id": event_id} | fields
    )


def debug_map() -> bytes:
    return json.dumps(json.loads(MAP) | {"debug_id": DEBUG_ID}).encode()


@pytest.mark.parametrize(
    "ago", [timedelta(minutes=1), timedelta(hours=-2)], ids=["a while ago", "before the clock was set back"]
)
def test_a_debug_id_that_comes_later_maps_recent_events_of_any_release_and_of_none(
    client: Client, shop: Project, log, digest, ago: timedelta
):
    for number, release in enumerate(("another", "third", None), start=1):
        accept(log, shop, debug_crash(f"{number:032x}", release=release), at=time.time())
    accept(log, shop, crash(f"{9:032x}", release="without"), at=time.time())
    digest()
    upload(shop, debug_map())
    Artifact.objects.update(created_at=timezone.now() - ago)
    map_stored_events()
    [group] = Group.objects.all()
    shown = {one["id"]: one["symbolicated"] for one in client.get("/api/events/?project=shop").json()["results"]}
    mapped = {event_id for event_id, found in shown.items() if "orig_file" in json.dumps(found)}
    assert mapped == {f"{number:032x}" for number in (1, 2, 3)}
    assert group.count == 4
    assert Artifact.objects.get().is_applied


def test_events_that_came_long_before_a_debug_id_stay_as_they_are(shop: Project, log, digest):
    accept(log, shop, debug_crash("1" * 32, release="another"))
    digest()
    upload(shop, debug_map())
    mapper = Mapper(artifacts.library(), artifacts.maps())
    late = datetime.fromtimestamp(NOON, UTC) + remapping.LOOK_BACK
    for now, expected in ((late + timedelta(seconds=1), 0), (late, 1)):
        done = remapping.remap_by_debug_id(
            shop.pk,
            [DEBUG_ID],
            besides=VERSION,
            now=now,
            bodies=open_bodies(settings.BODIES_DIR),
            mapper=mapper,
            pause=lambda seconds: None,
        )
        assert done.event_count == expected


def test_a_run_that_is_cut_off_goes_on_the_next_time(shop: Project, log, digest):
    for number in range(1, remapping.MOST_EVENTS * 2 + 1):
        accept(log, shop, crash(f"{number:032x}"))
    digest()
    upload(shop)
    answers = iter([True, False])
    mapper = Mapper(artifacts.library(), artifacts.maps())
    first = remapping.remap(
        shop.pk,
        VERSION,
        bodies=open_bodies(settings.BODIES_DIR),
        mapper=mapper,
        goes_on=lambda: next(answers),
        pause=lambda seconds: None,
    )
    assert (first.event_count, first.is_complete) == (remapping.MOST_EVENTS, False)
    assert remap(shop) == remapping.MOST_EVENTS

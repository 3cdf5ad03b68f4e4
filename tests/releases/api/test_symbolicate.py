import json
from typing import Any

import pytest
from django.test import Client

from mini_sentry.projects.models import Project
from mini_sentry.releases import artifacts
from tests.factories import make_release
from tests.symbolication.shelf import SAMPLES

EXPECTED = json.loads((SAMPLES / "expected.json").read_text())
MAP = (SAMPLES / "checkout.min.js.map").read_bytes()
SCRIPT = "http://h/checkout.min.js"
FRAMES = [
    {
        "file": SCRIPT,
        "line": frame["minified"]["lineno"],
        "column": frame["minified"]["colno"],
        "function": frame["minified"]["function"],
        "kept": index,
    }
    for index, frame in enumerate(reversed(EXPECTED))
]
PLACES = [(frame["original"]["filename"], frame["original"]["lineno"], frame["original"]["colno"] - 1) for frame in reversed(EXPECTED)]  # fmt: skip


@pytest.fixture(autouse=True)
def _mapped(shop: Project) -> None:
    artifacts.library.cache_clear()
    artifacts.store(make_release(shop), name="checkout.min.js.map", content=MAP)


def ask(client: Client, **fields: Any) -> Any:
    body = {"project": "shop", "release": "1.0.0"} | fields
    return client.post("/api/symbolicate/", body, content_type="application/json")


def places(response: Any) -> list[tuple[str, int, int]]:
    assert response.status_code == 200, response.json()
    return [(one["orig_file"], one["orig_line"], one["orig_column"]) for one in response.json()["frames"]]


def test_frames_keep_their_keys_and_order_and_gain_their_places(client: Client):
    response = ask(client, frames=FRAMES)
    assert places(response) == PLACES
    shown = response.json()["frames"]
    assert [{key: one[key] for key in ("file", "line", "column", "kept")} for one in shown] == [
        {key: one[key] for key in ("file", "line", "column", "kept")} for one in FRAMES
    ]
    assert [one["function"] for one in shown] == ["cartTotal", "submitOrder", "s"]
    assert (shown[0]["in_app"], shown[0]["module"]) == (True, "src/cart")
    assert "throw new RangeError" in shown[0]["context_line"]
    assert (shown[0]["pre_context"][-1].strip(), shown[0]["post_context"][0].strip()) == (
        'if (discountCode === "BROKEN") {',
        "}",
    )
    assert not {"checksum", "source_id"} & set(shown[0])


@pytest.mark.parametrize(
    "stack",
    [
        f"RangeError: x\n    at o ({SCRIPT}:3:86)\n    at e.submitOrder ({SCRIPT}:3:207)\n    at async s ({SCRIPT}:3:274)",
        f"RangeError: x\n    at o ({SCRIPT}:3:86)\r\n    at new e ({SCRIPT}:3:207)\r\n    at {SCRIPT}:3:274",
        f"o@{SCRIPT}:3:86\nsubmitOrder@{SCRIPT}:3:207\ns@{SCRIPT}:3:274\n",
        f"o@{SCRIPT}:3:86\n@{SCRIPT}:3:207\nglobal code@{SCRIPT}:3:274",
        f"{SCRIPT}:3:86\n{SCRIPT}:3:207\n{SCRIPT}:3:274",
        "checkout.min.js:3:86\ncheckout.min.js:3:207\ncheckout.min.js:3:274",
        "Error: x\n    at o (/srv/dist/checkout.min.js:3:86)\n    at e (file:///srv/dist/checkout.min.js:3:207)\n    at C:\\srv\\checkout.min.js:3:274",
    ],
    ids=["Chrome", "Edge", "Firefox", "Safari", "bare", "bare names", "Node"],
)
def test_a_stack_of_any_engine_is_read_in_the_order_printed(client: Client, stack: str):
    assert places(ask(client, stack=stack)) == PLACES


def test_a_function_without_a_name_is_anon(client: Client):
    [frame] = ask(client, stack="Error: x\n    at http://h/other.js:10:120").json()["frames"]
    assert {key: frame[key] for key in ("function", "file", "line", "column")} == {
        "function": "<anon>",
        "file": "http://h/other.js",
        "line": 10,
        "column": 120,
    }


def test_a_frame_that_is_not_mapped_keeps_all_it_had_and_says_why(client: Client):
    sent = {"file": "http://h/other.js", "line": 1, "column": 2, "function": "t", "more": {"a": 1}}
    [frame] = ask(client, frames=[sent]).json()["frames"]
    why = frame.pop("why")
    assert frame == sent
    assert (why["code"], why["names"]) == ("no_such_file", ["checkout.min.js.map"])


def test_a_function_map_replaces_the_name_alone(client: Client, shop: Project):
    artifacts.store(make_release(shop, "2"), name="t.js.map", content=b'{"function_map":{"t":"checkout"}}')
    [frame] = ask(client, release="2", frames=[{"file": "x.js", "line": 1, "column": 1, "function": "t"}]).json()[
        "frames"
    ]
    assert (frame["function"], frame["raw_function"]) == ("checkout", "t")
    assert "orig_file" not in frame


def test_a_newer_map_of_the_same_name_is_used_at_once(client: Client, shop: Project):
    ask(client, frames=FRAMES)
    newer = json.loads(MAP) | {"sources": ["new/cart.ts", "new/checkout.ts"]}
    artifacts.store(shop.releases.get(), name="checkout.min.js.map", content=json.dumps(newer).encode())
    assert places(ask(client, frames=FRAMES))[0][0] == "new/cart.ts"


def test_the_exact_environment_comes_before_any_other(client: Client, shop: Project):
    staging = json.loads(MAP) | {"sources": ["staging/cart.ts", "staging/checkout.ts"]}
    release = make_release(shop, environment="staging")
    artifacts.store(release, name="checkout.min.js.map", content=json.dumps(staging).encode())
    assert places(ask(client, frames=FRAMES))[0][0] == "../src/cart.ts"
    assert places(ask(client, frames=FRAMES, environment="staging"))[0][0] == "staging/cart.ts"
    assert places(ask(client, frames=FRAMES, environment="elsewhere"))[0][0] == "staging/cart.ts"


@pytest.mark.parametrize(
    ("version", "dist", "code", "names"),
    [("2.0.0", "", "other_release", ["3.0.0", "1.0.0"]), ("3.0.0", "9", "other_dist", ["7"])],
)
def test_uploads_for_another_release_or_build_are_told(client, shop, version, dist, code, names):
    make_release(shop, "2.0.0")
    artifacts.store(make_release(shop, "3.0.0"), name="checkout.min.js.map", content=MAP, dist="7")
    why = ask(client, release=version, dist=dist, frames=FRAMES).json()["frames"][0]["why"]
    assert (why["code"], why["names"]) == (code, names)


def test_nothing_to_do_gives_an_empty_list(client: Client):
    asked: list[dict[str, Any]] = [{}, {"frames": []}, {"stack": ""}, {"stack": "no stack trace"}]
    for fields in asked:
        assert ask(client, **fields).json() == {"frames": []}


def test_an_unknown_project_or_release_is_404(client: Client):
    assert ask(client, project="unknown", frames=FRAMES).status_code == 404
    response = ask(client, release="9.9.9", frames=FRAMES)
    assert (response.status_code, set(response.json())) == (404, {"detail"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frames", "text"),
        ("frames", {"file": "x"}),
        ("frames", [1]),
        ("frames", [{}] * 1001),
        ("stack", 7),
        ("stack", ["a"]),
        ("release", None),
        ("release", ""),
        ("release", "x" * 201),
        ("project", 5),
        ("environment", ["production"]),
        ("dist", "x" * 65),
    ],
)
def test_a_field_that_cannot_be_used_is_named(client: Client, field: str, value: Any):
    response = ask(client, **{field: value})
    assert (response.status_code, set(response.json())) == (400, {field})


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"file": None, "line": "x"},
        {"file": 5, "line": -1, "column": 2**80},
        {"file": SCRIPT, "line": 0, "column": 0},
    ],
)
def test_a_frame_of_nonsense_comes_back_with_the_reason(client: Client, frame: dict[str, Any]):
    [shown] = ask(client, frames=[frame]).json()["frames"]
    assert shown.pop("why")["text"]
    assert shown == frame

"""An installation with something of everything to look at: real SDKs' events, loud and quiet issues, hostile ones."""

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests import recordings
from tests.ingest.driver import KEY
from tests.installation import Installation

SHOP = Path(__file__).parents[1] / "clients" / "apps" / "shop.py"
HAPPENINGS = ("uncaught", "uncaught", "elsewhere", "chained", "group", "message", "logged", "fingerprinted")
RECORDED = ("browser-handled.json", "node-handled.json", "node-http.json", "python-django-app.json")

MAPS = Path(__file__).parents[2] / "samples" / "sourcemaps"

MARKUP = '<script>document.title = "owned"</script><img src=x onerror="document.title = \'owned\'">'
BACKWARDS = "\u202egnp.exe\u202c \u2066hidden\u2069 \u200b"
HOSTILE_TYPE = f"Evil{MARKUP}"


def hostile() -> dict[str, Any]:
    """An event whose every text wants to be more than text."""
    link = "javascript:document.title='owned'"
    long = "long" * 5000
    return {
        "event_id": uuid.uuid4().hex,
        "level": "fatal",
        "platform": "python",
        "transaction": f"/{MARKUP}",
        "release": "evil@1.0",
        "environment": "production",
        "user": {"id": f'"><{MARKUP}', "email": f"{BACKWARDS}@evil.example", "username": long},
        "tags": {"markup": MARKUP[:190], "backwards": BACKWARDS, "link": link, "long": "t" * 200},
        "request": {
            "url": link,
            "method": "GET",
            "query_string": f"q={MARKUP}",
            "headers": [["Referer", link], ["X-Long", long]],
            "data": {"markup": MARKUP},
            "cookies": {"theme": MARKUP},
        },
        "contexts": {"cart": {"markup": MARKUP, "deep": {"a": {"b": {"c": [MARKUP, link, None, True, 1.5]}}}}},
        "extra": {"huge": "x" * 200_000, "link": link, "markup": MARKUP, "__proto__": {"polluted": True}},
        "breadcrumbs": [
            {"category": "navigation", "message": MARKUP, "data": {"from": link, "to": link}, "level": "warning"},
            {"category": "console", "message": BACKWARDS + long, "level": "error"},
        ],
        "exception": [
            {
                "type": HOSTILE_TYPE,
                "value": f"{MARKUP}\n{BACKWARDS}\n{long}",
                "mechanism": {"type": "generic", "handled": False, "help_link": link},
                "stacktrace": {
                    "frames": [
                        {
                            "function": MARKUP,
                            "module": "evil",
                            "filename": f"../{BACKWARDS}/{long}.py",
                            "abs_path": link,
                            "lineno": 7,
                            "in_app": True,
                            "pre_context": [MARKUP, "\t\tif tabs:", ""],
                            "context_line": f"    raise {MARKUP}  # {'and so on ' * 100}",
                            "post_context": ["</pre></code>", BACKWARDS],
                            "vars": {"markup": MARKUP, "nested": {"link": link}, "long": long, "none": None},
                        }
                    ]
                },
            }
        ],
    }


def send(installation: Installation, project: dict[str, Any], event: dict[str, Any]) -> str:
    """One event as an SDK would send it; its id."""
    event_id: str = event.get("event_id") or uuid.uuid4().hex
    body = b'{"event_id":"%s"}\n{"type":"event"}\n%s\n' % (event_id.encode(), json.dumps(event).encode())
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={project['key']}"}
    reply = installation.request("POST", f"/api/{project['id']}/envelope/", body, headers)
    assert reply.status == 200, reply.body
    return event_id


def replay(installation: Installation, project: dict[str, Any], name: str) -> None:
    """Send a recording again, to this project."""
    key = project["key"]
    dsn = b'"dsn":"%s"' % project["dsn"].encode()
    for request in recordings.requests_of(name):
        path = re.sub(r"^/api/\d+/", f"/api/{project['id']}/", request.path).replace(KEY, key)
        headers = {name: value.replace(KEY, key) for name, value in request.headers}
        body = re.sub(rb'"dsn":"[^"]*"', dsn, request.body)
        reply = installation.request("POST", path, body, headers)
        assert reply.status in {200, 201}, (name, reply.status, reply.body)


def minified(installation: Installation, project: dict[str, Any]) -> None:
    """An event of a minified script whose map was uploaded, with a frame of another script that has none."""
    made = installation.post("/api/releases/", {"project": project["id"], "version": "checkout@2.1.0"})
    assert made.status == 201, made.body
    content = (MAPS / "checkout.min.js.map").read_text()
    artifact = {"name": "checkout.min.js.map", "content": content, "content_type": "application/json"}
    uploaded = installation.post(f"/api/releases/{made.json()['id']}/artifacts/", artifact)
    assert uploaded.status == 201, uploaded.body
    places = [place["minified"] for place in json.loads((MAPS / "expected.json").read_text())]
    scripts = "https://shop.example/assets/"
    frames = [
        {"function": "n.dispatch", "abs_path": f"{scripts}vendor.min.js", "lineno": 2, "colno": 90211, "in_app": True},
        *({**place, "abs_path": f"{scripts}checkout.min.js", "in_app": True} for place in places),
    ]
    event = {
        "platform": "javascript",
        "release": "checkout@2.1.0",
        "environment": "production",
        "exception": [{"type": "RangeError", "value": "the cart is empty", "stacktrace": {"frames": frames}}],
    }
    send(installation, project, event)


def seed(installation: Installation) -> dict[str, Any]:
    """Fill an installation; the project that everything went to. Two more are there, one without any event."""
    storefront = installation.create_project("Storefront web", "storefront-web")
    billing = installation.create_project("Billing worker", "billing-worker")
    installation.create_project("Not connected yet", "not-connected-yet")
    shops = [
        subprocess.Popen([sys.executable, SHOP, storefront["dsn"], happening], stderr=subprocess.DEVNULL)
        for happening in HAPPENINGS
    ]
    for name in RECORDED:
        replay(installation, storefront, name)
    for number in range(40):
        event = {
            "level": "error",
            "platform": "python",
            "environment": ("production", "staging")[number % 3 == 0],
            "release": f"shop@1.{number // 20}.0",
            "user": {"id": str(number % 17)},
            "tags": {"region": ("eu", "us", "ap")[number % 3]},
            "exception": [{"type": "TimeoutError", "value": f"no answer from payments within {number} ms"}],
        }
        send(installation, storefront, event)
    send(installation, storefront, {"message": "disk of till 3 is almost full", "level": "warning"})
    send(installation, storefront, {"message": "nightly export done", "level": "info"})
    send(installation, storefront, {"message": "cache miss for tea-500", "level": "debug"})
    send(installation, billing, {"message": "an invoice has no address", "level": "error"})
    send(installation, storefront, hostile())
    minified(installation, storefront)
    for shop in shops:
        shop.wait(60)
    installation.wait_until(lambda: _is_all_counted(installation, storefront["slug"]), "all is stored and counted")
    return storefront


PARTS = ("label", "pallet", "scanner", "shelf", "conveyor", "gate", "scale", "forklift", "printer", "lift")
FAULTS = (
    "KeyError",
    "ValueError",
    "ConnectionError",
    "PermissionError",
    "RuntimeError",
    "LookupError",
    "OSError",
    "Stuck",
)
MANY = len(PARTS) * len(FAULTS)
"""More issues than the list loads at once."""


def fill(installation: Installation) -> dict[str, Any]:
    """A project with MANY issues, the first sixteen of them dealt with."""
    project = installation.create_project("Warehouse API", "warehouse-api")
    for fault in FAULTS:
        for part in PARTS:
            event = {
                "level": ("error", "warning", "fatal")[len(part) % 3],
                "platform": "python",
                "environment": ("production", "staging")[len(fault) % 2],
                "fingerprint": [fault, part],
                "transaction": f"warehouse.{part}",
                "exception": [{"type": fault, "value": f"the {part} did not answer"}],
            }
            send(installation, project, event)
    installation.wait_until(lambda: _is_all_counted(installation, project["slug"]), "all is stored and counted")
    found = installation.get(f"/api/groups/?project={project['slug']}&sort=first_seen").json()
    for action, part in (("resolve", found[:10]), ("ignore", found[10:16])):
        body = {"project": project["slug"], "ids": [group["id"] for group in part], "action": action}
        assert installation.post("/api/groups/bulk/", body).status == 200
    return project


def _is_all_counted(installation: Installation, slug: str) -> bool:
    """Whether the digest has nothing left to do, and the columns know of each event."""
    if installation.get("/api/health/").json()["digest_lag_seconds"]:
        return False
    counted = installation.get(f"/api/events/clickhouse?project={slug}&limit=1000")
    stored = installation.get(f"/api/events/?project={slug}&limit=1")
    return counted.status == 200 and len(counted.json()) == stored.json()["count"] > 0

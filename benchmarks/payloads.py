"""Bodies to send: what a real SDK makes of a deep, varied crash, and a small event as an old one posts it.

Real ones are envelopes that `sentry_sdk` serialised: about 30 frames with source lines, local variables on the app's own
frames, 16 breadcrumbs, tags, user and contexts; some 20 kB, gzipped as the SDK does. Small ones are 1.5 kB of JSON for the
store route. Every body has its own event id, trace id and numbers; `family` keeps two pools' groups apart.
"""

import importlib
import json
import random
import re
import shutil
import struct
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from isal import igzip

WORDS = [
    "order",
    "cart",
    "user",
    "invoice",
    "payment",
    "session",
    "token",
    "cache",
    "region",
    "price",
    "stock",
    "item",
    "batch",
    "report",
    "export",
    "webhook",
    "tenant",
    "quota",
    "ledger",
    "coupon",
]
ERRORS = (ValueError, KeyError, TypeError, RuntimeError, LookupError, PermissionError, TimeoutError, ConnectionError)
DEPTH = 28
_MARK = "7777777"


def write_pool(path: Path, bodies: Iterable[bytes]) -> Path:
    """Each body behind its length as a 32-bit little-endian number, as `loadgen.c` reads it."""
    with path.open("wb") as pool:
        for body in bodies:
            pool.write(struct.pack("<I", len(body)) + body)
    return path


class Crashes:
    """`templates` different crashes of one app, the first of them the most frequent."""

    def __init__(self, *, templates: int = 300, seed: int = 7) -> None:
        self._chance = random.Random(seed)
        self._crashes = _crashes(templates, self._chance)
        self._weights = [1 / (rank + 1) ** 0.8 for rank in range(len(self._crashes))]

    def envelopes(self, count: int) -> Iterator[bytes]:
        """Plain envelopes; no two have the same event id."""
        for crash in self._chance.choices(self._crashes, self._weights, k=count):
            yield _vary(crash, self._chance)


def gzipped(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """By a quick compressor: a tenth larger than what an SDK's takes its time for."""
    return (igzip.compress(body, compresslevel=3) for body in bodies)


def small(count: int, *, groups: int = 400, seed: int = 7) -> Iterator[bytes]:
    chance = random.Random(seed)
    return (_small(chance, chance.randrange(groups)) for _ in range(count))


def _module(name: str, following: str | None, functions: dict[str, str], chance: random.Random) -> str:
    first, second, third, local = (chance.choice(WORDS) for _ in range(4))
    call = f"{following}.{functions[following]}(n, {first}_{second})" if following else f"fail({first}_{second})"
    return (
        f"{f'import {following}' if following else 'from crash import fail'}\n\n\n"
        f"def {functions[name]}(n, {local}):\n"
        f'    """{chance.choice(WORDS).title()} the {third}."""\n'
        f'    {first}_{second} = "{chance.getrandbits(40):x}"\n'
        f"    return {call}\n"
    )


def _crashes(count: int, chance: random.Random) -> list[bytes]:
    """Write `count` towers of modules, a third of them the app's own, let each crash, and keep what the SDK sends."""
    import sentry_sdk
    from sentry_sdk.transport import Transport

    caught: list[bytes] = []

    class Keep(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            caught.append(envelope.serialize())

    root = Path(tempfile.mkdtemp())
    app, library = root / "shop", root / "venv" / "lib" / "python3.12" / "site-packages"
    app.mkdir()
    library.mkdir(parents=True)
    (app / "crash.py").write_text(
        "RAISE = None\n\n\ndef fail(reference):\n    kind, text = RAISE\n    raise kind(text)\n"
    )
    functions: dict[str, str] = {}
    towers: list[list[tuple[str, bool]]] = []
    for tower in range(count):
        names = []
        for level in range(DEPTH):
            is_library = level % 3 != 2
            name = f"{'fw' if is_library else 'app'}_{chance.choice(WORDS)}_{tower}_{level}"
            functions[name] = f"{chance.choice(['get', 'load', 'apply', 'check', 'run'])}_{chance.choice(WORDS)}"
            names.append((name, is_library))
        towers.append(names)
    for names in towers:
        for (name, is_library), following in zip(names, [*[n for n, _ in names[1:]], None], strict=True):
            text = _module(name, following, functions, chance)
            ((library if is_library else app) / f"{name}.py").write_text(text)
    sys.path[:0] = [str(app), str(library)]
    try:
        sentry_sdk.init(
            dsn=f"http://{'0' * 32}@127.0.0.1:9/1",
            transport=Keep,
            release="shop@1.4.2",
            environment="production",
            auto_enabling_integrations=False,
            project_root=str(app),
        )
        crash: Any = importlib.import_module("crash")
        for tower, names in enumerate(towers):
            entry = names[0][0]
            text = f"{chance.choice(WORDS)} {tower} of {chance.choice(WORDS)} {_MARK} failed for user-{tower}"
            with sentry_sdk.isolation_scope() as scope:
                scope.set_user({"id": str(tower), "email": f"user-{tower}@example.com", "ip_address": "127.0.0.1"})
                for key, value in (("region", "eu-1"), ("plan", "pro"), ("shard", str(tower % 16))):
                    scope.set_tag(key, value)
                scope.set_extra("cart", {"items": [1, 2, 3], "total": 12.5})
                for crumb in range(16):
                    query = f"SELECT {chance.choice(WORDS)}_id FROM {chance.choice(WORDS)} WHERE id = {crumb}"
                    sentry_sdk.add_breadcrumb(category="query", message=query, level="info", data={"rows": crumb})
                crash.RAISE = (chance.choice(ERRORS), text)
                try:
                    getattr(importlib.import_module(entry), functions[entry])(tower, "start")
                except Exception as error:
                    sentry_sdk.capture_exception(error)
    finally:
        sentry_sdk.init()
        sys.path[:] = [entry for entry in sys.path if entry not in {str(app), str(library)}]
        shutil.rmtree(root)
    return [_trim(envelope.replace(str(root).encode(), b"/srv")) for envelope in caught]


def _trim(envelope: bytes) -> bytes:
    """Local variables only on the app's own frames, half of the modules: about 20 kB."""
    header, item, payload = envelope.rstrip(b"\n").split(b"\n", 2)
    event = json.loads(payload)
    for frame in event["exception"]["values"][0]["stacktrace"]["frames"]:
        if not frame.get("in_app", True):
            frame.pop("vars", None)
    event["modules"] = dict(list(event["modules"].items())[::2])
    payload = json.dumps(event, separators=(",", ":")).encode()
    item = re.sub(rb'"length":\d+', b'"length":%d' % len(payload), item)
    return b"\n".join((header, item, payload, b""))


def _vary(envelope: bytes, chance: random.Random) -> bytes:
    """The same crash once more: new event id, trace and span ids, another number in the message."""
    (event_id, *_) = re.findall(rb'"event_id":"([0-9a-f]{32})"', envelope)
    envelope = envelope.replace(event_id, uuid.UUID(int=chance.getrandbits(128), version=4).hex.encode())
    for name in (b"trace_id", b"span_id"):
        found = re.search(b'"' + name + rb'":\s*"([0-9a-f]+)"', envelope)
        if found:
            digits = len(found[1])
            envelope = envelope.replace(found[1], b"%0*x" % (digits, chance.getrandbits(4 * digits)))
    return envelope.replace(_MARK.encode(), b"%07d" % chance.randrange(10**7))


def _small(chance: random.Random, family: int) -> bytes:
    fixed = random.Random(family)
    words = [fixed.choice(WORDS) for _ in range(8)]
    frames = [
        {
            "filename": f"shop/{words[level]}/views.py",
            "module": f"shop.{words[level]}.views",
            "function": f"handle_{words[level + 1]}_{family}",
            "lineno": fixed.randrange(400),
            "in_app": level > 1,
            "context_line": f"    return self.{words[level]}.get({words[level + 1]}_id)",
        }
        for level in range(5)
    ]
    event = {
        "event_id": uuid.UUID(int=chance.getrandbits(128), version=4).hex,
        "platform": "python",
        "level": "error",
        "environment": "production",
        "release": "shop@1.4.2",
        "server_name": "web-1",
        "transaction": f"/{words[0]}/{words[1]}/",
        "exception": {
            "values": [
                {
                    "type": fixed.choice(ERRORS).__name__,
                    "value": f"{words[0]} {chance.randrange(10**6)} not found",
                    "stacktrace": {"frames": frames},
                }
            ]
        },
        "user": {"id": str(chance.randrange(10000)), "email": f"user-{chance.randrange(10000)}@example.com"},
        "tags": {"region": "eu-1", "plan": "pro", "shard": str(chance.randrange(16)), "queue": words[2]},
        "contexts": {"runtime": {"name": "CPython", "version": "3.12.1"}, "os": {"name": "Linux", "version": "6.1"}},
        "extra": {"attempt": chance.randrange(5), "payload_bytes": chance.randrange(9999)},
    }
    return json.dumps(event, separators=(",", ":")).encode()

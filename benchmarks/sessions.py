"""Session updates to send: envelopes of one update each as SDKs post them, in the rhythm of many apps at once."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

ENDS = ["exited"] * 80 + ["ok"] * 14 + ["unhandled"] * 4 + ["crashed"] * 2
OPEN_AT_ONCE = 2_000
REPEATED = 0.05
PLACES = [(f"shop@1.{minor}.0", environment) for minor in range(4) for environment in ("production", "staging")]


def envelopes(count: int, *, seed: int = 7) -> Iterator[bytes]:
    """Each session begins with one update and ends with another, some 2,000 others between; some updates come twice."""
    chance = random.Random(seed)
    now = datetime.now(UTC).timestamp()
    going: list[tuple[str, str, str, str, float]] = []
    last = b""
    for _ in range(count):
        if last and chance.random() < REPEATED:
            yield last
            continue
        if len(going) < OPEN_AT_ONCE or chance.random() < 0.5:
            sid = uuid.UUID(int=chance.getrandbits(128), version=4).hex
            session = (sid, *chance.choice(PLACES), str(chance.randrange(20_000)), now - chance.random() * 3600)
            going.append(session)
            status, errors, after = "ok", 0, 0.0
        else:
            place = chance.randrange(len(going))
            going[place], going[-1] = going[-1], going[place]
            session = going.pop()
            status, after = chance.choice(ENDS), chance.random() * 60
            errors = int(status in ("unhandled", "crashed") or chance.random() < 0.05)
        last = _envelope(session, status, errors, after)
        yield last


def _envelope(session: tuple[str, str, str, str, float], status: str, errors: int, after: float) -> bytes:
    sid, release, environment, user, started = session
    update = {
        "sid": sid,
        "init": after == 0,
        "started": _iso(started),
        "timestamp": _iso(started + after),
        "status": status,
        "errors": errors,
        "did": user,
        "duration": after,
        "attrs": {"release": release, "environment": environment},
    }
    payload = json.dumps(update, separators=(",", ":")).encode()
    sdk = b'{"sdk":{"name":"sentry.javascript.browser","version":"10.25.0"}}'
    return b"\n".join((sdk, b'{"type":"session"}', payload))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

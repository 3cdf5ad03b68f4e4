"""The recorded requests of `samples/ingest`, ready to be sent again."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "samples"
_WIRE_HEADERS = frozenset({"content-length", "content-encoding", "transfer-encoding", "host", "connection"})


@dataclass(frozen=True)
class Recording:
    """`body` is inflated, and `headers` are those that still hold for it."""

    path: str
    endpoint: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def project_id(self) -> int:
        return int(self.path.split("/")[2])


def requests_of(name: str) -> list[Recording]:
    """The requests of one file of `samples/ingest`, in order."""
    recorded: list[dict[str, Any]] = json.loads((SAMPLES / "ingest" / name).read_text())["requests"]
    return [
        Recording(
            path=request["path"],
            endpoint=request["endpoint"],
            headers=[(key, value) for key, value in request["headers"] if key.lower() not in _WIRE_HEADERS],
            body=base64.b64decode(request["body"])
            if request["body_encoding"] == "base64"
            else request["body"].encode(),
        )
        for request in recorded
    ]

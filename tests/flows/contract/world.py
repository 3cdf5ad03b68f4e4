"""What a client of the API has made, and the keys that it counts on. Keys may be added; none of these may change."""

import json
from typing import Any, NamedTuple

from tests.installation import Installation, Reply

OBJECTS = {
    "Project": "id name slug created_at ingest_token",
    "Event": "id project group message level payload received_at release environment tags stack symbolicated event_id",
    "Group": "id project title level count first_seen last_seen status resolved_at assignee is_bookmarked short_id "
    "stored_count",
    "Release": "id project version environment created_at date_released",
    "Artifact": "id release name content content_type file_name checksum created_at",
    "Session": "id project release environment session_id user status duration_ms started_at updated_at",
    "Deployment": "id project release environment name url date_started date_finished",
    "AlertRule": "id project name level threshold_count threshold_window_minutes notify_interval_minutes "
    "rearm_after_minutes last_triggered_at target_type target_value active",
    "AlertTarget": "id rule target_type target_value subject_template body_template",
    "ColumnRow": "id project level fingerprint title message received_at",
    "Health": "version environment total_sessions crashed_sessions crash_free_rate unhandled_sessions "
    "unhandled_free_rate",
    "HealthBucket": "bucket total crashed",
    "SeriesBucket": "bucket error warning info",
    "TopGroup": "fingerprint title count",
    "Comment": "id group author body created_at",
}
MAP = json.dumps(
    {"version": 3, "file": "app.js", "sources": ["cart.ts"], "names": ["pay"], "mappings": "AAAAA"}, indent=1
)
UNKNOWN_ID = 987_654_321


class World(NamedTuple):
    """What a client has made: objects as the API answered when they were made."""

    site: Installation
    shop: dict[str, Any]
    blog: dict[str, Any]
    event: dict[str, Any]
    group: dict[str, Any]
    release: dict[str, Any]
    artifact: dict[str, Any]
    session: dict[str, Any]
    deployment: dict[str, Any]
    rule: dict[str, Any]
    target: dict[str, Any]

    def path(self, template: str) -> str:
        return template.format(**self._asdict())


def made(reply: Reply) -> dict[str, Any]:
    assert reply.status == 201, (reply.status, reply.body)
    answer: dict[str, Any] = reply.json()
    return answer


def has_keys(answer: Any, name: str) -> None:
    missing = set(OBJECTS[name].split()) - set(answer)
    assert not missing, missing


def send(world: World, method: str, path: str, data: Any = None) -> Reply:
    body = json.dumps(data).encode() if data is not None else None
    return world.site.request(method, path, body, {"Content-Type": "application/json"})

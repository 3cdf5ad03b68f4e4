"""Write the Postman collection from docs/openapi.yaml: one request for every operation, in an order in which each finds what
the ones before it made, with tests of the status and of the keys that the document promises.

An operation that is new to the document needs an example body here (EXAMPLES) and, if others name what it makes, a variable
(CAPTURES); without, this says which.
"""

import json
import sys
import uuid
from pathlib import Path
from typing import Any, Final

import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "openapi.yaml"
COLLECTION = ROOT / "postman" / "mini-sentry.postman_collection.json"
GOOD = ("200", "201", "204")

_MAP: Final = (
    '{"version":3,"file":"app.js","sources":["cart.ts"],"sourcesContent":["pay()"],"names":["pay"],"mappings":"AAAAA"}'
)
_RULE: Final = {"project": "{{project_id}}", "name": "Many errors", "level": "error", "threshold_count": 10, "threshold_window_minutes": 5, "notify_interval_minutes": 60, "target_type": "email", "target_value": "ops@example.com"}  # fmt: skip
_TARGET: Final = {"target_type": "email", "target_value": "dev@example.com", "subject_template": "{project}: {group_title}", "body_template": ""}  # fmt: skip
_EVENT: Final = {"message": "it broke", "level": "error", "release": "1.0.0", "environment": "production", "stack": "Error: it broke\n    at pay (http://localhost/app.js:1:1)", "tags": ["checkout"], "extra": {"k": 1}}  # fmt: skip
_SESSION: Final = {"session_id": "{{session_id}}", "status": "ok", "release": "1.0.0", "environment": "production", "user": "u1", "duration_ms": 1200}  # fmt: skip

EXAMPLES: Final[dict[str, Any]] = {
    "projects_create": {"name": "{{slug}}", "slug": "{{slug}}", "platform": "javascript"},
    "events_ingest_by_token": _EVENT,
    "events_ingest_by_slug": {"message": "it broke again", "level": "warning"},
    "envelope": '{"event_id":"{{$randomUUID}}"}\n{"type":"event"}\n{"message":"sent by an SDK","level":"error"}\n',
    "store": {"message": "sent by an old SDK", "level": "error"},
    "sessions_ingest_by_token": _SESSION,
    "security": {"csp-report": {"document-uri": "http://localhost/", "violated-directive": "img-src", "blocked-uri": "http://evil.example.com/x.png", "original-policy": "img-src 'self'"}},
    "groups_assign": {"assignee": "ada@example.com"},
    "groups_bulk": {"project": "{{slug}}", "action": "resolve", "ids": ["{{group_id}}"]},
    "groups_comments_create": {"body": "Seen after the last deployment."},
    "releases_create": {"project": "{{project_id}}", "version": "2.0.0", "environment": "production"},
    "releases_change": {"date_released": "2026-03-14T12:00:00Z"},
    "releases_artifacts_create": {"name": "app.js.map", "content": _MAP, "content_type": "application/json"},
    "symbolicate": {"project": "{{slug}}", "release": "2.0.0", "environment": "production", "frames": [{"file": "http://localhost/app.js", "line": 1, "column": 1, "function": "t"}]},
    "deployments_create": {"project": "{{project_id}}", "release": "{{release_id}}", "environment": "production", "name": "Deploy 7", "url": "https://ci.example.com/7"},
    "deployments_change": {"name": "Deploy 7, again"},
    "deployments_finish": {},
    "alert_rules_create": _RULE,
    "alert_rules_update": _RULE,
    "alert_rules_partial_update": {"threshold_count": 20},
    "alert_rules_snooze": {"group": "{{group_id}}", "minutes": 60},
    "alert_rules_unsnooze": {"group": "{{group_id}}"},
    "alert_rules_preview_unsaved": {"project": "{{project_id}}", "condition": "threshold", "threshold_count": 1},
    "alert_targets_create": _TARGET,
    "alert_targets_update": _TARGET,
    "alert_targets_partial_update": {"target_value": "team@example.com"},
}  # fmt: skip
"""The body of each operation that takes one."""

CAPTURES: Final[dict[str, dict[str, str]]] = {
    "projects_create": {
        "project_id": "answer.id",
        "slug": "answer.slug",
        "token": "answer.ingest_token",
        "public_key": "answer.dsn.split('//')[1].split('@')[0]",
    },
    "events_ingest_by_token": {"event_id": "answer.id"},
    "groups_list": {"group_id": "answer[0].id", "short_id": "answer[0].short_id"},
    "releases_create": {"release_id": "answer.id"},
    "releases_artifacts_create": {"artifact_id": "answer.id"},
    "deployments_create": {"deployment_id": "answer.id"},
    "alert_rules_create": {"rule_id": "answer.id"},
    "alert_targets_create": {"target_id": "answer.id"},
    "alert_rules_test": {"notification_id": "answer.id"},
}
"""What later requests need of an answer, as JavaScript."""

PATHS: Final = {
    ("projects", "slug"): "{{slug}}",
    ("events", "token"): "{{token}}",
    ("sessions", "token"): "{{token}}",
    ("events", "slug"): "{{slug}}",
    ("events", "event_id"): "{{event_id}}",
    ("groups", "id"): "{{group_id}}",
    ("groups", "event"): "latest",
    ("groups", "short_id"): "{{short_id}}",
    ("releases", "id"): "{{release_id}}",
    ("releases", "artifact"): "{{artifact_id}}",
    ("deployments", "id"): "{{deployment_id}}",
    ("alert-rules", "id"): "{{rule_id}}",
    ("alert-rules", "group_id"): "{{group_id}}",
    ("alert-rules", "target_id"): "{{target_id}}",
    ("alert-notifications", "id"): "{{notification_id}}",
    ("{project_id}", "project_id"): "{{project_id}}",
}
"""The part of the path after /api/ and a parameter of it → what stands there."""

QUERIES: Final = {
    "project": "{{slug}}",
    "group": "{{group_id}}",
    "groups": "{{group_id}}",
    "ids": "{{group_id}}",
    "sentry_key": "{{public_key}}",
    "base": "1.0.0",
    "version": "1.0.0",
    "release": "1.0.0",
}
"""The values of parameters that must be there."""

FOLDERS: Final = ("health", "projects", "ingest", "groups", "events", "releases", "alerts")
"""The tags in the order in which they are run; others come behind them."""

STREAMS: Final = {"live"}
"""Answers that do not end: sent only when the variable `with_streams` is set."""

HEADERS: Final = {
    "envelope": {"X-Sentry-Auth": "Sentry sentry_key={{public_key}}, sentry_version=7"},
    "store": {"X-Sentry-Auth": "Sentry sentry_key={{public_key}}, sentry_version=7"},
}


class Incomplete(Exception):
    """The document has what this file does not know yet."""


def collection(document: dict[str, Any]) -> dict[str, Any]:
    """Raises Incomplete."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            folders.setdefault(operation["tags"][0], []).append(
                {"path": path, "method": method.upper(), "operation": operation}
            )
    order = {tag: place for place, tag in enumerate(FOLDERS)}
    return {
        "info": {
            "_postman_id": str(uuid.uuid5(uuid.NAMESPACE_URL, "mini-sentry")),
            "name": "Mini Sentry",
            "description": "Every endpoint. Run it from the top: the first requests make what the later ones ask for.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "variable": [
            {"key": "base_url", "value": "http://localhost:8000"},
            {"key": "with_streams", "value": ""},
        ],
        "item": [
            {"name": tag, "item": [_item(one, document) for one in sorted(folders[tag], key=_turn)]}
            for tag in sorted(folders, key=lambda tag: (order.get(tag, len(order)), tag))
        ],
    }


def _turn(one: dict[str, Any]) -> tuple[int, int, str]:
    """What makes comes first, in the order of EXAMPLES; what deletes comes last, the deep before the shallow."""
    name = one["operation"]["operationId"]
    depth = one["path"].count("/")
    if one["method"] == "DELETE":
        return 3, -depth, name
    if name in CAPTURES and one["method"] == "POST":
        return 0, list(EXAMPLES).index(name) if name in EXAMPLES else len(EXAMPLES), name
    return (1 if name in CAPTURES else 2), depth, name


def _item(one: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    operation = one["operation"]
    name = operation["operationId"]
    request: dict[str, Any] = {
        "method": one["method"],
        "description": operation.get("description", ""),
        "header": [{"key": key, "value": value} for key, value in HEADERS.get(name, {}).items()],
        "url": _url(one["path"], operation),
    }
    if "requestBody" in operation:
        if name not in EXAMPLES:
            raise Incomplete(f"EXAMPLES lacks a body for {name}")
        types = list(operation["requestBody"]["content"])
        media_type = "application/json" if "application/json" in types else types[0]
        request["header"].append({"key": "Content-Type", "value": media_type})
        request["body"] = {"mode": "raw", "raw": _raw(EXAMPLES[name])}
    events = [{"listen": "test", "script": {"type": "text/javascript", "exec": _tests(name, operation, document)}}]
    if before := _before(name):
        events.insert(0, {"listen": "prerequest", "script": {"type": "text/javascript", "exec": before}})
    return {"name": name, "request": request, "event": events}


def _raw(body: Any) -> str:
    """Ids are numbers: a variable that is one stands without quotes."""
    if isinstance(body, str):
        return body
    text = json.dumps(body, indent=2)
    for variable in ("project_id", "group_id", "release_id"):
        text = text.replace(f'"{{{{{variable}}}}}"', f"{{{{{variable}}}}}")
    return text


def _url(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    first = path.split("/")[2]
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            value = PATHS.get((first, parameter["name"]))
            if value is None:
                raise Incomplete(f"PATHS lacks {first}, {parameter['name']} ({operation['operationId']})")
            path = path.replace(f"{{{parameter['name']}}}", value)
    query = []
    for parameter in parameters:
        if parameter["in"] != "query":
            continue
        is_needed = parameter.get("required", False)
        if is_needed and parameter["name"] not in QUERIES:
            raise Incomplete(f"QUERIES lacks {parameter['name']} ({operation['operationId']})")
        sent = is_needed or parameter["name"] == "project"
        entry = {"key": parameter["name"], "value": QUERIES.get(parameter["name"], "") if sent else ""}
        query.append(entry if sent else entry | {"disabled": True, "description": parameter.get("description", "")})
    raw = "{{base_url}}" + path
    if asked := "&".join(f"{one['key']}={one['value']}" for one in query if not one.get("disabled")):
        raw += f"?{asked}"
    return {"raw": raw, "host": ["{{base_url}}"], "path": path.lstrip("/").split("/"), "query": query}


def _before(name: str) -> list[str]:
    if name == "projects_create":
        return [
            "const now = Date.now().toString(36);",
            "pm.collectionVariables.set('slug', `shop-${now}`);",
            "pm.collectionVariables.set('session_id', `s-${now}`);",
        ]
    if name in STREAMS:
        return ["if (!pm.collectionVariables.get('with_streams')) pm.execution.skipRequest();"]
    return []


def _tests(name: str, operation: dict[str, Any], document: dict[str, Any]) -> list[str]:
    good = [code for code in operation["responses"] if code in GOOD]
    if not good:
        raise Incomplete(f"{name} has no good answer")
    lines = [
        f"pm.test('{name}: {' or '.join(good)}', () => pm.expect(pm.response.code).to.be.oneOf([{', '.join(good)}]));"
    ]
    content = operation["responses"][good[0]].get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema is not None:
        lines.append("const answer = pm.response.json();")
        is_list, keys = _promised(schema, document)
        if is_list:
            lines.append(f"pm.test('{name}: a list', () => pm.expect(answer).to.be.an('array'));")
        if keys:
            shown = "answer[0]" if is_list else "answer"
            guard = "if (answer.length) " if is_list else ""
            lines.append(
                f"{guard}pm.test('{name}: its keys', () => pm.expect({shown}).to.include.all.keys({json.dumps(keys)}));"
            )
    if name == "groups_list":
        # The digest is a moment behind what was accepted.
        lines += [
            "const tries = Number(pm.collectionVariables.get('tries') || 0);",
            "if (!answer.length && tries < 50) {",
            "  pm.collectionVariables.set('tries', tries + 1);",
            "  pm.execution.setNextRequest(pm.info.requestName);",
            "  setTimeout(() => {}, 200);",
            "}",
            "if (answer.length) {",
            *(f"  pm.collectionVariables.set('{key}', {value});" for key, value in CAPTURES[name].items()),
            "}",
        ]
    else:
        lines += [f"pm.collectionVariables.set('{key}', {value});" for key, value in CAPTURES.get(name, {}).items()]
    return lines


def _promised(schema: dict[str, Any], document: dict[str, Any]) -> tuple[bool, list[str]]:
    """Whether the answer is a list, and the keys that it, or each of its items, must have."""
    schema = _resolved(schema, document)
    if schema.get("type") == "array":
        return True, _resolved(schema["items"], document).get("required", [])
    return False, schema.get("required", [])


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def text_of(document: dict[str, Any]) -> str:
    """The collection as it is kept in the tree. Raises Incomplete."""
    return json.dumps(collection(document), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    try:
        text = text_of(yaml.safe_load(DOCUMENT.read_text()))
    except Incomplete as missing:
        sys.exit(f"tools/postman.py: {missing}")
    COLLECTION.parent.mkdir(exist_ok=True)
    COLLECTION.write_text(text)


if __name__ == "__main__":
    main()

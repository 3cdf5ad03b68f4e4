"""What the OpenAPI document cannot learn from Django's views: the edge, the event stream, and the shape of errors."""

from typing import Any, Final

from mini_sentry.protocol import session

Document = dict[str, Any]

_TEXT: Final = {"type": "string"}
_OBJECT: Final = {"type": "object", "additionalProperties": {}}

_NEW_EVENT: Final[Document] = {
    "type": "object",
    "description": "Nothing is required; other keys are kept in the event's payload.",
    "properties": {
        "message": _TEXT,
        "level": {"type": "string", "default": "error", "description": "error, warning, info, or a word that maps to one."},
        "environment": {"type": "string", "default": "production"},
        "release": {"type": "string", "nullable": True, "description": "A version; its row is made on first sight."},
        "stack": {"type": "string", "nullable": True, "description": "The text of a stack trace."},
        "frames": {"type": "array", "items": _OBJECT},
        "tags": {"description": "A list of texts or objects, or a map: kept as sent.", "oneOf": [{"type": "array", "items": {}}, _OBJECT]},
        "extra": _OBJECT,
    },
    "additionalProperties": {},
}  # fmt: skip

_WORDS: Final = [*session.WORDS]
_TIME: Final = {"type": "string", "format": "date-time"}

_NEW_SESSION: Final[Document] = {
    "type": "object",
    "description": "One run of an app, as it stands now; the same `session_id` again is an update. A crash is not taken back.",
    "properties": {
        "session_id": {"type": "string", "maxLength": 200},
        "status": {"type": "string", "default": "init", "enum": _WORDS},
        "environment": {"type": "string", "default": "production"},
        "release": {"type": "string", "nullable": True, "description": "A version; its row is made on first sight."},
        "user": {"type": "string", "nullable": True},
        "duration_ms": {"type": "integer", "nullable": True, "minimum": 0},
    },
    "required": ["session_id"],
    "additionalProperties": {},
}

_SESSION: Final[Document] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "nullable": True, "description": "null if it was not digested within two seconds."},
        "project": {"type": "integer"},
        "release": {"type": "integer", "nullable": True},
        "environment": _TEXT,
        "session_id": _TEXT,
        "user": _TEXT,
        "status": {"type": "string", "enum": _WORDS},
        "duration_ms": {"type": "integer", "nullable": True},
        "started_at": {**_TIME, "nullable": True, "description": "Of its first update; null like `id`."},
        "updated_at": {**_TIME, "nullable": True},
        "errors": {"type": "integer"},
    },
    "required": [
        "id", "project", "release", "environment", "session_id", "user", "status", "duration_ms", "started_at", "updated_at",
        "errors",
    ],
}  # fmt: skip


def _path(name: str, description: str) -> Document:
    return {"in": "path", "name": name, "required": True, "schema": _TEXT, "description": description}


def _operation(
    operation_id: str, summary: str, *, parameters: list[Document], body: Document | None = None, answers: Document
) -> Document:
    operation: Document = {
        "operationId": operation_id,
        "description": summary,
        "tags": ["ingest"],
        "parameters": parameters,
        "responses": answers,
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _json(schema: Document) -> Document:
    return {"application/json": {"schema": schema}}


def _answer(description: str, schema: Document) -> Document:
    return {"description": description, "content": _json(schema)}


_STORED: Final[Document] = {
    "201": _answer("The event. `group` is null if it was not digested within two seconds.", {"$ref": "#/components/schemas/Event"}),
}  # fmt: skip
_TAKEN: Final[Document] = {
    "200": _answer("Safely stored; digested soon after.", {"type": "object", "properties": {"id": _TEXT}}),
}

_KEPT_SESSION: Final = {"$ref": "#/components/schemas/Session"}

EDGE: Final[dict[str, Document]] = {
    "/api/sessions/ingest/token/{token}/": {
        "post": _operation(
            "sessions_ingest_by_token",
            "Tell of a session, or of what became of it, with a project's ingest token. 429 over the project's limit.",
            parameters=[_path("token", "The project's `ingest_token`.")],
            body=_json({"$ref": "#/components/schemas/NewSession"}),
            answers={
                "200": _answer("It was known; as it stands now.", _KEPT_SESSION),
                "201": _answer("It was new.", _KEPT_SESSION),
            },
        )
    },
    "/api/{project_id}/security/": {
        "post": _operation(
            "security",
            "Where browsers report violations of a content policy to.",
            parameters=[
                _path("project_id", "The project's id."),
                {
                    "in": "query",
                    "name": "sentry_key",
                    "required": True,
                    "schema": _TEXT,
                    "description": "The public key, as in a DSN.",
                },
            ],
            body={"application/csp-report": {"schema": _OBJECT}},
            answers={"201": {"description": "Safely stored; digested soon after."}},
        )
    },
    "/api/events/ingest/token/{token}/": {
        "post": _operation(
            "events_ingest_by_token",
            "Send an event with a project's ingest token. 429 over the project's limit.",
            parameters=[_path("token", "The project's `ingest_token`.")],
            body=_json({"$ref": "#/components/schemas/NewEvent"}),
            answers=_STORED,
        )
    },
    "/api/events/ingest/{slug}/": {
        "post": _operation(
            "events_ingest_by_slug",
            "Send an event to a project by its slug. 429 over the project's limit.",
            parameters=[_path("slug", "The project's slug.")],
            body=_json({"$ref": "#/components/schemas/NewEvent"}),
            answers=_STORED,
        )
    },
    "/api/{project_id}/envelope/": {
        "post": _operation(
            "envelope",
            "Where Sentry SDKs send to; the DSN says the address and the key.",
            parameters=[_path("project_id", "The project's id.")],
            body={"application/x-sentry-envelope": {"schema": {"type": "string", "format": "binary"}}},
            answers=_TAKEN,
        )
    },
    "/api/{project_id}/store/": {
        "post": _operation(
            "store",
            "Where old Sentry SDKs send single events to.",
            parameters=[_path("project_id", "The project's id.")],
            body=_json(_OBJECT),
            answers=_TAKEN,
        )
    },
    "/api/live/": {
        "get": _operation(
            "live",
            "What lands in a project as it lands, as server-sent events: `hello`, `batch`, `reset`. Resumes by "
            "`Last-Event-ID`.",
            parameters=[
                {"in": "query", "name": "project", "required": True, "schema": _TEXT, "description": "A slug."}
            ],
            answers={"200": {"description": "The stream.", "content": {"text/event-stream": {"schema": _TEXT}}}},
        )
    },
}

_PROBLEM: Final[Document] = {
    "type": "object",
    "description": "`detail`, or for a 400 the reasons by field or parameter; what belongs to none is in `non_field_errors`.",
    "properties": {"detail": _TEXT},
    "additionalProperties": {"type": "array", "items": _TEXT},
}


def add_edge(result: Document, generator: Any, request: Any, public: bool) -> Document:
    """The routes that are answered before Django."""
    result["paths"] = dict(sorted((result["paths"] | EDGE).items()))
    result["components"]["schemas"] |= {"NewEvent": _NEW_EVENT, "NewSession": _NEW_SESSION, "Session": _SESSION}
    return result


def add_errors(result: Document, generator: Any, request: Any, public: bool) -> Document:
    """Every operation's errors have one shape."""
    result["components"]["schemas"]["Problem"] = _PROBLEM
    answer = _answer("What is wrong with the request.", {"$ref": "#/components/schemas/Problem"})
    away = _answer(
        "A store that this needs is away or busy; `Retry-After` says when to come back.",
        {"$ref": "#/components/schemas/Problem"},
    )
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["4XX"] = answer
            operation["responses"].setdefault("503", away)
    result["components"]["schemas"] = dict(sorted(result["components"]["schemas"].items()))
    return result

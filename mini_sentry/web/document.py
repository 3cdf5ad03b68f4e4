"""What the OpenAPI document cannot learn from Django's views: the edge, the event stream, and the shape of errors."""

from typing import Any, Final

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

EDGE: Final[dict[str, Document]] = {
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
    result["components"]["schemas"]["NewEvent"] = _NEW_EVENT
    return result


def add_errors(result: Document, generator: Any, request: Any, public: bool) -> Document:
    """Every operation's errors have one shape."""
    result["components"]["schemas"]["Problem"] = _PROBLEM
    answer = _answer("What is wrong with the request.", {"$ref": "#/components/schemas/Problem"})
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["4XX"] = answer
    result["components"]["schemas"] = dict(sorted(result["components"]["schemas"].items()))
    return result

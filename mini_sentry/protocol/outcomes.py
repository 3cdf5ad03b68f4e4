"""What became of an item: the outcome, its reason and the category it counts in.

Every item that reaches a server ends in exactly one outcome. Reasons are short lower-case words that
`docs/protocol.md` lists; categories are those of the rate-limit headers. A client's own reasons (client reports) are
kept as sent, because SDKs use words outside every list.

Spec: https://develop.sentry.dev/sdk/telemetry/client-reports/
"""

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    FILTERED = "filtered"
    RATE_LIMITED = "rate_limited"
    INVALID = "invalid"
    CLIENT_DISCARD = "client_discard"


class Reason(StrEnum):
    """Reasons that this server gives. ACCEPTED items have the reason NONE."""

    NONE = ""
    UNSUPPORTED = "unsupported"
    DUPLICATE = "duplicate"
    PROJECT_LIMIT = "project_limit"
    BACKLOG = "backlog"
    DISK_FULL = "disk_full"
    UNAUTHENTICATED = "unauthenticated"
    UNKNOWN_KEY = "unknown_key"
    KEY_DISABLED = "key_disabled"
    PROJECT_MISMATCH = "project_mismatch"
    UNKNOWN_PROJECT = "unknown_project"
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    MEDIA_TYPE = "media_type"
    MALFORMED = "malformed"
    DEAD_LETTER = "dead_letter"
    TIMESTAMP = "timestamp"


CATEGORY_OF_ITEM = {
    "event": "error",
    "security": "security",
    "transaction": "transaction",
    "session": "session",
    "sessions": "session",
    "attachment": "attachment",
    "feedback": "feedback",
    "user_report": "feedback",
    "check_in": "monitor",
    "profile": "profile",
    "profile_chunk": "profile_chunk",
    "replay_event": "replay",
    "replay_recording": "replay",
    "replay_video": "replay",
    "span": "span",
    "log": "log_item",
    "trace_metric": "trace_metric",
    "statsd": "metric_bucket",
    "metric_buckets": "metric_bucket",
    "client_report": "internal",
}
"""Item type to data category; a type that is not here counts as `default`."""


class Tally(msgspec.Struct, frozen=True):
    """`quantity` items of one project that ended the same way in the minute that starts at `minute` (Unix seconds)."""

    project_id: int
    minute: int
    outcome: str
    reason: str
    category: str
    quantity: int

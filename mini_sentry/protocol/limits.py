"""Sizes and counts that a client's data is held to, in bytes, characters and items.

Bytes and items of a request are refused beyond the limit; characters and counts inside an event are trimmed to it.
"""

from typing import Final

import msgspec


class Limits(msgspec.Struct, frozen=True, gc=False):
    """`request_bytes` holds on the wire, `inflated_bytes` after the content encoding is undone."""

    request_bytes: int = 20 * 1024 * 1024
    inflated_bytes: int = 20 * 1024 * 1024
    event_bytes: int = 1024 * 1024
    envelope_items: int = 500
    header_bytes: int = 64 * 1024

    depth: int = 64
    tags: int = 200
    tag_key_chars: int = 200
    tag_value_chars: int = 200
    frames: int = 250
    exceptions: int = 50
    threads: int = 200
    breadcrumbs: int = 100
    fingerprint_parts: int = 50
    fingerprint_chars: int = 1024
    errors: int = 50

    message_chars: int = 8192
    logger_chars: int = 64
    transaction_chars: int = 200
    culprit_chars: int = 200
    server_name_chars: int = 256
    release_chars: int = 200
    dist_chars: int = 64
    environment_chars: int = 64
    platform_chars: int = 64
    user_chars: int = 128
    exception_type_chars: int = 256
    frame_name_chars: int = 512
    frame_path_chars: int = 2048
    context_line_chars: int = 1024
    note_chars: int = 200

    future_seconds: float = 60.0
    past_seconds: float = 30 * 86400.0
    drift_seconds: float = 55.0


DEFAULT: Final = Limits()

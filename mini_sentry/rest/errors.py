"""What an endpoint may answer instead of its result: the status and the body of each, in one place.

    Missing      404   nothing there, or nothing that the asker may see
    Refused      403   there, but not for them
    Conflict     409   it stands in the way of something newer
    TooLarge     413   more than may be sent
    Unavailable  503   a store behind it is away; `Retry-After` says when to come back
    invalid(…)   400   a field or parameter that cannot be used, by its name

Every body is `{"detail": "text"}` or `{"field": ["text", …]}`; what belongs to no field is in `non_field_errors`.
"""

import errno
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response

logger = logging.getLogger(__name__)

_DISK_FULL: Final = "The server's disk is full and nothing was stored. Make room, then try again."
_AWAY: Final = "The database is busy or away and nothing was stored. Try again soon."
_TOO_SLOW: Final = "The database took too long over this and gave up. Ask for less: a shorter time, or fewer filters."
_AWAY_CODES: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
)


# What a database server says by its SQLSTATE. Of other classes, such as "no such table" (42), the mistake is ours.
_TOO_SLOW_STATE: Final = "57014"
_DISK_FULL_STATE: Final = "53100"
_AWAY_STATES: Final = frozenset({"25006", "25P03", "55P03", "40001", "40P01"})
_AWAY_CLASSES: Final = frozenset({"08", "53", "57", "58"})


class Missing(APIException):
    status_code = 404
    default_detail = "Not found."
    default_code = "missing"


class Refused(APIException):
    status_code = 403
    default_detail = "You may not do this."
    default_code = "refused"


class Conflict(APIException):
    status_code = 409
    default_detail = "This has changed meanwhile."
    default_code = "conflict"


class TooLarge(APIException):
    status_code = 413
    default_detail = "The request is too large."
    default_code = "too_large"


class Unavailable(APIException):
    """`retry_seconds` is sent as `Retry-After`."""

    status_code = 503
    default_detail = "This is not available right now."
    default_code = "unavailable"

    def __init__(self, detail: str | None = None, *, retry_seconds: int = 5) -> None:
        super().__init__(detail)
        self.retry_seconds = retry_seconds


def invalid(name: str, *reasons: str) -> ValidationError:
    """The 400 for one field or parameter."""
    return ValidationError({name: list(reasons)})


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to an exception that left a view; None for what nobody expected, which is a 500."""
    match error:
        case Http404():
            error = Missing()
        case PermissionDenied():
            error = Refused()
        case RequestDataTooBig():
            return Response({"detail": "The request is too large."}, status=413)
        case TooManyFieldsSent():
            return Response({"detail": "The request has too many fields."}, status=400)
        case DataError():
            return Response({"detail": "A value in the request cannot be stored."}, status=400)
        case DatabaseError() | InterfaceError() | OSError() if sentence := why_unavailable(error):
            logger.error("%s (%s: %s)", sentence, type(error).__name__, error)
            error = Unavailable(sentence, retry_seconds=30)
    if not isinstance(error, APIException):
        return None
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_seconds)
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    body = _fields(error.detail) if isinstance(error, ValidationError) else {"detail": str(error.detail)}
    return Response(body, status=error.status_code, headers=headers)


def why_unavailable(error: BaseException) -> str:
    """A sentence when a store cannot take anything now; empty for what is a mistake of ours, such as a missing table."""
    if isinstance(error, OSError):
        return _DISK_FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else ""
    if not isinstance(error, DatabaseError | InterfaceError):
        return ""
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is not None:
        if code & 0xFF == sqlite3.SQLITE_FULL:
            return _DISK_FULL
        return _AWAY if code & 0xFF in _AWAY_CODES else ""
    return _why_server_unavailable(error, getattr(error.__cause__, "sqlstate", None) or "")


def _why_server_unavailable(error: DatabaseError | InterfaceError, state: str) -> str:
    if state == _TOO_SLOW_STATE:
        return _TOO_SLOW
    if state == _DISK_FULL_STATE:
        return _DISK_FULL
    if state in _AWAY_STATES or state[:2] in _AWAY_CLASSES:
        return _AWAY
    # Without a state it is about the connection: none could be had, or it broke.
    return _AWAY if not state and isinstance(error, OperationalError | InterfaceError) else ""


def _fields(detail: Any) -> dict[str, list[str]]:
    if isinstance(detail, Mapping):
        return {str(name): _texts(value) for name, value in detail.items()}
    return {"non_field_errors": _texts(detail)}


def _texts(value: Any, place: str = "") -> list[str]:
    """What nests (an item of a list that is wrong) is told with its place, because a field's errors are a flat list."""
    if isinstance(value, Mapping):
        return [text for key, inner in value.items() for text in _texts(inner, f"{place}{key}: ")]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [text for inner in value for text in _texts(inner, place)]
    return [f"{place}{value}"]

"""Where a project's SDKs send to: the server's public address, and the DSN built from it."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest

from mini_sentry.protocol import dsn

DEFAULT_BASE_URL: Final = "http://localhost:8000"


def base_url(request: HttpRequest | None) -> str:
    """`PUBLIC_URL`, else the address the request came to, else the one that `mini-sentry run` was last started on, else the
    default one. No final slash."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    if request is None:
        return _started_on() or DEFAULT_BASE_URL
    return request.build_absolute_uri(request.META.get("SCRIPT_NAME", "") or "/").rstrip("/")


def _started_on() -> str:
    try:
        return (settings.DATA_DIR / "address").read_text().strip().rstrip("/")
    except OSError:
        return ""


def project_dsn(project_id: int, public_key: str, *, base: str) -> str:
    """The DSN of one key; `base` is what `base_url` gives."""
    return str(dsn.build(base, public_key=public_key, project_id=project_id))

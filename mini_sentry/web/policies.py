"""What a browser may do with each part of the site. Every string on every page may come from an attacker, so the
application's pages run under the strictest policy that works, and only the two third-party pages get their own."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

APPLICATION: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

_THIRD_PARTY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Both set styles from their scripts."""

_DATA: Final = "default-src 'none'; frame-ancestors 'none'"

_BY_PREFIX: Final = (("/api/", _DATA), ("/docs/", _THIRD_PARTY), ("/admin/", _THIRD_PARTY))


def policy_of(path: str) -> str:
    """`path` is below the prefix that the server lives under."""
    for prefix, policy in _BY_PREFIX:
        if path.startswith(prefix):
            return policy
    return APPLICATION


class ContentPolicy:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy_of(request.path_info))
        return response

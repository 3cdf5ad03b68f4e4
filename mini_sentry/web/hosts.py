"""Who may talk to a server that asks nobody to sign in: only this machine, and only on purpose.

While there is no sign-in, whoever can send a request can do everything. The server listens on a loopback address, but a
web page that a person has open can send requests there too, so three things are checked for whatever Django answers
(the edge has rules of its own): the Host header is a loopback name or one that `ALLOWED_HOSTS` adds (a page that
points its own name at 127.0.0.1 is refused), a request that changes something comes from no other origin, and its body
is JSON or a form, so that no page can send it unasked as plain text.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host

from mini_sentry.rest.rendering import json_response

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_MEDIA_TYPES = frozenset({"application/json", "application/x-www-form-urlencoded", "multipart/form-data"})

GetResponse = Callable[[HttpRequest], HttpResponse]


class LoopbackOnly:
    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.META.get("HTTP_HOST") or request.META.get("SERVER_NAME", "")
        if not is_ours(host):
            return _refuse(
                request,
                400,
                f"This server does not answer to the name {host[:100]!r}. Use localhost, or add the name to ALLOWED_HOSTS.",
            )
        if request.method not in _SAFE:
            if _is_foreign(request, host):
                return _refuse(request, 403, "This request comes from a page of another site.")
            if _has_body(request) and (request.content_type or "").lower() not in _MEDIA_TYPES:
                return _refuse(request, 415, "The body must be JSON (Content-Type: application/json) or a form.")
        return self._get_response(request)


def is_ours(host: str) -> bool:
    """Whether a Host header names this server. `*` in ALLOWED_HOSTS adds nothing here: it would let any page in."""
    name, _ = split_domain_port(host)
    return bool(name) and validate_host(name, [allowed for allowed in settings.ALLOWED_HOSTS if allowed != "*"])


def _is_foreign(request: HttpRequest, host: str) -> bool:
    """Browsers send Origin with every request that changes something; command-line clients send neither header."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() != host.lower()
    return request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}


def _has_body(request: HttpRequest) -> bool:
    return request.META.get("CONTENT_LENGTH") not in {None, "", "0"}


def _refuse(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        return json_response({"detail": sentence}, status=status)
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")

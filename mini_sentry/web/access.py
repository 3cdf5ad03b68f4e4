"""Whom a server answers whose ports a container publishes on this machine (`MINI_SENTRY_PUBLISHED_ON`).

Until there is a user, everybody who gets as far as here (`web.hosts`); from the first user on, whoever has signed in at
`/admin/`. The probes and what the sign-in itself needs are for everybody, intake has rules of its own. A server that
listens on a loopback address is open: whoever may use the machine may use it.
"""

import time
from http.cookies import CookieError, SimpleCookie
from typing import Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from mini_sentry.rest.rendering import json_response
from mini_sentry.web.hosts import GetResponse

SIGN_IN: Final = "/admin/login/"
REFUSAL: Final = f"Sign in first, at {SIGN_IN}: this installation has users."

_FOR_EVERYBODY: Final = ("/admin/", "/static/", "/assets/", "/health/", "/api/health")
_KEEP_SECONDS: Final = 1.0


class _Users:
    """Whether there is any, looked up once a second."""

    def __init__(self) -> None:
        self._known = False
        self._looked_at = float("-inf")

    def exist(self) -> bool:
        """Raises DatabaseError when the store cannot tell."""
        now = time.monotonic()
        if now - self._looked_at > _KEEP_SECONDS:
            self._known = get_user_model()._default_manager.filter(is_active=True).exists()
            self._looked_at = now
        return self._known

    def forget(self) -> None:
        self._looked_at = float("-inf")


users: Final = _Users()


class OpenUntilTheFirstUser:
    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.PUBLISHED_ON or request.path_info.startswith(_FOR_EVERYBODY):
            return self._get_response(request)
        try:
            is_refused = users.exist() and not request.user.is_authenticated
        except DatabaseError:
            # Without the store there is no saying who may; the API answers that it is away, the page could show nothing.
            return self._away(request)
        if not is_refused:
            return self._get_response(request)
        if request.path_info.startswith("/api/"):
            return json_response({"detail": REFUSAL}, status=401)
        return redirect(f"{request.META.get('SCRIPT_NAME', '').rstrip('/')}{SIGN_IN}?next={request.path}")

    def _away(self, request: HttpRequest) -> HttpResponse:
        sentence = "The relational store is away."
        if request.path_info.startswith("/api/"):
            return json_response({"detail": sentence}, status=503)
        return HttpResponse(f"{sentence}\n", status=503, content_type="text/plain; charset=utf-8")


def may_listen(cookies: str) -> bool:
    """Whether whoever sends this Cookie header may have the event stream, which answers before Django. Blocks.

    Raises DatabaseError when the store cannot tell.
    """
    if not settings.PUBLISHED_ON or not users.exist():
        return True
    try:
        sent = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return False
    return sent is not None and _is_signed_in(SessionStore(sent.value))


def _is_signed_in(session: SessionBase) -> bool:
    if SESSION_KEY not in session:
        return False
    request = HttpRequest()
    request.session = session
    return get_user(request).is_authenticated

"""The page: the built UI's `index.html`, with what the first paint needs written into it."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import escape
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from mini_sentry import __version__
from mini_sentry.projects.addresses import base_url
from mini_sentry.projects.models import Project
from mini_sentry.rest.rendering import to_json

MAX_PROJECTS: Final = 500

_SERVED_OTHERWISE: Final = re.compile(r"(assets|static)/|(metrics|healthz)/?$")
_FILE: Final = re.compile(
    r"\.(avif|br|css|env|gif|gz|html?|ico|jpe?g|js|json|map|mjs|pdf|php|png|svg|ttf|txt|wasm|webmanifest|webp|woff2?|xml|ya?ml|zip)$",
    re.IGNORECASE,
)
"""Ends of names that are files. A dot alone says nothing: versions of releases have dots too."""

_MISSING_BUILD: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><title>Mini Sentry: the UI is not built</title><base href="{base}">
<h1>The UI is not built yet</h1>
<p>The server runs. This checkout has no built user interface: run <code>make run</code>, which builds it once, or
<code>make dev</code> while changing it, and reload this page.</p>
<p>Meanwhile there are the <a href="docs/">API reference</a> and the <a href="admin/">administration</a>.</p>
</html>
"""


@require_safe
@ensure_csrf_cookie
def shell(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every address that is not the server's own. A name that is a file's and is not there is a real 404."""
    if _SERVED_OTHERWISE.match(path) or (_FILE.search(path) and not path.startswith("p/")):
        raise Http404
    index = settings.WEB_DIST / "index.html"
    base = escape(f"{request.META.get('SCRIPT_NAME', '').rstrip('/')}/")
    try:
        page = _page(index, index.stat().st_mtime_ns)
    except FileNotFoundError:
        text = _MISSING_BUILD.format(base=base)
    else:
        block = f'<script type="application/json" id="bootstrap">{_bootstrap(request)}</script>'
        text = page.replace("<head>", f'<head><base href="{base}">{block}', 1)
    response = HttpResponse(text)
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for on pages that name no icon, such as the administration's."""
    for found in sorted((settings.WEB_DIST / "assets").glob("favicon-*.svg")):
        return HttpResponseRedirect(f"{request.META.get('SCRIPT_NAME', '').rstrip('/')}/assets/{found.name}")
    raise Http404


@lru_cache(maxsize=2)
def _page(path: Path, modified_ns: int) -> str:
    """The file as it was at that time: a new build is read once."""
    return path.read_text(encoding="utf-8")


def _bootstrap(request: HttpRequest) -> str:
    user = request.user
    rows = Project.objects.order_by("-pk").values("id", "name", "slug", "platform")[:MAX_PROJECTS]
    text = to_json(
        {
            "user": {"email": user.email} if user.is_authenticated else None,
            "projects": list(rows),
            "version": __version__,
            "publicUrl": base_url(request),
            "open": True,
        }
    ).decode()
    return _unbreakable(text)


def _unbreakable(text: str) -> str:
    """JSON that cannot end the element it stands in, nor a line of a script."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text

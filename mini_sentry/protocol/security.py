"""Reports that browsers send about policies of a site: content security policy, Expect-CT, Expect-Staple. Each → an event.

Understands the old form (`{"csp-report": {…}}`) and the Reporting API's list (`[{"type": "csp-violation", "body": {…}}]`).

Spec: https://www.w3.org/TR/CSP3/#reporting
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mini_sentry.protocol import lenient
from mini_sentry.protocol.errors import PayloadInvalid

MEDIA_TYPES = frozenset(
    {
        "application/csp-report",
        "application/json",
        "application/reports+json",
        "application/expect-ct-report",
        "application/expect-ct-report+json",
        "application/expect-staple-report",
        "application/expect-staple-report+json",
    }
)
"""Content types of reports; a body of another one is none."""

MAX_REPORTS = 20

_CSP_NAMES = {
    "documentURL": "document-uri",
    "referrer": "referrer",
    "effectiveDirective": "effective-directive",
    "violatedDirective": "violated-directive",
    "originalPolicy": "original-policy",
    "disposition": "disposition",
    "blockedURL": "blocked-uri",
    "lineNumber": "line-number",
    "columnNumber": "column-number",
    "sourceFile": "source-file",
    "statusCode": "status-code",
    "sample": "script-sample",
}
_KEYWORDS = frozenset({"self", "inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink"})
_SCHEMES = frozenset({"data", "blob", "filesystem", "mediastream"})
_OTHER_REPORTS = {
    "expect-ct-report": ("expectct", "Expect-CT failed for"),
    "expect-staple-report": ("expectstaple", "Expect-Staple failed for"),
    "known-pins": ("hpkp", "Public key pinning failed for"),
}


def payloads(body: bytes, *, query: Mapping[str, str] | None = None, user_agent: str = "") -> list[bytes]:
    """One event payload (JSON) for each report in `body`, at most 20.

    `query` are the request's parameters: `sentry_release` and `sentry_environment` say where the site ran. `user_agent` is the
    reporting browser's. Raises PayloadInvalid when there is no report in `body`.
    """
    query = query or {}
    reports = [event for report in _reports(body)[:MAX_REPORTS] if (event := _event(report))]
    if not reports:
        raise PayloadInvalid("the body has no report")
    for event in reports:
        if release := query.get("sentry_release"):
            event["release"] = release
        if environment := query.get("sentry_environment"):
            event["environment"] = environment
        if user_agent:
            event["request"].setdefault("headers", []).append(["User-Agent", user_agent])
    return [msgspec.json.encode(event) for event in reports]


def _reports(body: bytes) -> list[dict[str, Any]]:
    text = body.strip()
    if text.startswith(b"["):
        tree, _ = lenient.parse(b'{"reports":' + text + b"}")
        return [report for report in tree["reports"] if isinstance(report, dict)]
    tree, _ = lenient.parse(text)
    return [tree]


def _event(report: Mapping[str, Any]) -> dict[str, Any] | None:
    csp = report.get("csp-report")
    if isinstance(csp, dict):
        return _csp({key.replace("_", "-"): value for key, value in csp.items()})
    if report.get("type") == "csp-violation" and isinstance(report.get("body"), dict):
        fields = {_CSP_NAMES.get(key, key): value for key, value in report["body"].items()}
        fields.setdefault("document-uri", report.get("url"))
        return _csp(fields)
    for key, (kind, words) in _OTHER_REPORTS.items():
        inner = report if key == "known-pins" and key in report else report.get(key)
        if isinstance(inner, dict):
            host = _text(inner.get("hostname")) or "an unknown host"
            return {
                "type": kind,
                "logger": "csp",
                "level": "error",
                "platform": "other",
                "logentry": {"formatted": f"{words} '{host}'"},
                "csp": inner,
                "request": {},
            }
    return None


def _csp(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """`csp` names the effective directive and what was blocked, which is what tells violations apart."""
    directive = _text(fields.get("effective-directive")) or _text(fields.get("violated-directive"))
    directive = directive.split(" ", 1)[0]
    if not directive:
        return None
    page = _text(fields.get("document-uri"))
    blocked_uri = _text(fields.get("blocked-uri"))
    blocked = _blocked(blocked_uri, page)
    request: dict[str, Any] = {}
    if page:
        request["url"] = page
    if referrer := _text(fields.get("referrer")):
        request["headers"] = [["Referer", referrer]]
    kind = directive.removesuffix("-elem").removesuffix("-attr").removesuffix("-src")
    return {
        "type": "csp",
        "logger": "csp",
        "level": "error",
        "platform": "javascript",
        "logentry": {"formatted": f"Blocked '{kind}' from '{blocked}'"},
        "csp": {**fields, "effective-directive": directive},
        "culprit": directive,
        "tags": {"effective-directive": directive, "blocked-uri": blocked_uri or blocked},
        "request": request,
    }


def _blocked(uri: str, page: str) -> str:
    """The host that was blocked, `self` for the page's own, a keyword such as `inline`, or a scheme such as `data:`."""
    word = uri.lower().strip("'")
    if word in ("", "self"):
        return "self"
    if word in _KEYWORDS:
        return word
    if word in _SCHEMES:
        return f"{word}:"
    scheme, host = _split(uri)
    if not host:
        return f"{scheme}:" if scheme else word.split("/")[0]
    return "self" if _split(page)[1] == host else host.partition(":")[0]


def _split(uri: str) -> tuple[str, str]:
    """Scheme, and host with its port."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""

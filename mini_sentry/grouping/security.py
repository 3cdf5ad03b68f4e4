"""Reports that browsers send: what a content policy blocked, or whose certificate did not keep a promise.

Browsers write the fields as `blocked-uri`, `blocked_uri` or `blockedURL`, some below `csp-report` or `body`.
"""

import re
from typing import Any

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):(?://(?:[^/?#@]*@)?([^/?#]*))?")
_KEYWORDS = frozenset({"self", "inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink"})


def certificate_host(report: dict[str, Any]) -> str:
    """The host of an Expect-CT, HPKP or OCSP report; empty for other reports."""
    return _field(report, "hostname", "host-name", "served-host")


def blocked(report: dict[str, Any]) -> tuple[str, str]:
    """What a content policy stopped: the directive, and the host, `'self'`, a keyword (inline, eval) or a scheme (data:)."""
    directive = _field(report, "effective-directive", "effective_directive", "effectiveDirective")
    if not directive:
        words = _field(report, "violated-directive", "violated_directive", "violatedDirective").split()
        directive = words[0] if words else ""
    uri = _field(report, "blocked-uri", "blocked_uri", "blockedURL", "blocked-url").strip()
    document = _field(report, "document-uri", "document_uri", "documentURL", "document-url")
    return directive.lower(), _source(uri, document)


def _source(uri: str, document: str) -> str:
    lowered = uri.lower().strip("'")
    if lowered in ("", "self"):
        return "'self'"
    if lowered in _KEYWORDS:
        return lowered
    match = _ADDRESS.match(uri)
    if match is None:
        # Browsers shorten `data:…` to `data`; older ones send a bare host.
        return f"{lowered}:" if lowered in ("data", "blob", "filesystem", "mediastream") else lowered.split("/")[0]
    scheme, host = match.group(1).lower(), (match.group(2) or "").lower()
    if not host:
        return f"{scheme}:"
    own = _ADDRESS.match(document)
    if own is not None and (own.group(2) or "").lower() == host:
        return "'self'"
    return re.sub(r":\d*$", "", host)


def title_of(report: dict[str, Any]) -> str:
    """Such as `Blocked 'script' from 'cdn.example.com'`; empty when the report says nothing."""
    if host := certificate_host(report):
        return f"Invalid certificate for '{host}'"
    directive, source = blocked(report)
    if not directive:
        return ""
    what = re.sub(r"-src(?:-(?:elem|attr))?$", "", directive)
    return f"Blocked '{what}' from '{source.strip(chr(39))}'"


def _field(report: dict[str, Any], *names: str) -> str:
    for place in (report, report.get("csp-report"), report.get("body")):
        if isinstance(place, dict):
            for name in names:
                value = place.get(name)
                if isinstance(value, str) and value:
                    return value
    return ""

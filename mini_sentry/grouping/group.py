"""An event → the hashes it is looked up by, and how it is called. Pure: the same event gives the same answer anywhere.

Checksum, then a project's fingerprint rules, then the client's fingerprint, then what the event itself says.
"""

import re
from collections.abc import Sequence

import msgspec

from mini_sentry.protocol.event import Event, Frame

from . import fingerprint, strategies, title
from .configs import Config
from .evidence import Evidence, Variant
from .explanation import Component
from .in_app import MEMORY
from .tokens import digest

_HASH = re.compile(r"[0-9a-fA-F]{32}\Z")


class Hash(msgspec.Struct, frozen=True):
    """`hash` is 32 lower-case hex digits. `variant` says what it was made of: app, system, minified, default (no stack),
    custom, hybrid- and one of those before, checksum."""

    hash: str
    variant: str


class Grouping(msgspec.Struct):
    """Which group an event belongs to, and what the group is called.

    `hashes` are distinct, in lookup order: the first one that a group owns decides. `type` and `value` are the main
    exception's and the first line of what it says; without one `type` is empty and `value` the message. `strategy` names
    what decided: checksum, fingerprint, exception, threads, stacktrace, template, csp, message, fallback. `in_app_only`:
    the first hash is made of in-app frames alone. `config` names the version of grouping.
    """

    hashes: list[Hash]
    title: str
    culprit: str
    type: str
    value: str
    strategy: str
    config: str
    in_app_only: bool = False


def group(event: Event, *, config: Config) -> Grouping:
    """Group one event. Never raises, whatever the event holds."""
    evidence = strategies.automatic(event, rules=config.in_app)
    mark = _fingerprint(event, evidence, config)
    strategy, hashes = _hashes(event, evidence, mark)
    named = title.title_of(event, evidence.main, evidence.stack)
    return Grouping(
        hashes=hashes,
        title=(title.first_line(mark.title) if mark is not None else "") or named.title,
        culprit=title.culprit_of(event, evidence.stack),
        type=named.type,
        value=named.value,
        strategy=strategy,
        config=config.name,
        in_app_only=hashes[0].variant.endswith("app"),
    )


def explain(event: Event, *, config: Config) -> list[Component]:
    """Why `group` answers as it does: one component for each variant, in lookup order, those left out with the reason."""
    evidence = strategies.automatic(event, rules=config.in_app)
    mark = _fingerprint(event, evidence, config)
    if event.checksum:
        hashed = _checksum(event.checksum)
        return [Component(kind="checksum", contributes=True, value=event.checksum, hash=hashed.hash)]
    explained: list[Component] = []
    if mark is not None and not mark.is_hybrid:
        parts = _mark_components(mark)
        explained.append(
            Component(kind="custom", contributes=True, reason=mark.reason, hash=digest(mark.encoded()), children=parts)
        )
    for variant in evidence.variants():
        hashed_as = _hash_of(variant, mark)
        why_not = variant.why_not or ("the fingerprint decides" if mark is not None and not mark.is_hybrid else "")
        explained.append(
            Component(
                kind=hashed_as.variant if mark is None or mark.is_hybrid else variant.name,
                contributes=not why_not,
                reason=why_not or (mark.reason if mark is not None else ""),
                hash="" if why_not else hashed_as.hash,
                children=[
                    *(_mark_components(mark) if mark is not None and mark.is_hybrid else []),
                    *evidence.components(variant.name),
                ],
            )
        )
    return explained


def mark_in_app(frames: Sequence[Frame], *, platform: str, config: Config) -> list[tuple[bool, str]]:
    """For each frame of a stack whether it is the user's own code, and why. `platform` is the event's.

    Rules about errors are not asked: use `explain` for what they say.
    """
    facts = MEMORY.facts(frames, config.in_app, platform)
    if all(fact.is_alone for fact in facts):
        return [(fact.in_app, fact.in_app_reason) for fact in facts]
    verdicts = config.in_app.verdicts(frames, facts, error=None)
    return list(zip(verdicts.in_app, verdicts.in_app_reasons, strict=True))


def _fingerprint(event: Event, evidence: Evidence, config: Config) -> fingerprint.Fingerprint | None:
    facts = fingerprint.Facts(
        event, evidence.main, evidence.stack, lambda: strategies.stacks(event, rules=config.in_app)
    )
    return fingerprint.resolve(facts, project=config.fingerprints, built_in=config.built_in_fingerprints)


def _hashes(event: Event, evidence: Evidence, mark: fingerprint.Fingerprint | None) -> tuple[str, list[Hash]]:
    if event.checksum:
        return "checksum", [_checksum(event.checksum)]
    if mark is not None and not mark.is_hybrid:
        return "fingerprint", [Hash(digest(mark.encoded()), "custom")]
    return evidence.strategy, [_hash_of(variant, mark) for variant in evidence.variants() if not variant.why_not]


def _hash_of(variant: Variant, mark: fingerprint.Fingerprint | None) -> Hash:
    automatic = digest(variant.data)
    if mark is None or not mark.is_hybrid:
        return Hash(automatic, variant.name)
    return Hash(digest(mark.encoded(automatic)), f"hybrid-{variant.name}")


def _checksum(checksum: str) -> Hash:
    is_hash = _HASH.match(checksum) is not None
    return Hash(checksum.lower() if is_hash else digest(checksum.encode("utf-8", "surrogatepass")), "checksum")


def _mark_components(mark: fingerprint.Fingerprint) -> list[Component]:
    return [Component(kind="fingerprint", contributes=True, value=part) for part in mark.parts]

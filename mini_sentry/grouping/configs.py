"""Named versions of grouping. A project keeps the one that it was made with until it asks for another.

Whatever changes a hash (the algorithm, a built-in list) needs a new name here; `tests/grouping/golden.json` holds the
hashes of the names there are.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

from . import builtin
from .fingerprint import FingerprintRules
from .in_app import InAppRules
from .rules import parse_fingerprint_rules, parse_stack_rules

LATEST = "mini:2026-11-24"

# Name → built-in stack trace rules, built-in fingerprint rules. They are compiled once, for all projects.
_VERSIONS = {LATEST: (builtin.STACK_RULES, builtin.FINGERPRINT_RULES)}


class UnknownConfig(LookupError):
    """No version of grouping has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no grouping configuration {name!r}")
        self.name = name


@dataclass(frozen=True, slots=True, eq=False)
class Config:
    """How one project's events are grouped: the version's name, its rules and the project's, compiled."""

    name: str
    in_app: InAppRules
    fingerprints: FingerprintRules
    built_in_fingerprints: FingerprintRules


def names() -> list[str]:
    """The versions there are, the newest first."""
    return sorted(_VERSIONS, reverse=True)


def config(name: str = LATEST, *, stack_rules: str = "", fingerprint_rules: str = "") -> Config:
    """A version with a project's own rules, as written. Equal arguments give the same object while it is remembered.

    Raises UnknownConfig, and RuleSyntaxError when a rule cannot be read.
    """
    return _config(name, stack_rules, fingerprint_rules)


@lru_cache(maxsize=256)
def _config(name: str, stack_rules: str, fingerprint_rules: str) -> Config:
    if name not in _VERSIONS:
        raise UnknownConfig(name)
    in_app, fingerprints = _built_in(name)
    return Config(
        name=name,
        in_app=InAppRules(parse_stack_rules(stack_rules), built_in=in_app) if stack_rules else in_app,
        fingerprints=FingerprintRules(parse_fingerprint_rules(fingerprint_rules)),
        built_in_fingerprints=fingerprints,
    )


@cache
def _built_in(name: str) -> tuple[InAppRules, FingerprintRules]:
    stack_rules, fingerprint_rules = _VERSIONS[name]
    return (
        InAppRules(parse_stack_rules(stack_rules)),
        FingerprintRules(parse_fingerprint_rules(fingerprint_rules)),
    )

"""All globs of a set of rules, one automaton a field, so that a text is read once however many rules there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .globs import GlobSet
from .rules import Matcher

_PATHS = frozenset({"path", "package"})


@dataclass(frozen=True, slots=True)
class Wish:
    """Numbers of globs that must hold and that must not, together."""

    wanted: frozenset[int]
    unwanted: frozenset[int]

    @property
    def is_empty(self) -> bool:
        return not (self.wanted or self.unwanted)

    def holds(self, held: set[int]) -> bool:
        return self.wanted <= held and self.unwanted.isdisjoint(held)


class Patterns:
    """Give each distinct (field, key, glob) a number; tell which numbers hold for the values of fields.

    Fill with `wish` first; the automata are built at the first question. `base` has numbers already, and is shared: what
    all projects ask is built once.
    """

    def __init__(self, base: "Patterns | None" = None) -> None:
        self._base = base
        self._first: int = base.count if base is not None else 0
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._fields: dict[tuple[str, str], tuple[GlobSet, list[int]]] | None = None

    def wish(self, matchers: Iterable[Matcher]) -> Wish:
        """Number the globs of some matchers."""
        wanted: set[int] = set()
        unwanted: set[int] = set()
        for matcher in matchers:
            (unwanted if matcher.is_negated else wanted).add(self._number(matcher))
        return Wish(frozenset(wanted), frozenset(unwanted))

    def _number(self, matcher: Matcher) -> int:
        glob = (matcher.field, matcher.key, matcher.pattern)
        known = self._base._numbers.get(glob) if self._base is not None else None
        return known if known is not None else self._numbers.setdefault(glob, self.count)

    @property
    def count(self) -> int:
        return self._first + len(self._numbers)

    def holding(self, values: Mapping[tuple[str, str], Iterable[str]]) -> set[int]:
        """`values` has, for (field, key), the texts to look at; a field that is not there matches nothing."""
        held: set[int] = self._base.holding(values) if self._base is not None else set()
        for place, (globs, numbers) in self._automata().items():
            for text in values.get(place, ()):
                held.update(numbers[index] for index in globs.matches(text))
        return held

    def _automata(self) -> dict[tuple[str, str], tuple[GlobSet, list[int]]]:
        if self._fields is None:
            written: dict[tuple[str, str], tuple[list[str], list[int]]] = {}
            for (field, key, glob), number in self._numbers.items():
                globs, numbers = written.setdefault((field, key), ([], []))
                globs.append(glob)
                numbers.append(number)
            self._fields = {
                place: (GlobSet(globs, is_path=place[0] in _PATHS), numbers)
                for place, (globs, numbers) in written.items()
            }
        return self._fields


def family_holds(matcher: Matcher, families: frozenset[str]) -> bool:
    """`family:` takes names with commas between them."""
    return any(name.strip() in families for name in matcher.pattern.split(",")) is not matcher.is_negated

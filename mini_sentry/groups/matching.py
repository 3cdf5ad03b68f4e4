"""What a search means: its tree → a condition on groups or on events.

Everything that rows hold is answered by the relational store. Tags (and users, for groups) live in the columns: those
terms ask there first, for at most MAX_TAGGED ids each, the most recently seen.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, Final

from django.db.models import CharField, Exists, Lookup, OuterRef, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from mini_sentry.analytics import lookups
from mini_sentry.analytics.columns import asking
from mini_sentry.groups.leads import MAX_NAMED
from mini_sentry.groups.models import Event, Group, GroupScope, Level, Status
from mini_sentry.groups.search import All, Either, Node, Not, Term, Value, Word, nearest_of
from mini_sentry.groups.short_ids import parse as parse_short_id
from mini_sentry.projects.models import Project
from mini_sentry.releases.models import Release

MAX_TAGGED: Final = 10_000
MAX_TAGGED_TERMS: Final = 3
NEW_FOR: Final = timedelta(days=7)

_GROUP_TEXTS: Final = ("title", "type", "value", "culprit")
_COMPARISON = re.compile(r"(>=|<=|>|<)?(\d{1,15})")
_BETWEEN = re.compile(r"(\d{1,15})\.\.(\d{1,15})")
_AGE = re.compile(r"([-+<>])?(\d{1,6})(m|h|d|w)")
_AGE_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EVENT_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Like(Lookup):
    """SQL's LIKE, ignoring case (on SQLite that of A to Z), with a backslash as its escape."""

    lookup_name = "like"

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_parameters = self.process_lhs(compiler, connection)
        right, right_parameters = self.process_rhs(compiler, connection)
        word = "ILIKE" if connection.vendor == "postgresql" else "LIKE"
        return f"{left} {word} {right} ESCAPE '\\'", (*left_parameters, *right_parameters)


CharField.register_lookup(Like)


class Asked:
    """Whose search it is: the project (None for all of them), the person ("" for nobody), and when."""

    def __init__(self, project: Project | None, *, person: str, now: datetime, since: datetime | None = None) -> None:
        self.project = project
        self.person = person
        self.now = now
        self.since = since
        self._tagged_terms = 0

    def project_for_columns(self, term: Term) -> int:
        """Raises SearchInvalid when the columns cannot be asked for this term."""
        self._tagged_terms += 1
        if self.project is None:
            raise term.refuse("a search by tag needs a project.")
        if self._tagged_terms > MAX_TAGGED_TERMS:
            raise term.refuse(f"a search has at most {MAX_TAGGED_TERMS} tags.")
        return self.project.pk


def groups_matching(node: Node, asked: Asked) -> Q:
    """Raises SearchInvalid for a value that a key does not have, Unavailable when a tag needs columns that are away."""
    return _walk(node, _Groups(asked))


def events_matching(node: Node, asked: Asked, *, group_id: int | None = None) -> Q:
    """As `groups_matching`, for the events of one group or of the project. What only the group says is taken from it."""
    return _walk(node, _Events(asked, group_id))


def _walk(node: Node, meaning: "_Meaning") -> Q:
    match node:
        case Term():
            return meaning.term(node)
        case Word(value):
            return meaning.word(value)
        case Not(part):
            return ~_walk(part, meaning)
        case All(parts):
            return reduce(and_, (_walk(part, meaning) for part in parts), Q())
        case Either(parts):
            return reduce(or_, (_walk(part, meaning) for part in parts))


class _Meaning(ABC):
    """What groups and events have in common: the columns of the group's row, reached through `prefix`."""

    prefix = ""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.fields: Mapping[str, Callable[[Term], Q]] = {
            "is": self._is,
            "level": self._level,
            "env": self._environment,
            "release": self._release,
            "first": self._first,
            "assigned": self._assigned,
            "user": self._user,
            "platform": self._platform,
            "type": self._type,
            "id": self._id,
            "age": self._age,
            "seen": self._seen,
            "events": self._events,
        }

    def term(self, term: Term) -> Q:
        return self._tag(term) if term.is_tag else self.fields[term.key](term)

    def word(self, value: Value) -> Q:
        return self._named(value, self.prefix)

    def _named(self, value: Value, prefix: str) -> Q:
        """Groups with the word in their texts or as their short id, reached through `prefix`."""
        found = _any(_contains(f"{prefix}{column}", value) for column in _GROUP_TEXTS)
        if parsed := parse_short_id(value.text):
            found |= Q(**{f"{prefix}number": parsed[1], f"{prefix}project__slug__iexact": parsed[0]})
        return found

    def of_group(self, **condition: Any) -> Q:
        return Q(**{f"{self.prefix}{name}": value for name, value in condition.items()})

    def _is(self, term: Term) -> Q:
        states: Mapping[str, Callable[[], Q]] = {
            "open": lambda: self.of_group(status=Status.UNRESOLVED),
            "unresolved": lambda: self.of_group(status=Status.UNRESOLVED),
            "resolved": lambda: self.of_group(status=Status.RESOLVED),
            "ignored": lambda: self.of_group(status=Status.IGNORED),
            "regressed": lambda: self.of_group(status=Status.UNRESOLVED, regressed_at__isnull=False),
            "new": lambda: self.of_group(
                status=Status.UNRESOLVED, regressed_at__isnull=True, first_seen__gt=self.asked.now - NEW_FOR
            ),
            "ongoing": lambda: self.of_group(
                status=Status.UNRESOLVED, regressed_at__isnull=True, first_seen__lte=self.asked.now - NEW_FOR
            ),
            "assigned": lambda: ~self.of_group(assignee=""),
            "unassigned": lambda: self.of_group(assignee=""),
            "bookmarked": lambda: self.of_group(is_bookmarked=True),
            "handled": lambda: self.of_group(handled=True),
            "unhandled": lambda: self.of_group(handled=False),
        }
        return _any(states[word]() for word in _words(term, states))

    def _level(self, term: Term) -> Q:
        return Q(level__in=_words(term, list(Level.values)))

    def _first(self, term: Term) -> Q:
        return _values(f"{self.prefix}first_release__version", self._versions(term), exact="exact")

    def _assigned(self, term: Term) -> Q:
        names = {"me": self.asked.person, "none": ""}
        values = [Value(names[value.text], False) if value.text in names else value for value in term.values]
        return _values(f"{self.prefix}assignee", values, exact="iexact")

    def _platform(self, term: Term) -> Q:
        return _values(f"{self.prefix}platform", term.values, exact="iexact")

    def _type(self, term: Term) -> Q:
        return _values(f"{self.prefix}type", term.values, exact="iexact")

    def _events(self, term: Term) -> Q:
        return _any(self._count(term, value.text) for value in term.values)

    def _count(self, term: Term, text: str) -> Q:
        if between := _BETWEEN.fullmatch(text):
            return self.of_group(count__gte=int(between[1]), count__lte=int(between[2]))
        if comparison := _COMPARISON.fullmatch(text):
            lookup = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", None: "exact"}[comparison[1]]
            return self.of_group(**{f"count__{lookup}": int(comparison[2])})
        raise term.refuse("a number must follow, such as >100, <=5 or 10..20.")

    def _versions(self, term: Term) -> list[Value]:
        """`latest` is the newest release of the project; a project without one has no version that matches."""
        values = []
        for value in term.values:
            if value == ("latest", False) and self.asked.project is not None:
                newest = Release.objects.filter(project=self.asked.project).order_by("-created_at", "-pk").first()
                value = Value(newest.version if newest else "\0", False)  # noqa: PLW2901
            values.append(value)
        return values

    def _within(self, term: Term, column: str) -> Q:
        """`-24h` and `<24h`: no longer ago than that; `+24h` and `>24h`: longer."""
        found = Q()
        for value in term.values:
            match = _AGE.fullmatch(value.text)
            if match is None:
                raise term.refuse("a duration must follow, such as -24h (newer) or +7d (older).")
            try:
                moment = self.asked.now - timedelta(**{_AGE_UNITS[match[3]]: int(match[2])})
            except OverflowError as error:
                raise term.refuse("this is too far back.") from error
            found |= Q(**{f"{column}__{'lt' if match[1] in ('+', '>') else 'gte'}": moment})
        return found

    def _short_id(self, text: str) -> Q:
        parsed = parse_short_id(text)
        if parsed is None:
            return Q(pk__in=())
        slug, number = parsed
        return self.of_group(number=number, project__slug__iexact=slug)

    @abstractmethod
    def _environment(self, term: Term) -> Q: ...

    @abstractmethod
    def _release(self, term: Term) -> Q: ...

    @abstractmethod
    def _user(self, term: Term) -> Q: ...

    @abstractmethod
    def _id(self, term: Term) -> Q: ...

    @abstractmethod
    def _age(self, term: Term) -> Q: ...

    @abstractmethod
    def _seen(self, term: Term) -> Q: ...

    @abstractmethod
    def _tag(self, term: Term) -> Q: ...


class _Groups(_Meaning):
    def _environment(self, term: Term) -> Q:
        return _seen_where(_values("environment", term.values, exact="exact"))

    def _release(self, term: Term) -> Q:
        return _seen_where(_values("release_version", self._versions(term), exact="exact"))

    def _user(self, term: Term) -> Q:
        return self._tagged(term, lookups.USER)

    def _tag(self, term: Term) -> Q:
        return self._tagged(term, term.key)

    def _tagged(self, term: Term, key: str) -> Q:
        project_id = self.asked.project_for_columns(term)
        with asking() as store:
            ids = lookups.group_ids(store, project_id, _wanted(key, term), limit=MAX_TAGGED, since=self.asked.since)
        return Q(pk__in=ids)

    def _id(self, term: Term) -> Q:
        found = Q(pk__in=())
        for value in term.values:
            if _EVENT_ID.fullmatch(value.text):
                found |= Q(Exists(_event_rows(value.text, self.asked)))
            elif value.text.isdecimal() and len(value.text) < 19:
                found |= Q(pk=int(value.text))
            elif parse_short_id(value.text):
                found |= self._short_id(value.text)
            else:
                raise term.refuse("an id must follow: SHOP-1F3, a number, or an event's 32 hex digits.")
        return found

    def _age(self, term: Term) -> Q:
        return self._within(term, "first_seen")

    def _seen(self, term: Term) -> Q:
        return self._within(term, "last_seen")


class _Events(_Meaning):
    prefix = "group__"

    def __init__(self, asked: Asked, group_id: int | None) -> None:
        super().__init__(asked)
        self._group_id = group_id

    def _environment(self, term: Term) -> Q:
        return _values("environment", term.values, exact="exact")

    def _release(self, term: Term) -> Q:
        return _values("release__version", self._versions(term), exact="exact")

    def _user(self, term: Term) -> Q:
        found = _values("user", term.values, exact="exact")
        for value in term.values:
            found |= Q(user__like=f"%:{_pattern(value)}") if value.is_pattern else Q(user__endswith=f":{value.text}")
        return found

    def _tag(self, term: Term) -> Q:
        project_id = self.asked.project_for_columns(term)
        with asking() as store:
            ids = lookups.event_ids(
                store,
                project_id,
                _wanted(term.key, term),
                limit=MAX_TAGGED,
                since=self.asked.since,
                group_id=self._group_id,
            )
        return Q(event_id__in=ids)

    def _id(self, term: Term) -> Q:
        found = Q(pk__in=())
        for value in term.values:
            if _EVENT_ID.fullmatch(value.text):
                found |= Q(event_id=value.text)
            elif parse_short_id(value.text):
                found |= self._short_id(value.text)
            else:
                raise term.refuse("an id must follow: an event's 32 hex digits, or SHOP-1F3.")
        return found

    def _age(self, term: Term) -> Q:
        return self._within(term, "received_at")

    def _seen(self, term: Term) -> Q:
        return self._within(term, "received_at")

    def word(self, value: Value) -> Q:
        """Few groups are named one by one: so an index leads to their events, and another to those with the word in their own
        message. A store that has to choose between two tables row by row can use neither."""
        groups = Group.objects.filter(self._named(value, ""))
        if self._group_id is not None:
            groups = groups.filter(pk=self._group_id)
        elif self.asked.project is not None:
            groups = groups.filter(project=self.asked.project)
        ids = list(groups.values_list("pk", flat=True)[: MAX_NAMED + 1])
        of_groups = Q(group__in=ids) if len(ids) <= MAX_NAMED else self._named(value, self.prefix)
        return _contains("message", value) | of_groups


def _event_rows(event_id: str, asked: Asked) -> QuerySet[Event]:
    projects = [asked.project.pk] if asked.project else list(Project.objects.values_list("pk", flat=True))
    return Event.objects.filter(project__in=projects, event_id=event_id, group=OuterRef("pk"))


def _seen_where(condition: Q) -> Q:
    return Q(Exists(GroupScope.objects.filter(condition, group=OuterRef("pk"))))


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q(pk__in=()))


def _values(column: str, values: Sequence[Value], *, exact: str) -> Q:
    return _any(
        Q(**{f"{column}__like": _pattern(value)}) if value.is_pattern else Q(**{f"{column}__{exact}": value.text})
        for value in values
    )


def _contains(column: str, value: Value) -> Q:
    # Through `like`, because that is what an index of a text's parts understands.
    if value.is_pattern:
        return Q(**{f"{column}__like": f"%{_pattern(value)}%"})
    forms = {value.text}
    if not value.text.isascii():
        # SQLite ignores the case of A to Z only.
        forms |= {value.text.lower(), value.text.upper(), value.text.capitalize()}
    return _any(Q(**{f"{column}__like": f"%{_escaped(form)}%"}) for form in sorted(forms))


def _pattern(value: Value) -> str:
    return re.sub(r"\*+", "%", _escaped(value.text))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _wanted(key: str, term: Term) -> lookups.Wanted:
    return lookups.Wanted(
        key,
        texts=[value.text for value in term.values if not value.is_pattern],
        patterns=[_pattern(value) for value in term.values if value.is_pattern],
    )


def _words(term: Term, known: Collection[str]) -> list[str]:
    words = [value.text.lower() for value in term.values]
    for word in words:
        if word not in known:
            raise term.refuse(f"{word!r} is not one of {', '.join(known)}.", nearest=nearest_of(word, known))
    return words

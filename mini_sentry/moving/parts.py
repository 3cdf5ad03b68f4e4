"""What is moved from one installation to another, a part at a time, and the rows of a model as one.

Each package that owns tables names its parts in its `moving.py`, and the tables that stay with a reason; `config.moving`
puts them in order. A part is written as JSON, an object a line, in the order of its ids: the same rows give the same
bytes whichever engine keeps them, so that two installations can be compared by the sums in the manifest.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
from django.core.exceptions import ValidationError
from django.db import models

from mini_sentry.moving.archive import Damaged, TooNew

PAGE_ROWS: Final = 1000
LOAD_ROWS: Final = 500

_encoder = msgspec.json.Encoder(order="deterministic")

Heard = Callable[[int], None]
"""Told how many documents of a part are done."""


class Part(Protocol):
    """`name` is its member of the archive, `tables` what it fills."""

    name: str
    tables: tuple[str, ...]

    def count(self) -> int:
        """How many documents there are, in the caller's view of the store."""

    def documents(self) -> Iterator[bytes]:
        """The documents, in the caller's view of the store; in an order that holds anywhere."""

    def load(self, documents: Iterable[bytes], heard: Heard) -> None:
        """Store documents, in the caller's transaction. Raises Damaged or TooNew, or Django's errors for what the tables refuse."""

    def clear(self) -> None:
        """Delete all that is there, in the caller's transaction."""


class Rows:
    """The rows of a model, with all their fields and their ids."""

    def __init__(self, name: str, model: type[models.Model]) -> None:
        self.name = name
        self.model: Any = model
        self.tables: tuple[str, ...] = (model._meta.db_table,)
        self._fields: dict[str, Any] = {field.attname: field for field in model._meta.concrete_fields}

    def count(self) -> int:
        return int(self.model._base_manager.count())

    def documents(self) -> Iterator[bytes]:
        for page in self.pages():
            yield from map(encode, page)

    def pages(self, rows: int = PAGE_ROWS) -> Iterator[list[dict[str, Any]]]:
        """All rows by their fields' names, in the order of their ids."""
        ordered = self.model._base_manager.order_by("pk").values_list(*self._fields)
        names = list(self._fields)
        key = names.index(self.model._meta.pk.attname)
        last: Any = None
        while found := list((ordered if last is None else ordered.filter(pk__gt=last))[:rows]):
            last = found[-1][key]
            yield [dict(zip(names, row, strict=True)) for row in found]

    def load(self, documents: Iterable[bytes], heard: Heard) -> None:
        count = 0
        for batch in batches(documents, LOAD_ROWS):
            self.insert([self.row(decode(self.name, document)) for document in batch])
            count += len(batch)
            heard(count)

    def insert(self, rows: Sequence[models.Model]) -> None:
        self.model._base_manager.bulk_create(rows)

    def row(self, values: dict[str, Any]) -> models.Model:
        """A row of what was exported. Raises TooNew for a field that this version does not have, Damaged for a bad value."""
        try:
            return self.model(**{name: _value(self._fields[name], value) for name, value in values.items()})  # type: ignore[no-any-return]
        except KeyError as error:
            raise TooNew(
                f"The part {self.name} has a field {error} that this version does not know: update this one first."
            ) from error
        except (ValidationError, TypeError, ValueError) as error:
            raise Damaged(f"A row of {self.name} cannot be read: {error}") from error

    def clear(self) -> None:
        rows = self.model._base_manager.all()
        rows._raw_delete(rows.db)


def encode(document: dict[str, Any]) -> bytes:
    return _encoder.encode(document)


def decode(part: str, document: bytes) -> dict[str, Any]:
    """Raises Damaged when it is no JSON object."""
    try:
        return msgspec.json.decode(document, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Damaged(f"A line of {part} cannot be read: {error}") from error


def batches(documents: Iterable[bytes], most: int, *, most_bytes: int = 8 << 20) -> Iterator[list[bytes]]:
    """The documents in order, `most` at a time, fewer when they are long."""
    batch: list[bytes] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document)
        if len(batch) >= most or size >= most_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _value(field: Any, value: Any) -> Any:
    if value is None or type(value) in (int, bool, float):
        return value
    kind = field.get_internal_type()
    if kind == "DateTimeField":
        return datetime.fromisoformat(value)
    if kind == "UUIDField":
        return uuid.UUID(value)
    if kind == "BinaryField":
        return field.to_python(value)
    return without_nul(value)


def without_nul(value: Any) -> Any:
    """The value with the replacement character for U+0000, which PostgreSQL keeps in no text and no JSON."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in value else value
    if isinstance(value, list):
        return [without_nul(one) for one in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(one) for key, one in value.items()}
    return value

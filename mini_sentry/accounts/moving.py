"""What of people is moved to another installation: who they are, their passwords' hashes, and what they may do.

Permissions have ids of their own in each installation, so they are moved by what they allow.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db.models import Model

from mini_sentry.accounts.models import User
from mini_sentry.moving.parts import LOAD_ROWS, Heard, Part, Rows, batches, decode, encode

_PERMISSION: Final = ("permission__content_type__app_label", "permission__content_type__model", "permission__codename")


class _Allowed:
    """The rows of a table that gives permissions to people or to their groups; `owner` is the column of who has them."""

    def __init__(self, name: str, model: type[Model], owner: str) -> None:
        self.name = name
        self.tables: tuple[str, ...] = (model._meta.db_table,)
        self._model: Any = model
        self._owner = owner

    def count(self) -> int:
        return int(self._model.objects.count())

    def documents(self) -> Iterator[bytes]:
        rows = self._model.objects.order_by(self._owner, *_PERMISSION).values_list(self._owner, *_PERMISSION)
        for owner, *permission in rows.iterator():
            yield encode({self._owner: owner, "permission": permission})

    def load(self, documents: Iterable[bytes], heard: Heard) -> None:
        """Permissions that this installation does not know, because they were of a table it no longer has, are left out."""
        known = {
            (app, model, codename): pk
            for app, model, codename, pk in Permission.objects.values_list(
                "content_type__app_label", "content_type__model", "codename", "pk"
            )
        }
        count = 0
        for batch in batches(documents, LOAD_ROWS):
            rows = [decode(self.name, document) for document in batch]
            self._model.objects.bulk_create(
                self._model(**{self._owner: row[self._owner], "permission_id": known[tuple(row["permission"])]})
                for row in rows
                if tuple(row["permission"]) in known
            )
            count += len(batch)
            heard(count)

    def clear(self) -> None:
        self._model.objects.all().delete()


class _People(Rows):
    def clear(self) -> None:
        # What people did in the administration names them by id.
        LogEntry.objects.all().delete()
        super().clear()


PARTS: Final[tuple[Part, ...]] = (
    Rows("groups-of-people", Group),
    _Allowed("permissions-of-groups", Group.permissions.through, "group_id"),
    _People("people", User),
    Rows("people-in-groups", User.groups.through),
    _Allowed("permissions-of-people", User.user_permissions.through, "user_id"),
)

STAYS: Final = {
    "auth_permission": "each installation makes its own",
    "django_content_type": "each installation makes its own",
    "django_migrations": "how far this installation's tables are",
    "django_session": "who is signed in; people sign in again",
    "django_admin_log": "what was done in the administration of this installation",
}

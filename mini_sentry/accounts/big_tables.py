"""Django's administration over tables of millions of rows: pages without counting them, nothing that joins or deletes."""

from typing import Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property

MAX_COUNT: Final = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts to MAX_COUNT and no further: what lies behind is reached by filters, not by pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows.order_by().values_list("pk", flat=True)[:MAX_COUNT])


class BigTableAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows to look at. What writes them (the digest, the API) keeps counts that an edit here would not."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_select_related = False
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

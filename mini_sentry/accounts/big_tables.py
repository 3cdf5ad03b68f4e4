"""Django's administration over tables of millions of rows: pages without counting them, nothing that joins, sorts or
looks through a table."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
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
    """Rows of a table that may be large.

    What a page shows of other tables is named in `shown_with` and read in one query each: a join would let the database
    begin at the other table. Lists have the one order that an index gives: `ordering`, or with one of the parameters in
    `ordered_by_filter` the order that is given there. Columns cannot be sorted by.
    """

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    list_select_related = ()
    ordering = ("-pk",)
    sortable_by = ()
    shown_with: ClassVar[tuple[str, ...]] = ("project",)
    ordered_by_filter: ClassVar[dict[str, tuple[str, ...]]] = {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.prefetch_related(*self.shown_with)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        for name, order in self.ordered_by_filter.items():
            if name in request.GET:
                return order
        return self.ordering


class DerivedAdmin(BigTableAdmin):
    """Rows to look at. What writes them (the digest, the API) keeps counts that an edit here would not."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

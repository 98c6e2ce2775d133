"""What every app's manager screens are built from."""

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

from core.errors import DomainError

CAPPED = 1_000


class CappedPaginator(Paginator):
    """Counts no further than a thousand rows; beyond that it trusts the planner's estimate."""

    @cached_property
    def count(self) -> int:
        """Exact up to 1,000, then an estimate; never a full COUNT(*)."""
        rows = cast(QuerySet[Any], self.object_list)
        capped = len(rows.values_list("pk", flat=True)[: CAPPED + 1])
        return capped if capped <= CAPPED else max(capped, _estimate(rows))


def _estimate(rows: QuerySet[Any]) -> int:
    sql, parameters = rows.order_by().query.get_compiler(rows.db).as_sql()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        (plan,) = cursor.fetchone()
    return int(plan[0]["Plan"]["Plan Rows"])


class BusinessAdmin(ModelAdmin):
    """Base of all screens: no full counts, and rows that only services may change are read-only."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What a service refuses is said on the form."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(BusinessAdmin):
    """A screen to look at: records are made and changed by the business alone."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

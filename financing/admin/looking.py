"""Rows to look at, and what an object's page shows of a decision."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from core.screens.base import ReadOnlyAdmin


class LookedAt(TabularInline):
    """Rows to look at: they change by services only."""

    hide_title = True
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DeskAdmin(ReadOnlyAdmin):
    """A screen whose objects change by buttons alone: each asks the service, which may still refuse."""

    def is_manager(self, request: HttpRequest) -> bool:
        """Tell whether this person may decide."""
        return request.user.has_perm(f"financing.change_{self.opts.model_name}")

    def looked_at(self, request: HttpRequest, object_id: Any) -> Model | None:
        """The object whose page is shown, read once for all its buttons."""
        kept: dict[str, Model | None] = request.__dict__.setdefault("_desk", {})
        key = str(object_id)
        if key not in kept:
            kept[key] = self.get_object(request, key)
        return kept[key]


def table(heads: Sequence[Any], rows: Iterable[Sequence[Any]]) -> SafeString:
    """Write a small table that scrolls by itself where the screen is narrower; everything in it is escaped."""
    head = format_html_join("", '<th class="pr-6 py-1 text-left font-semibold">{}</th>', ((one,) for one in heads))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", '<td class="pr-6 py-1">{}</td>', ((cell,) for cell in row)),) for row in rows),
    )
    scroll = '<div class="relative overflow-x-auto" tabindex="0" role="group"><table>{}{}</table></div>'
    return format_html(scroll, format_html("<thead><tr>{}</tr></thead>", head), format_html("<tbody>{}</tbody>", body))

"""Scan the codes of an order's marked goods: a hand scanner types the code and Enter, piece by piece."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from core.db import database_now
from core.errors import DomainError
from core.ids import find_uuid
from core.screens.base import BusinessAdmin
from core.screens.forms import show
from orders import services
from orders.admin.common import get_actor
from orders.models import BEFORE_HANDOVER, Order
from orders.queries.marks import OrderMarks, read_marks
from orders.rules.marks import GS, MAX_LENGTH

SHOWN_GS = "␝"
"""Picture of the separator, which has none of its own."""


class ScanForm(forms.Form):
    """A code as the scanner typed it for a piece of a line; only spaces around it go."""

    line = forms.UUIDField()
    code = forms.CharField(max_length=MAX_LENGTH + 10)


class MarksScreen(BusinessAdmin):
    """A screen of orders with the page on which codes of marked goods are scanned."""

    @action(
        description=gettext_lazy("Codes of marking"), url_path="marks", permissions=["view"], icon="qr_code_scanner"
    )
    def marks(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the pieces with their codes and a box for the next one; take a code in, or off."""
        order: Order | None = self.get_object(request, object_id)
        if order is None:
            raise Http404
        typed, line_id = "", find_uuid(request.GET.get("line", ""))
        if request.method == "POST":
            line_id = find_uuid(request.POST.get("line", ""))
            try:
                self._act(request, order)
                return HttpResponseRedirect(f"{request.path}?line={line_id}" if line_id else request.path)
            except DomainError as error:
                self.message_user(request, str(error.detail), messages.ERROR)
                typed = request.POST.get("code", "")
        found = read_marks(order.pk)
        context = {
            "title": _("Codes of marking: order %(number)s") % {"number": order.number},
            "order": order,
            "lines": _show_lines(found, line_id, typed),
            "missing": found.missing,
            "is_open": order.status in BEFORE_HANDOVER,
        }
        return show(self, request, "orders/marks", context, status=400 if request.method == "POST" else 200)

    def _act(self, request: HttpRequest, order: Order) -> None:
        """Take a code off, or give it to a piece. Raises DomainError."""
        who: dict[str, Any] = {"order_id": order.pk, "actor": get_actor(request), "now": database_now("orders")}
        if mark_id := find_uuid(request.POST.get("remove", "")):
            services.remove_mark(mark_id=mark_id, **who)
            self.message_user(request, _("The code is taken off: its piece has none now."), messages.SUCCESS)
            return
        form = ScanForm(request.POST)
        if not form.is_valid():
            raise DomainError(_("Scan the code of a piece."))
        services.enter_marks(line_id=form.cleaned_data["line"], codes=[form.cleaned_data["code"]], **who)
        self.message_user(request, _("The code is kept."), messages.SUCCESS)


def _show_lines(found: OrderMarks, line_id: UUID | None, typed: str) -> list[dict[str, Any]]:
    """Show the lines; the line that was scanned last, or else the first that lacks codes, has the focus."""
    lacking = [line.line_id for line in found.lines if line.missing]
    focus = line_id if line_id in lacking else next(iter(lacking), None)
    return [
        {
            "line": line,
            "has": len(line.marks),
            "marks": [(mark, mark.code.replace(GS, SHOWN_GS)) for mark in line.marks],
            "is_next": line.line_id == focus,
            "typed": typed if line.line_id == line_id else "",
        }
        for line in found.lines
    ]

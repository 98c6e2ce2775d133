"""Let a buyer and the staff write to each other about an order: the whole conversation, answers, and marks."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from core.db import database_now
from core.errors import DomainError, NotFound
from orders import services
from orders.public import read_talk
from storefront.forms.visitors import MessageForm, new_key
from storefront.pages import page
from storefront.visitor import count, get_actor, send_once

PAGE_SIZE = 20
BESIDE = 3
"""Messages that the page of the order itself shows."""


@page
@never_cache
@require_GET
def order_messages(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The conversation, or with `?part=live` the part of it that is shown anew when something was written."""
    is_part = request.GET.get("part") == "live"
    if not request.user.is_authenticated:
        return HttpResponse(status=401) if is_part else redirect_to_login(request.get_full_path())
    return _show(request, order_id, MessageForm(), is_part=is_part)


def _show(
    request: HttpRequest, order_id: UUID, form: MessageForm, *, is_part: bool = False, status: int = 200
) -> HttpResponse:
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None
    talk = read_talk(order_id, **_viewer(request), before=before, limit=PAGE_SIZE)
    template = "storefront/parts/messages_live.html" if is_part else "storefront/order_messages.html"
    context = {"talk": talk, "form": form, "key": new_key(), "is_earlier": before is not None}
    return render(request, template, context, status=status)


def _viewer(request: HttpRequest) -> dict[str, Any]:
    actor = get_actor(request)
    return {"viewer_id": actor.id, "is_staff": actor.is_staff}


def read_newest(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    """Return what the page of an order shows of its conversation: the last messages, and a form."""
    talk = read_talk(order_id, **_viewer(request), limit=BESIDE)
    return {"talk": talk, "form": MessageForm(), "key": new_key()}


@page
@require_POST
@login_required
def send_message(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Write to the other side; what cannot be sent stays in the form."""
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _show(request, order_id, form, status=400)

    def act() -> HttpResponse:
        services.send_message(
            order_id=order_id, text=form.cleaned_data["text"], actor=get_actor(request), now=database_now("orders")
        )
        return redirect("storefront:order-messages", order_id)

    try:
        count(request, "messages")
        return send_once(request, "orders", "message", act)
    except NotFound:
        raise
    except DomainError as error:
        form.add_error(None, str(error.detail))
        return _show(request, order_id, form, status=error.status)


@page
@require_POST
@login_required
def read_messages(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Mark as read what the page showed; a form that does not say what it was marks nothing."""
    until = request.POST.get("until", "")
    is_said = until.isascii() and until.isdecimal() and len(until) < 10
    services.read_messages(order_id=order_id, until=int(until) if is_said else 0, actor=get_actor(request))
    return redirect("storefront:order-messages", order_id)


@page
@require_POST
@login_required
def settle_messages(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Say as staff that nothing needs an answer."""
    user: Any = request.user
    if not user.is_staff:
        raise PermissionDenied
    try:
        services.settle_thread(order_id=order_id, actor=get_actor(request))
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, str(error.detail))
    else:
        messages.success(request, _("Nothing waits for an answer here any more."))
    return redirect("storefront:order-messages", order_id)

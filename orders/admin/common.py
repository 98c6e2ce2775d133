"""Share what the screens of orders have in common."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import TabularInline

from core.errors import NotFound
from orders.models import Checkout
from orders.services import Actor, leg_label


def get_actor(request: HttpRequest) -> Actor:
    """Return the manager or administrator at the screen. Raises NotFound without one."""
    if request.user.pk is None:
        raise NotFound
    return Actor(request.user.pk, frozenset({"admin"} if request.user.is_superuser else {"manager"}))


def get_step_name(checkout: Checkout) -> str:
    """Return the name of the leg that a checkout stands at."""
    return str(leg_label(checkout.step))


class ReadOnlyInline(TabularInline):
    """Rows of another table that are looked at here, and changed elsewhere."""

    hide_title = True
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

"""Tell who is looking at a page: the signed-in user of Django's session, in the words the other apps understand."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.services.sessions import PAGE_SESSION
from core.errors import NotFound
from core.ids import find_uuid, uuid7
from gateway.access import policy
from gateway.approvals.reading import Reader
from gateway.guards import guard
from gateway.guards.address import client_address
from gateway.principal import Principal
from gateway.requests.idempotency import run_once
from orders.services import Actor

BACKEND = "accounts.backends.EmailBackend"


def get_principal(request: HttpRequest) -> Principal:
    """The signed-in visitor as a caller of the API would be seen; good for as long as an access token lives."""
    user: Any = request.user
    return policy.page_principal(user, jti=session_jti(request), lifetime_s=lifetime_s())


def lifetime_s() -> int:
    """Seconds for which `get_principal` answers for a visitor."""
    lifetime: Any = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
    return int(lifetime.total_seconds())


def user_id(request: HttpRequest) -> UUID:
    """Id of the signed-in visitor."""
    user: Any = request.user
    return UUID(str(user.pk))


def session_jti(request: HttpRequest) -> str:
    """The id of this browser's session in accounts: ending that session ends what it opened."""
    return str(request.session.get(PAGE_SESSION, ""))


def get_actor(request: HttpRequest) -> Actor:
    """The signed-in visitor as a buyer: on these pages even a manager buys for themselves."""
    user: Any = request.user
    return Actor(user.id, frozenset(user.effective_roles))


def get_reader(request: HttpRequest) -> Reader:
    """The signed-in visitor as one who may be asked to agree to what others want done."""
    return Reader(user_id(request), bool(getattr(request.user, "is_superuser", False)))


def required_uuid(text: str) -> UUID:
    """Return the id that a form or an address brought. Raises NotFound: what is no id names nothing."""
    found = find_uuid(text)
    if found is None:
        raise NotFound
    return found


def send_once(request: HttpRequest, alias: str, form: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Act in a transaction on `alias`, once per hidden `key` of a form: a second click gets the first answer.

    `form` is the name that its keys are kept under, for ever the same. A guest is known by the key alone.
    """
    key = request.POST.get("key", "")
    sender = user_id(request) if request.user.is_authenticated else find_uuid(key) or uuid7()
    return run_once(request, sender, alias=alias, route=f"POST storefront {form}", form_key=key, action=act)


def count(request: HttpRequest, scope: str) -> None:
    """Count one request against a limit. Raises TooManyRequests."""
    principal = get_principal(request) if request.user.is_authenticated else None
    guard.check(principal, client_address(request.META), scope)


def next_url(request: HttpRequest, default: str) -> str:
    """Return where to go on: `next` if it is the address of one of our own pages, never the name of a view."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    is_address = wanted.startswith(("/", "http://", "https://"))
    is_ours = is_address and url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else resolve_url(default)

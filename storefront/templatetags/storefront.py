"""Show money, distances and cars on a page."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import segno
from django import template
from django.conf import settings
from django.urls import reverse
from django.utils import formats
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from core.context import current
from orders.services import leg_title
from storefront.shown import silhouettes, wording
from storefront.shown.place import Place, read_place
from storefront.shown.terms import term

register = template.Library()
NBSP = "\u00a0"
SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "GBP": "£"}


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, page: str, label: str, badge: str = "") -> SafeString:
    """A link of the navigation to one of our pages; the one we are on says so. A `badge` is counted by the script."""
    url = reverse(f"storefront:{page}")
    request = context.get("request")
    here = mark_safe(' aria-current="page"') if request is not None and request.path == url else ""
    return format_html('<a href="{}"{}>{}{}</a>', url, here, label, badge_place(badge) if badge else "")


@register.simple_tag
def badge_place(name: str) -> SafeString:
    """Return where the page's script writes a count of the header: hidden without one."""
    return format_html('<span class="badge" data-badge="{}" hidden> <span data-count></span></span>', name)


@register.simple_tag(takes_context=True)
def has_badges(context: template.Context) -> bool:
    """Tell whether there may be something to count: a guest without a cart has nothing."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None:
        return False
    return bool(user.is_authenticated or settings.CART_COOKIE_NAME in request.COOKIES)


@register.simple_tag
def dealer() -> Place:
    """The place and hours of the seller."""
    return read_place()


@register.filter
def money(amount: Decimal, currency: str = "RUB") -> str:
    """An amount in major units with unbreakable groups: «1 745 000 ₽»; kopecks only where there are any."""
    decimals = 0 if amount == amount.to_integral_value() else 2
    digits = f"{amount:,.{decimals}f}".replace(",", NBSP).replace(".", formats.get_format("DECIMAL_SEPARATOR"))
    return f"{digits}{NBSP}{SIGNS.get(currency, currency)}"


@register.filter
def grouped(number: int) -> str:
    """A whole number with unbreakable groups of three."""
    return f"{number:,}".replace(",", NBSP)


@register.filter
def day_in_words(written: str) -> str:
    """Write an ISO day, as requests of policies keep it, with the month by its name."""
    return formats.date_format(date.fromisoformat(written), "j E Y")


@register.filter
def litres(volume: Decimal) -> str:
    """An engine's volume to one place, as people say it: «2,0»."""
    return formats.number_format(volume, decimal_pos=1)


@register.filter
def unlocalised(amount: Decimal) -> str:
    """An amount as a program reads it back."""
    return f"{amount:.2f}"


@register.filter
def status_name(status: str) -> Any:
    """A status in a buyer's words."""
    return wording.STATUSES[status].name if status in wording.STATUSES else status


@register.filter
def status_tone(status: str) -> str:
    """The tone of a status's badge: good, warn, bad or calm."""
    return wording.STATUSES[status].tone if status in wording.STATUSES else "calm"


@register.filter
def json_ld(facts: Mapping[str, Any]) -> SafeString:
    """Facts for search engines (schema.org), as a block of data that no browser runs."""
    safe = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}
    written = json.dumps(facts, ensure_ascii=False).translate(safe)
    return format_html('<script type="application/ld+json">{}</script>', mark_safe(written))


@register.filter
def policy_name(text: str) -> str:
    """A policy in the visitor's language, by the code of its kind or by its line in an order; else the text."""
    kind, _space, insurer = text.partition(" ")
    known = wording.POLICIES.get(kind.lower())
    return text if known is None else f"{known} {insurer}".strip()


@register.filter(name="term")
def in_words(text: str) -> Any:
    """A price list's word in the visitor's language."""
    return term(text)


@register.filter
def condition_name(condition: str) -> Any:
    """`new` or `used` in a buyer's words."""
    return wording.CONDITIONS.get(condition, condition)


@register.filter
def at(values: Mapping[Any, Any], key: Any) -> Any:
    """Return what a mapping has under a key, or nothing."""
    return values.get(key) if values else None


@register.simple_tag
def silhouette(body: str = "", colour: str = "", label: str = "") -> SafeString:
    """The drawing of a body in its colour."""
    return silhouettes.silhouette(body, colour, label=label)


@register.simple_tag
def request_id() -> str:
    """Number of the present request, as the logs know it."""
    return str(current().get("request_id", ""))


@register.simple_tag
def query(parameters: dict[str, Any], **changes: Any) -> str:
    """A query string of `parameters` with some changed, and empty ones left out."""
    merged = {name: value for name, value in {**parameters, **changes}.items() if value not in (None, "", [])}
    return f"?{urlencode(merged, doseq=True)}" if merged else "?"


@register.filter
def signing_refusal(code: str) -> Any:
    """Say why a paper has no qualified signature although one was asked for."""
    return wording.signing_refusal(code)


@register.filter
def attention_name(reason: str) -> Any:
    """Why the board shows an order first."""
    return wording.ATTENTION.get(reason, reason)


@register.filter
def move_name(status: str) -> Any:
    """The step that leads to a status, as a manager calls it."""
    return wording.MOVES.get(status, status)


@register.filter
def leg_name(leg: str) -> Any:
    """A leg of a checkout, as a manager calls it."""
    return leg_title(leg)


@register.filter
def reason_name(code: str) -> Any:
    """Why a checkout is parked, in words."""
    return wording.CAUSES.get(code) or wording.reason(code)


@register.filter
def factor_name(code: str) -> Any:
    """A factor of a premium in a buyer's words."""
    return wording.FACTORS.get(code, code)


@register.filter
def plain(number: Decimal) -> str:
    """A number without the zeros that a column of the database adds: «14,9»."""
    digits = f"{number.normalize():f}"
    return digits.replace(".", formats.get_format("DECIMAL_SEPARATOR"))


@register.filter
def loan_tone(status: str) -> str:
    """The tone of the badge of an application or a loan."""
    return wording.LOAN_TONES.get(status, "calm")


@register.filter
def scannable(code: str) -> SafeString:
    """A code as a picture that a camera at the door reads."""
    picture = segno.make(code).svg_inline(scale=4, border=2, light="#fff", title=code)
    return mark_safe(picture)  # our own drawing of our own letters

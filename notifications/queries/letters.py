"""Write the letter that an e-mail is: from its news, and from what the order it is about tells at that moment."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core import signing
from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.outside.letters import Letter, Piece
from notifications.errors import UnsubscribeLinkInvalid
from notifications.models import Kind, Notification, Recipient
from notifications.rules.letters import SOLICITED, Purchase, drop_superseded, get_button, write_piece
from orders.public import get_headline

UNSUBSCRIBE_SALT = "notifications.unsubscribe"
log = structlog.get_logger(__name__)


def write_letter(message: Notification, recipient: Recipient) -> Letter:
    """Return an e-mail as a letter in its reader's language; one that gathers others tells each of them."""
    parts = [message]
    if message.kind == Kind.DIGEST:
        gathered = Notification.objects.filter(digest_id=message.id).order_by("created_at", "id")
        parts = drop_superseded(gathered) or [message]
    purchases: dict[str, Purchase | None] = {}
    with translation.override(choose_language(recipient.language)):
        pieces = tuple(_write(part, recipient, purchases) for part in parts)
        return compose_letter(message, {part.kind for part in parts}, pieces, recipient)


def compose_letter(message: Notification, kinds: set[str], pieces: tuple[Piece, ...], recipient: Recipient) -> Letter:
    """Put pieces of news into a letter, in the language in force; one alone lends it subject and button."""
    is_single = len(pieces) == 1
    return Letter(
        subject=pieces[0].title if is_single else message.title,
        pieces=pieces,
        button=pieces[0].link if is_single else get_button(message.kind, message.data),
        note=_("You get this letter because you have an account with us. Which news comes by mail is set there."),
        language=choose_language(recipient.language),
        unsubscribe_url=make_unsubscribe_url(recipient.user_id, kinds) if kinds <= SOLICITED else "",
    )


def choose_language(wanted: str) -> str:
    """Return the language to write in: the reader's, or the house's own where we do not speak it."""
    return wanted if wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def make_unsubscribe_url(user_id: UUID, kinds: Iterable[str]) -> str:
    """Return the page that ends some kinds of mail for one reader; nobody has to sign in there."""
    token = signing.dumps([str(user_id), *sorted(map(str, kinds))], salt=UNSUBSCRIBE_SALT)
    return f"{settings.PUBLIC_URL.rstrip('/')}/unsubscribe/?token={token}"


def read_unsubscribe_token(token: str) -> tuple[UUID, list[str]]:
    """Return whose letter it was, and of which kinds. Raises UnsubscribeLinkInvalid."""
    try:
        user_id, *kinds = signing.loads(token, salt=UNSUBSCRIBE_SALT)
        return UUID(user_id), [Kind(kind).value for kind in kinds]
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise UnsubscribeLinkInvalid from error


def _write(part: Notification, recipient: Recipient, purchases: dict[str, Purchase | None]) -> Piece:
    return write_piece(
        part.kind,
        part.data,
        title=part.title,
        text=part.body,
        zone=recipient.zone,
        purchase=_find_purchase(part.data, purchases),
    )


def _find_purchase(data: Mapping[str, Any], known: dict[str, Purchase | None]) -> Purchase | None:
    """Return the order that news is about. Orders being away, the letter goes without what it would have told."""
    order_id = str(data.get("order_id") or "")
    if order_id and order_id not in known:
        try:
            known[order_id] = _read_purchase(UUID(order_id))
        except (DomainError, DatabaseError, ValueError) as error:
            log.warning("letter_without_order", order_id=order_id, error=repr(error))
            known[order_id] = None
    return known.get(order_id)


def _read_purchase(order_id: UUID) -> Purchase | None:
    found = get_headline(order_id)
    if found is None:
        return None
    more = _("%(goods)s and %(more)s more") % {"goods": found.goods, "more": found.more}
    return Purchase(
        number=found.number,
        goods=more if found.more else found.goods,
        total_amount=str(found.total_amount),
        currency=found.currency,
    )

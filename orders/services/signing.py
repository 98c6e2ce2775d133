"""Signing papers: a buyer by a code sent to the phone that was checked with their passport, a manager for the seller.

A signature keeps what makes a simple one evidence (63-FZ, articles 5, 6 and 9): who, when, from where, by which code,
and the hashes of the very bytes and words. A code is good for one paper: its hash is made over those of the paper.
"""

import hmac
import json
import secrets
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.public import get_person
from core.db import transaction
from core.errors import InvalidInput, NotFound
from core.ids import uuid7
from core.secrecy.sealing import seal
from core.secrecy.secret_keys import sign, signatures
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers
from orders.errors import (
    AlreadySigned,
    CodeExpired,
    DocumentOutdated,
    IdentityUnchecked,
    NoSmsGateway,
    QualifiedNeeded,
    SigningLocked,
    TransitionNotYours,
    WrongCode,
)
from orders.events import SigningBegun
from orders.models import (
    BuyerPapers,
    DocumentSignature,
    IssuedDocument,
    SignatureMethod,
    SignatureSide,
    SigningCode,
    TaxPaperKind,
)
from orders.queries.papers import verify_paper
from orders.services.agreeing import refuse_own
from orders.services.buyer_papers import read_buyer_papers
from orders.services.changing import load_for
from orders.services.history import Actor, record_edit
from orders.services.issuing import find_last
from orders.services.saga import Saga

LIFETIME = timedelta(minutes=10)
WINDOW = timedelta(hours=1)
PAUSE = timedelta(minutes=1)
MOST_CODES = 5
MOST_TRIES = 5
"""Codes that one paper may be sent, and wrong ones that may be tried for it, within an hour; a minute between codes."""


def begin_signing(*, document_id: UUID, actor: Actor, now: datetime) -> SigningCode:
    """Send the buyer a code to sign a paper with; an earlier one is good no more.

    Raises NotFound, TransitionNotYours (anybody but the buyer), AlreadySigned, DocumentOutdated, IdentityUnchecked,
    SigningLocked, NoSmsGateway, AccountClosing.
    """
    if not settings.SMS_URL:
        raise NoSmsGateway
    with transaction("orders"):
        document, saga = lock_paper(document_id, actor, now)
        _require_buyer(saga, actor)
        _refuse_simple(document, SignatureSide.BUYER)
        phone = read_buyer_papers(_find_checked(document))["phone"]
        _refuse_haste(document, now)
        number = f"{secrets.randbelow(1_000_000):06d}"
        code = SigningCode(
            id=uuid7(), document=document, signer_id=actor.id, phone=phone, sent_at=now, expires_at=now + LIFETIME
        )
        code.code_hash = sign(_bind(code.id, document, number))
        code.save(force_insert=True)
        text = _("%(code)s signs document %(number)s. Tell nobody.") % {"code": number, "number": document.number}
        publish(
            SigningBegun(
                document_id=document.id,
                code_id=code.id,
                customer_id=saga.order.customer_id,
                body=seal(json.dumps({"to": phone, "text": text}).encode()).decode(),
                expires_at=code.expires_at,
            )
        )
    return code


def sign_by_code(
    *, document_id: UUID, code: str, actor: Actor, address: str, user_agent: str, now: datetime
) -> IssuedDocument:
    """Sign a paper as its buyer, with the code that was sent last. A wrong one counts, whatever comes of the request.

    Raises what `begin_signing` does, CodeExpired and WrongCode.
    """
    with transaction("orders"):
        document, saga = lock_paper(document_id, actor, now)
        _require_buyer(saga, actor)
        _refuse_simple(document, SignatureSide.BUYER)
        papers = _find_checked(document)
        tries = _count_tries(document, now)
        if tries >= MOST_TRIES:
            _lock_out()
        sent = SigningCode.objects.filter(document=document, signer_id=actor.id).order_by("-sent_at").first()
        if sent is None or sent.used_at is not None or sent.expires_at <= now:
            raise CodeExpired
        is_right = _matches(sent, document, code)
        if is_right:
            sent.used_at = now
            _add_signature(saga, document, _by_code(sent, papers), actor, address, user_agent)
        else:
            sent.tries += 1
        sent.save(update_fields=["used_at", "tries"])
    if not is_right:
        raise WrongCode(tries_left=MOST_TRIES - tries - 1)
    return document


def _by_code(sent: SigningCode, papers: BuyerPapers) -> DocumentSignature:
    return DocumentSignature(
        side=SignatureSide.BUYER,
        method=SignatureMethod.CODE,
        signer_name=read_buyer_papers(papers)["full_name"],
        phone=sent.phone,
        identity_checked_by=papers.checked_by,
        code_hash=sent.code_hash,
        code_sent_at=sent.sent_at,
    )


def sign_for_seller(*, document_id: UUID, actor: Actor, address: str, user_agent: str, now: datetime) -> IssuedDocument:
    """Sign a paper for the dealer, by the account of a manager.

    Raises NotFound, TransitionNotYours (clients), FourEyes (a manager's own order), AlreadySigned, DocumentOutdated,
    InvalidInput (a paper that the buyer alone signs).
    """
    person = get_person(actor.id)
    with transaction("orders"):
        document, saga = lock_paper(document_id, actor, now)
        if not actor.is_staff:
            raise TransitionNotYours
        refuse_own(saga.order, actor)
        _refuse_simple(document, SignatureSide.SELLER)
        made = DocumentSignature(
            side=SignatureSide.SELLER,
            method=SignatureMethod.ACCOUNT,
            signer_name=(person.full_name or person.email) if person else str(actor.id),
        )
        _add_signature(saga, document, made, actor, address, user_agent)
    return document


def lock_paper(document_id: UUID, actor: Actor, now: datetime) -> tuple[IssuedDocument, Saga]:
    """Lock the order first, as everybody does, and find its paper."""
    order_id = IssuedDocument.objects.filter(pk=document_id).values_list("order_id", flat=True).first()
    if order_id is None:
        raise NotFound
    saga = load_for(order_id, actor, now)
    return IssuedDocument.objects.get(pk=document_id), saga


def _require_buyer(saga: Saga, actor: Actor) -> None:
    if actor.id != saga.order.customer_id:
        raise TransitionNotYours
    refuse_leavers("orders", saga.order.customer_id)


def refuse_signing(document: IssuedDocument, side: str) -> None:
    """Raises InvalidInput (a side that does not sign it), NotFound (erased), AlreadySigned and DocumentOutdated."""
    if side not in document.sides:
        who = _("The buyer alone signs this document."), _("The seller alone signs this document.")
        raise InvalidInput("code", f"{document.sides[0]}_alone", who[side == SignatureSide.BUYER])
    if document.signatures.filter(side=side).exists():
        raise AlreadySigned
    newest = find_last(document.order_id, document.kind, document.language)
    if newest is None or newest.id != document.id or not verify_paper(document).is_intact:
        raise DocumentOutdated


def _refuse_simple(document: IssuedDocument, side: str) -> None:
    """Raises what `refuse_signing` does, and QualifiedNeeded."""
    refuse_signing(document, side)
    if document.kind in TaxPaperKind.values:
        raise QualifiedNeeded


def _find_checked(document: IssuedDocument) -> BuyerPapers:
    found = BuyerPapers.objects.filter(order_id=document.order_id, checked_at__isnull=False).first()
    if found is None:
        raise IdentityUnchecked
    return found


def _refuse_haste(document: IssuedDocument, now: datetime) -> None:
    """Raises SigningLocked."""
    lately = list(
        SigningCode.objects.filter(document=document, sent_at__gt=now - WINDOW)
        .order_by("-sent_at")
        .values_list("sent_at")
    )
    if len(lately) >= MOST_CODES or _count_tries(document, now) >= MOST_TRIES:
        _lock_out()
    if lately and now - lately[0][0] < PAUSE:
        raise SigningLocked(retry_after=int((PAUSE - (now - lately[0][0])).total_seconds()) + 1)


def _lock_out() -> NoReturn:
    raise SigningLocked(retry_after=int(WINDOW.total_seconds()))


def _count_tries(document: IssuedDocument, now: datetime) -> int:
    codes = SigningCode.objects.filter(document=document, sent_at__gt=now - WINDOW)
    return codes.aggregate(tries=Sum("tries"))["tries"] or 0


def _bind(code_id: UUID, document: IssuedDocument, number: str) -> str:
    """Name what a code's hash is made over: the sending, and the paper's own hashes."""
    return f"signing:{code_id}:{document.sha256}:{document.text_sha256}:{number}"


def _matches(sent: SigningCode, document: IssuedDocument, number: str) -> bool:
    bound = signatures(_bind(sent.id, document, number))
    return any(hmac.compare_digest(each, sent.code_hash) for each in bound)


def _add_signature(
    saga: Saga, document: IssuedDocument, made: DocumentSignature, actor: Actor, address: str, user_agent: str
) -> None:
    made.document, made.signer_id, made.signed_at = document, actor.id, saga.now
    made.address, made.user_agent = address, user_agent[:300]
    made.sha256, made.text_sha256 = document.sha256, document.text_sha256
    made.save(force_insert=True)
    told = {"kind": document.kind, "number": document.number, "side": made.side}
    record_edit(saga, "document.signed", actor=actor, now=saga.now, data=told)
    saga.write_timeline()

"""Qualified signatures: asked of a provider after the request has committed, and believed once they are checked.

What is kept proves itself (63-FZ, articles 5.4 and 6.1): the detached signature over the very bytes of the paper, and
the certificate that made it.
"""

import base64
import binascii
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography import x509
from django.conf import settings

from core.db import transaction
from core.errors import FourEyes
from core.secrecy.cms import BadSignature, Signer, check_signature
from core.secrecy.sealing import unseal
from messaging.delivery.calls import request_call
from orders.errors import NoSigningProvider, SigningPending, TransitionNotYours
from orders.models import (
    DocumentSignature,
    IssuedDocument,
    Order,
    QualifiedSigning,
    SignatureMethod,
    SignatureSide,
    SigningState,
)
from orders.models.signings import PENDING
from orders.queries.signings import name_signer
from orders.services.agreeing import refuse_own
from orders.services.history import SYSTEM_ACTOR, Actor, record_edit
from orders.services.saga import Saga
from orders.services.signing import lock_paper, refuse_signing

NOBODY = "none"


def request_signature(*, document_id: UUID, actor: Actor, now: datetime) -> QualifiedSigning:
    """Ask the provider to sign a paper: for the buyer if they ask, for the seller if a manager does.

    Raises NotFound, NoSigningProvider, TransitionNotYours, FourEyes (a manager's own order), InvalidInput (a side that
    does not sign it), AlreadySigned, DocumentOutdated and SigningPending.
    """
    if settings.SIGNING_PROVIDER == NOBODY:
        raise NoSigningProvider
    with transaction("orders"):
        document, saga = lock_paper(document_id, actor, now)
        side = _choose_side(saga.order, actor, document)
        refuse_signing(document, side)
        pending = QualifiedSigning.objects.filter(document=document, side=side, state__in=PENDING).first()
        if pending is not None:
            raise SigningPending(signing_id=str(pending.id))
        made = QualifiedSigning.objects.create(
            document=document,
            side=side,
            provider=settings.SIGNING_PROVIDER,
            sha256=document.sha256,
            requested_by=actor.id,
            requested_at=now,
        )
        _record(saga, made, actor)
        request_call(
            key=made.key,
            operation="orders.sign_paper",
            provider=f"signing-{made.provider}",
            request={"signing_id": str(made.id)},
        )
    return made


def _choose_side(order: Order, actor: Actor, document: IssuedDocument) -> str:
    if actor.id == order.customer_id:
        if actor.is_staff and SignatureSide.BUYER not in document.sides:
            raise FourEyes
        return SignatureSide.BUYER
    if not actor.is_staff:
        raise TransitionNotYours
    refuse_own(order, actor)
    return SignatureSide.SELLER


def apply_signing_answer(*, signing_id: UUID, answer: dict[str, Any], now: datetime) -> bool:
    """Record what the provider says of a request; said again, it changes nothing. Return whether it moved.

    A signature that does not prove itself is refused: it is of other bytes, of another issuer, or of somebody else.
    """
    asked = QualifiedSigning.objects.select_related("document__order").get(pk=signing_id)
    signer = name_signer(asked.document.order, asked.side, asked.requested_by)
    with transaction("orders"):
        saga = Saga.load(asked.document.order_id, now)
        assert saga is not None
        found = QualifiedSigning.objects.select_for_update().get(pk=signing_id)
        if found.state not in PENDING or answer.get("status") == "over":
            return False
        state = {"signed": SigningState.SIGNED, "refused": SigningState.REFUSED}.get(
            str(answer.get("status")), SigningState.UNKNOWN
        )
        if found.state == state:
            return False
        if state == SigningState.SIGNED:
            state, found.failure_code = _take(saga, found, str(answer.get("cms", "")), signer)
        elif state == SigningState.REFUSED:
            found.failure_code = str(answer.get("failure_code", ""))[:60]
        found.move(state, now=now)
        found.save()
        _record(saga, found, SYSTEM_ACTOR)
    return True


def _take(saga: Saga, found: QualifiedSigning, text: str, wanted: tuple[str, str]) -> tuple[SigningState, str]:
    """Keep a signature that proves itself and names who was wanted; say why not of another.

    Whose ИНН nobody knows is known by name: else anybody's certificate would sign for them.
    """
    document = IssuedDocument.objects.get(pk=found.document_id)
    if not document.content or document.signatures.filter(side=found.side).exists():
        return SigningState.REFUSED, "already_signed" if document.content else "erased"
    name, inn = wanted
    try:
        cms = base64.b64decode(text, validate=True)
        signer = check_signature(cms, unseal(bytes(document.content)), _read_authority(), saga.now)
    except (BadSignature, binascii.Error):
        return SigningState.REFUSED, "bad_signature"
    if inn not in signer.inns if inn else not signer.is_named(name):
        return SigningState.REFUSED, "another_signer"
    _add_signature(found, document, cms, signer, name, saga.now)
    return SigningState.SIGNED, ""


def _add_signature(
    found: QualifiedSigning, document: IssuedDocument, cms: bytes, signer: Signer, name: str, now: datetime
) -> None:
    DocumentSignature.objects.create(
        document=document,
        side=found.side,
        method=SignatureMethod.QUALIFIED,
        signer_id=found.requested_by,
        signer_name=name,
        address="",
        cms=cms,
        certificate=f"{signer.subject}; {signer.serial}; {signer.issuer}",
        sha256=document.sha256,
        text_sha256=document.text_sha256,
        signed_at=now,
    )


def _read_authority() -> x509.Certificate:
    """Return the certificate of the authority that signers' certificates are issued by."""
    return x509.load_pem_x509_certificate(Path(settings.SIGNING_AUTHORITY).read_bytes())


def _record(saga: Saga, found: QualifiedSigning, actor: Actor) -> None:
    told = {"kind": found.document.kind, "number": found.document.number, "side": found.side, "state": found.state}
    record_edit(saga, "document.qualified", actor=actor, now=saga.now, data=told | {"code": found.failure_code})
    saga.write_timeline()

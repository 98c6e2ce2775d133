"""Telling banks what became of their offers: each notice is a row first, repeated until the bank takes it."""

from datetime import datetime
from uuid import UUID

from core.db import transaction
from financing.models import Application, BankOffer, NoticeState, OfferStatus
from messaging.delivery.calls import request_call

ACCEPTED, DECLINED, WITHDRAWN = "accepted", "declined", "withdrawn"
"""The client took the offer; chose another or none; gave up what they had taken."""


def take(application: Application, offer: BankOffer) -> None:
    """Note that the client takes an offer, tell its bank, and let go of all others."""
    offer.status = OfferStatus.TAKEN
    _send_notice(application, offer, ACCEPTED)
    offer.save()
    release_banks(application)


def release_banks(application: Application) -> None:
    """Let go of every bank whose offer is not taken: their answers count for nothing from now on."""
    for offer in application.offers.filter(status__in=(OfferStatus.ASKED, OfferStatus.OFFERED)).order_by("pk"):
        _drop(application, offer, DECLINED if offer.status == OfferStatus.OFFERED else "")


def give_up_offers(application: Application) -> None:
    """Let go of all banks, the taken one too: the application ended, or its loan was undone."""
    release_banks(application)
    for offer in application.offers.filter(status=OfferStatus.TAKEN):
        _drop(application, offer, WITHDRAWN)


def _drop(application: Application, offer: BankOffer, decision: str) -> None:
    offer.status = OfferStatus.LET_GO
    if decision:
        _send_notice(application, offer, decision)
    offer.save()


def _send_notice(application: Application, offer: BankOffer, decision: str) -> None:
    """Ask for a notice, where the bank decides by itself; `version` tells it which of two notices is the later."""
    if not offer.connection:
        return
    offer.notice = NoticeState.WAITING
    request_call(
        key=f"offer:{offer.id}:{decision}",
        operation="financing.tell_bank",
        provider=offer.connection,
        request={
            "bank": offer.connection,
            "offer_id": str(offer.id),
            "application_id": str(application.id),
            "reference": offer.reference,
            "decision": decision,
            "version": application.version,
        },
    )


def record_notice(*, offer_id: UUID, decision: str, is_told: bool, now: datetime) -> None:
    """Note whether a bank took a notice; of an offer given up since, the notice of that counts.

    What fails in the end is for a person: it stays visible beside the offer.
    """
    status = OfferStatus.TAKEN if decision == ACCEPTED else OfferStatus.LET_GO
    with transaction("financing"):
        BankOffer.objects.filter(pk=offer_id, status=status).update(
            notice=NoticeState.TOLD if is_told else NoticeState.FAILED, told_at=now if is_told else None
        )

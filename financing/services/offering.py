"""Carry a decided application on: by a manager's word, the client's, or the clock's."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from financing.errors import OfferExpired, OfferNotFound, OfferNotStanding, OwnPartGrows
from financing.models import Application, ApplicationStatus, BankOffer, OfferStatus
from financing.queries.bank_offers import list_offers
from financing.queries.wanted_papers import require_papers
from financing.services.approving import make_offer, refuse, settle_on, take_offer
from financing.services.deciding import quote_for, require_lawful, require_remembered
from financing.services.orders import lock_application, withdrawn
from financing.services.seconding import admit_approving
from financing.services.telling import give_up_offers
from messaging.outbox import publish

if TYPE_CHECKING:
    pass


def approve_application(
    *,
    application_id: UUID,
    manager_id: UUID,
    now: datetime,
    amount: Decimal | None = None,
    annual_rate: Decimal | None = None,
) -> Application:
    """Approve what is under review, as asked or with a smaller amount (roubles) or another rate (% a year).

    Raises ApplicationNotFound, WrongTransition, InvalidInput, NotOverridable, LendingShareFull, FourEyes (their own).
    """
    with transaction("financing"):
        application = lock_application(application_id)
        admit_approving(application, manager_id, now)
        amount = application.requested_amount if amount is None else amount
        if not application.is_within_asked(amount):
            raise InvalidInput("amount", "out_of_range", _("Above the premiums lent, and not more than was asked for."))
        require_remembered(application)
        application.balloon = min(application.balloon, amount)
        rate = application.asked_rate if annual_rate is None else annual_rate
        quote = quote_for(application, amount, rate, dealer_day(now))
        require_lawful(application, quote, now)
        make_offer(application, amount, quote, rate, decided_by=manager_id, now=now)
    return application


def reject_application(*, application_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Application:
    """Refuse what is under review; the client is told the manager's sentence. Raises as approve_application."""
    with transaction("financing"):
        application = lock_application(application_id)
        refuse(application, application.reasons or ["manual"], note=reason, decided_by=manager_id, now=now)
    return application


def accept_offer(
    *,
    application_id: UUID,
    customer_id: UUID,
    now: datetime,
    offer_id: UUID | None = None,
    own_part: Decimal | None = None,
) -> Application:
    """Accept the application's offer, or the one named of those side by side; only the client can.

    Where it brings the order less than was asked for, they name what they pay by themselves (`own_part`, roubles).
    Raises ApplicationNotFound, WrongTransition, OfferNotFound, OfferNotStanding, OfferExpired, DocumentsMissing,
    OwnPartGrows, AlreadyFinanced, PskAboveCeiling, LendingShareFull.
    """
    with transaction("financing"):
        application = lock_application(application_id, customer_id)
        offer = _standing_offer(application, offer_id) if offer_id else None
        require_papers(application, offer.programme if offer else None)
        _require_agreement(application, offer.paid_out if offer else application.paid_out, own_part)
        if offer is not None and application.status in _UNDECIDED:
            settle_on(application, offer, decided_by=None, now=now, is_chosen=True)
        elif offer is not None:
            application.adopt(offer)
        take_offer(application, offer, now)
    return application


def _require_agreement(application: Application, paid_out: Decimal | None, own_part: Decimal | None) -> None:
    """Let nobody pay more by themselves than they named. Raises OwnPartGrows."""
    if paid_out is None:
        return
    needed = application.own_part(paid_out)
    agreed = application.down_payment if own_part is None else own_part
    if needed > agreed or own_part not in (None, needed):
        raise OwnPartGrows(own_part=str(needed), down_payment=str(application.down_payment))


_UNDECIDED = (ApplicationStatus.SCORING, ApplicationStatus.UNDER_REVIEW)


def _standing_offer(application: Application, offer_id: UUID) -> BankOffer:
    """An offer that can be taken now, by the database's clock."""
    offer = list_offers(application.pk).filter(pk=offer_id).first()
    if offer is None:
        raise OfferNotFound
    if offer.status != OfferStatus.OFFERED:
        raise OfferNotStanding(state=offer.status)
    if offer.is_expired:
        raise OfferExpired
    return offer


def withdraw_application(*, application_id: UUID, now: datetime, customer_id: UUID | None = None) -> Application:
    """Give an application up. Raises ApplicationNotFound, WrongTransition, HeldByOrder."""
    with transaction("financing"):
        application = lock_application(application_id, customer_id)
        application.withdraw_by_client(now)
        application.save()
        give_up_offers(application)
        publish(withdrawn(application, "withdrawn"))
    return application


def expire_offer(*, application_id: UUID, now: datetime) -> None:
    """End an offer whose time is over, by its alarm; one that a loan came of, or will, is left alone.

    Raises ApplicationNotFound.
    """
    with transaction("financing"):
        application = lock_application(application_id)
        if application.is_standing:
            application.move(ApplicationStatus.EXPIRED, now)
            application.save()
            give_up_offers(application)
            publish(withdrawn(application, "expired"))

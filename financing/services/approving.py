"""Approving and refusing: an offer made the application's own, and what that means to others."""

from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from core.clock import dealer_day
from financing.errors import AlreadyFinanced, LendingShareFull, PskAboveCeiling
from financing.events import ApplicationAccepted, ApplicationApproved, ApplicationRejected, OfferLapsed
from financing.models import Application, ApplicationStatus, BankOffer, OfferStatus
from financing.models.applications import OFFER_STANDS
from financing.queries.shares import require_ceiling
from financing.queries.wanted_papers import papers_lacking
from financing.rules.calculations import LoanQuote
from financing.rules.wording import explain
from financing.services.deciding import quote_for
from financing.services.limits import count_in_quarter
from financing.services.telling import release_banks, take
from gateway.approvals import require_permit
from messaging.delivery.timers import set_timer
from messaging.outbox import publish

EXPIRY_HANDLER = "financing.expire_offer"


def make_offer(
    application: Application,
    amount: Decimal,
    quote: LoanQuote,
    annual_rate: Decimal,
    *,
    decided_by: UUID | None,
    now: datetime,
) -> None:
    """Approve `amount` roubles by our own decision; the order's row is locked by the caller.

    A fee kept from the payout makes the buyer bring more: such an offer is not what they asked for. Raises
    WrongTransition, Undeclared.
    """
    require_permit("financing")
    offer = BankOffer(
        application=application,
        programme=application.programme,
        asked_rate=application.asked_rate,
        asked_at=now,
        schedule=application.schedule,
        bank_rules=application.bank_rules,
    )
    term_months = application.term_months
    offer.amount = amount
    fill_offer(offer, quote, annual_rate, term_months=term_months, balloon=application.balloon, now=now)
    offer.is_as_asked = (
        offer.paid_out == application.requested_amount
        and annual_rate == application.asked_rate
        and term_months == application.asked_term
    )
    offer.expires_at = now + OFFER_STANDS
    settle_on(application, offer, decided_by=decided_by, now=now)


def fill_offer(
    offer: BankOffer, quote: LoanQuote, annual_rate: Decimal, *, term_months: int, balloon: Decimal, now: datetime
) -> None:
    """Write the terms of an offer that has its amount: roubles, % a year."""
    offer.status, offer.answered_at = OfferStatus.OFFERED, now
    offer.annual_rate, offer.term_months = annual_rate, term_months
    offer.balloon, offer.monthly_payment, offer.psk = balloon, quote.monthly_payment, quote.psk


def settle_on(
    application: Application, offer: BankOffer, *, decided_by: UUID | None, now: datetime, is_chosen: bool = False
) -> None:
    """Approve by an offer; a checkout's offer equal to what its buyer asked for is accepted with it.

    Unless they wanted to see it first, papers are wanted, the order has a loan already, or the offer `is_chosen`: then
    the client's own word follows. Raises WrongTransition, LendingShareFull.
    """
    application.approve(offer, decided_by=decided_by, now=now)
    _count(application, now)
    assert offer.expires_at is not None
    is_agreed = application.is_auto_accepted and offer.is_as_asked and not is_chosen
    is_accepted = is_agreed and not papers_lacking(application) and not _agreed_elsewhere(application).exists()
    if is_accepted:
        application.accept(now)
    application.save()
    offer.save()
    if is_accepted:
        take(application, offer)
    publish(_approved(application, expires_at=offer.expires_at, is_accepted=is_accepted))
    if not application.is_held_by_order:
        lapse = OfferLapsed(application_id=application.id)
        set_timer(handler=EXPIRY_HANDLER, event=lapse, due_at=offer.expires_at)


def _count(application: Application, now: datetime) -> None:
    """Count the terms agreed on in the quarter's lending. Raises LendingShareFull."""
    assert application.approved_amount is not None
    assert application.annual_rate is not None
    quote = quote_for(application, application.approved_amount, application.annual_rate, dealer_day(now))
    count_in_quarter(application, quote, now)


def take_offer(application: Application, offer: BankOffer | None, now: datetime) -> None:
    """Accept the application's terms, which are those of `offer` where one is named, and let the other banks go.

    A client's own application becomes an attempt of its order's checkout under its own id: the order counts on it from
    now on, or gives it back. The law of the day of this agreement counts, not that of the offer. Raises
    WrongTransition, OfferExpired, AlreadyFinanced, PskAboveCeiling, LendingShareFull.
    """
    application.accept(now)
    require_ceiling(application, application.psk, now)
    _count(application, now)
    application.attempt_id = application.attempt_id or application.id
    _require_unfinanced(application)
    application.save()
    taken, paid_out = offer or own_offer(application), application.paid_out
    assert paid_out is not None
    if taken is not None:
        take(application, taken)
    else:
        release_banks(application)
    publish(
        ApplicationAccepted(
            application_id=application.id,
            order_id=application.order_id,
            customer_id=application.customer_id,
            amount=paid_out,
            currency=application.currency,
            attempt_id=application.attempt_id,
        )
    )


def own_offer(application: Application) -> BankOffer | None:
    """The standing offer whose terms the application has."""
    same = application.offers.filter(status=OfferStatus.OFFERED, programme=application.programme_id)
    same = same.filter(amount=application.approved_amount, annual_rate=application.annual_rate)
    return same.filter(term_months=application.term_months).first()


def accept_beforehand(application: Application, now: datetime) -> None:
    """Accept what a checkout's buyer agreed to beforehand, once no paper is wanted any more. Raises AlreadyFinanced."""
    if not application.is_auto_accepted or application.status != ApplicationStatus.APPROVED:
        return
    offer = own_offer(application)
    if offer is None or not offer.is_as_asked or papers_lacking(application):
        return
    if offer.expires_at is not None and offer.expires_at > now:
        with suppress(PskAboveCeiling, LendingShareFull):  # the client is told when they accept it by themselves
            take_offer(application, offer, now)


def _agreed_elsewhere(application: Application) -> QuerySet[Application]:
    """Other applications whose loan the order counts on."""
    agreed = (ApplicationStatus.ACCEPTED, ApplicationStatus.DISBURSED)
    return Application.objects.filter(order_id=application.order_id, status__in=agreed).exclude(pk=application.pk)


def _require_unfinanced(application: Application) -> None:
    """An order has one loan; the order's row is locked by the caller. Raises AlreadyFinanced."""
    if _agreed_elsewhere(application).exists():
        raise AlreadyFinanced


def refuse(application: Application, reasons: list[str], *, note: str, decided_by: UUID | None, now: datetime) -> None:
    """Reject and say why. Raises WrongTransition."""
    application.reject(reasons, note=note, decided_by=decided_by, now=now)
    application.save()
    publish(
        ApplicationRejected(
            application_id=application.id,
            order_id=application.order_id,
            customer_id=application.customer_id,
            reasons=reasons,
            detail=note or explain(reasons),
            attempt_id=application.attempt_id,
        )
    )


def _approved(application: Application, *, expires_at: datetime, is_accepted: bool) -> ApplicationApproved:
    paid_out = application.paid_out
    assert paid_out is not None
    return ApplicationApproved(
        application_id=application.id,
        order_id=application.order_id,
        customer_id=application.customer_id,
        amount=paid_out,
        currency=application.currency,
        annual_rate=application.annual_rate,
        term_months=application.term_months,
        monthly_payment=application.monthly_payment,
        expires_at=expires_at,
        is_accepted=is_accepted,
        attempt_id=application.attempt_id,
    )

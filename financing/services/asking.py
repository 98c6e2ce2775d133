"""Banks that decide by themselves: each is asked once for an application, and its first answer is its answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.conf import settings

from core.clock import dealer_day
from core.db import database_now, transaction
from core.errors import InvalidInput
from core.money import money
from financing.events import BanksSilent
from financing.models import Application, ApplicationStatus, BankOffer, OfferStatus
from financing.models.applications import OFFER_STANDS
from financing.queries.shares import ceiling_for
from financing.services.approving import fill_offer, refuse, settle_on
from financing.services.deciding import Prepared, quote_for
from financing.services.orders import lock_order
from messaging.delivery.calls import request_call
from messaging.delivery.timers import set_timer

SILENCE_HANDLER = "financing.stop_asking"
MAX_RATE = Decimal(1000)
_WAITING = (ApplicationStatus.SCORING, ApplicationStatus.UNDER_REVIEW, ApplicationStatus.APPROVED)


def ask_banks(application: Application, banks: Sequence[Prepared], now: datetime) -> None:
    """Ask each bank for its terms, after commit; those that do not answer in time are done without."""
    asked = [
        BankOffer(
            application=application,
            programme=item.programme,
            connection=item.programme.connection,
            schedule=item.programme.schedule,
            bank_rules=item.programme.bank_rules.stored(),
            asked_rate=item.annual_rate,
            asked_at=now,
        )
        for item in banks
    ]
    BankOffer.objects.bulk_create(asked)
    for offer in asked:
        request_call(
            key=f"application:{application.id}:bank:{offer.connection}",
            operation="financing.ask_bank",
            provider=offer.connection,
            request={"offer_id": str(offer.id), "bank": offer.connection},
        )
    if asked:
        due_at = database_now("financing") + timedelta(seconds=settings.BANKS_WAIT_S)
        set_timer(handler=SILENCE_HANDLER, event=BanksSilent(application_id=application.id), due_at=due_at)


def receive_bank_answer(*, offer_id: UUID, answer: Mapping[str, Any], now: datetime) -> None:
    """Take a bank's answer, once: what comes late, again or after another answer changes nothing.

    An offer that no schedule can be drawn for, or that our own ceilings forbid, is a refusal.
    """
    with transaction("financing"):
        offer = _lock_offer(offer_id)
        if offer is None or offer.status != OfferStatus.ASKED:
            return
        application = offer.application
        if application.status not in _WAITING:
            offer.status = OfferStatus.LET_GO
        elif answer.get("status") == "offered":
            _take_terms(offer, answer, now)
        else:
            is_unreached = answer.get("code") == "bank_unavailable"
            offer.status = OfferStatus.UNREACHED if is_unreached else OfferStatus.REFUSED
            offer.code, offer.detail = str(answer.get("code", "refused"))[:40], str(answer.get("detail", ""))[:1000]
        offer.answered_at = now
        offer.save()
        conclude(application, now)


def _lock_offer(offer_id: UUID) -> BankOffer | None:
    order_id = BankOffer.objects.filter(pk=offer_id).values_list("application__order_id", flat=True).first()
    if order_id is None:
        return None
    lock_order(order_id)
    found = BankOffer.objects.select_for_update(of=("self", "application"))
    return found.select_related("application", "programme").get(pk=offer_id)


def _take_terms(offer: BankOffer, answer: Mapping[str, Any], now: datetime) -> None:
    application = offer.application
    try:
        amount, rate = money(Decimal(str(answer["amount"]))), Decimal(str(answer["annual_rate"]))
        term, days = int(answer["term_months"]), int(answer.get("valid_days", OFFER_STANDS.days))
        _fill(offer, amount, rate.quantize(Decimal("0.0001")), term, now)
    except (KeyError, ValueError, TypeError, InvalidOperation, InvalidInput) as error:
        offer.status, offer.code, offer.detail = OfferStatus.REFUSED, "invalid_offer", repr(error)[:1000]
        return
    offer.reference = str(answer.get("reference", ""))[:60]
    offer.is_as_asked = (
        offer.paid_out == application.requested_amount
        and offer.annual_rate == offer.asked_rate
        and offer.term_months == application.asked_term
    )
    offer.expires_at = now + min(max(timedelta(days=days), timedelta()), OFFER_STANDS)
    ceiling = ceiling_for(application, offer.programme, now)
    if ceiling is not None and offer.psk > ceiling.percent:
        offer.status, offer.code = OfferStatus.REFUSED, "psk_cap"


def _fill(offer: BankOffer, amount: Decimal, rate: Decimal, term: int, now: datetime) -> None:
    application = offer.application
    balloon = min(offer.programme.balloon_for(application.vehicle_price), amount)
    draft = Application(
        vehicle_price=application.vehicle_price,
        down_payment=application.down_payment,
        financed_premium=application.financed_premium,
        psk_premium=application.psk_premium,
        term_months=term,
        schedule=offer.schedule,
        balloon=balloon,
        bank_rules=offer.bank_rules,
    )
    if not (draft.is_within_asked(amount) and 0 <= rate <= MAX_RATE and 0 < term <= 360):
        raise ValueError(f"{amount} at {rate} % for {term} months")
    offer.amount = amount
    fill_offer(offer, quote_for(draft, amount, rate, dealer_day(now)), rate, term_months=term, balloon=balloon, now=now)


def conclude(application: Application, now: datetime) -> None:
    """Decide an application that waits for banks once all have answered: by the best offer, else by a refusal.

    Best is what equals the request, then what costs least (ПСК). The order and the application are locked.
    """
    offers = list(application.offers.select_related("programme"))
    if application.status != ApplicationStatus.SCORING or any(item.status == OfferStatus.ASKED for item in offers):
        return
    standing = [item for item in offers if item.status == OfferStatus.OFFERED]
    if standing:
        best = min(standing, key=lambda item: (not item.is_as_asked, item.psk, item.pk))
        settle_on(application, best, decided_by=None, now=now)
    else:
        refuse(application, ["bank_refused"], note="", decided_by=None, now=now)


def stop_asking(*, application_id: UUID, now: datetime) -> None:
    """Do without the banks that have not answered by now, by the alarm set when they were asked."""
    with transaction("financing"):
        order_id = Application.objects.filter(pk=application_id).values_list("order_id", flat=True).first()
        if order_id is None:
            return
        lock_order(order_id)
        application = Application.objects.select_for_update().get(pk=application_id)
        silent = application.offers.filter(status=OfferStatus.ASKED)
        silent.update(status=OfferStatus.UNREACHED, code="no_answer", answered_at=now)
        conclude(application, now)

"""Guards taken out of whole deals one by one, and the shortest way into what each of them is there for."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal
from typing import Any
from unittest.mock import PropertyMock, patch

from gateway.approvals import let
from insurance.models import PolicyTerms
from insurance.tests.make import KASKO, OSAGO
from orders.services.legs.loan import LoanLeg
from orders.services.legs.trade_in import TradeInLeg
from payments.models import Payment
from tests.deals.machine import Deals

Mutant = Callable[[], AbstractContextManager[Any]]
HALF, WHOLE, MORE = Decimal("0.5"), Decimal(1), Decimal("1.1")


def _nothing(*_: Any, **__: Any) -> None:
    """Look away."""


def _newest_terms(policy: Any, moment: Any) -> PolicyTerms:
    found: PolicyTerms = policy.terms.latest("number")
    return found


@contextmanager
def _both(*patches: AbstractContextManager[Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def handed_over_while_money_goes_back(deal: Deals) -> None:
    deal.place(pay="card", until="paid")
    deal.refund(0, HALF)
    deal.move(0, is_possible=True, status="in_progress")


def more_goes_back_than_came(deal: Deals) -> None:
    deal.place(pay="card", until="paid")
    deal.refund(0, MORE)


def a_loss_before_the_cover_was_lowered(deal: Deals) -> None:
    deal.place(pay="card", insured=[KASKO], until="paid")
    deal.change_cover()
    deal.decide(is_agreed=True)
    deal.report_loss(0, Decimal(50_000))
    deal.pay_loss()
    deal.decide(is_agreed=True)


def two_buyers_of_one_car(deal: Deals) -> None:
    deal.place(pay="card", has_vin=True, until="paid")
    deal.rival_orders()


def called_off(deal: Deals) -> None:
    """A deal with everything is undone after it was paid."""
    deal.place(pay="card", lent_or_traded=(True, "200000.00"), insured=[OSAGO], until="paid")
    deal.move(0, is_possible=True, status="cancelled")
    deal.decide(is_agreed=True)


def repaid_and_called_off(deal: Deals) -> None:
    deal.place(pay="card", lent_or_traded=(True, None), until="paid")
    deal.repay(HALF, "tok_success")
    deal.move(0, is_possible=True, status="cancelled")
    deal.decide(is_agreed=True)


def given_back(deal: Deals) -> None:
    deal.place(pay="card", has_vin=True, until="completed")
    deal.ask_return(by_manager=False)
    deal.inspect()
    deal.end_return(is_agreed=True)
    deal.decide(is_agreed=True)


def traded_in(deal: Deals) -> None:
    deal.place(pay="card", lent_or_traded=(False, "1999999.00"), until="completed")


def traded_in_for_more(deal: Deals) -> None:
    deal.place(lent_or_traded=(False, "2300000.00"), until="completed")
    deal.steer("trade_in", "settle")
    deal.decide(is_agreed=True)
    end_exchange(deal)


def offered_and_given_back(deal: Deals) -> None:
    traded_in(deal)
    deal.publish_old_car()
    end_exchange(deal)


def end_exchange(deal: Deals) -> None:
    deal.ask_return(by_manager=True)
    deal.inspect()
    deal.end_return(is_agreed=True)
    deal.decide(is_agreed=True)
    deal.steer("trade_in", "settle")
    deal.decide(is_agreed=True)


def erased_too_early(deal: Deals) -> None:
    deal.place(pay="card", until="paid")
    deal.erase()


def forfeited(deal: Deals) -> None:
    deal.place(deposit="earnest")
    deal.buyer_cancels()
    deal.say_whose_fault("buyer", is_agreed=True)


def returned_double(deal: Deals) -> None:
    deal.place(deposit="earnest")
    deal.buyer_cancels()
    deal.say_whose_fault("seller", is_agreed=False)
    deal.say_whose_fault("seller", is_agreed=True)


def secured_money_asked_back(deal: Deals) -> None:
    deal.place(deposit="earnest")
    deal.buyer_cancels()
    deal.refund(0, WHOLE)
    deal.decide(is_agreed=True)


WAYS: dict[str, tuple[Mutant, Callable[[Deals], None]]] = {
    "handed over without its money": (
        lambda: patch("orders.services.changing._require_money", _nothing),
        handed_over_while_money_goes_back,
    ),
    "no cap of refunds": (
        lambda: patch.object(Payment, "refundable", PropertyMock(return_value=Decimal(10_000_000))),
        more_goes_back_than_came,
    ),
    "cover not pinned": (
        lambda: patch("insurance.services.claims.reporting.terms_at", _newest_terms),
        a_loss_before_the_cover_was_lowered,
    ),
    "one car for two": (
        lambda: _both(
            patch("orders.services.lines._refuse_shortfall", _nothing),
            patch("catalog.services.stock.find_refusal", _nothing),
        ),
        two_buyers_of_one_car,
    ),
    "the car in exchange is nobody's": (
        lambda: patch.object(
            TradeInLeg, "release", lambda leg, saga: setattr(saga.order, "trade_in_credit", Decimal(0))
        ),
        called_off,
    ),
    "a car in exchange enters no stock": (
        lambda: patch("orders.services.changing.take_in", _nothing),
        traded_in,
    ),
    "a car for sale is given back": (
        lambda: patch("catalog.services.acquisitions._why_kept", lambda *_: ""),
        offered_and_given_back,
    ),
    "a car goes back that money went out for": (
        lambda: patch("orders.services.trade_ins._is_paid_for", lambda car: False),
        traded_in_for_more,
    ),
    "a cancelled loan still pays": (
        lambda: patch.object(LoanLeg, "after_undoing", _nothing),
        called_off,
    ),
    "what was repaid of a loan stays away": (
        lambda: patch("financing.services.lending.request_refund", _nothing),
        repaid_and_called_off,
    ),
    "a garage keeps what was given back": (
        lambda: patch("clients.services.give_back_vehicles", _nothing),
        given_back,
    ),
    "erased with an order on its way": (
        lambda: patch("messaging.peering.reads.leaving", _nothing),
        erased_too_early,
    ),
    "earnest money goes back with the rest": (
        lambda: patch("orders.services.legs.payment.hold_deposit", lambda saga: Decimal(0)),
        forfeited,
    ),
    "one person alone says whose fault it was": (
        lambda: patch("orders.services.earnest.approvals.admit", lambda kind, *_, **__: let(kind)),
        forfeited,
    ),
    "the second half is not booked": (
        lambda: patch("payments.services.deposits.is_posted", lambda *_: True),
        returned_double,
    ),
    "earnest money is given back by hand": (
        lambda: patch("payments.services.refunds.refuse_secured", _nothing),
        secured_money_asked_back,
    ),
}
"""Each mutant, and the steps that have to find it."""

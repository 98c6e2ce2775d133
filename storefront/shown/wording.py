"""Word what a buyer is told: each state, step and refusal of the business in a sentence of its own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise
else:
    from django.utils.functional import Promise

    Text = str | Promise


@dataclass(frozen=True)
class StatusWording:
    """A status as a buyer meets it: a short name, what it means for them, and the tone of its badge."""

    name: Text
    meaning: Text
    tone: str


STATUSES: dict[str, StatusWording] = {
    "created": StatusWording(_("Being reserved"), _("We are setting the car aside for you."), "warn"),
    "awaiting_payment": StatusWording(_("Awaiting payment"), _("The car is held for you until it is paid."), "warn"),
    "paid": StatusWording(_("Paid"), _("The money has arrived. The car is yours."), "good"),
    "in_progress": StatusWording(_("Being prepared"), _("We are preparing the car for the handover."), "calm"),
    "ready": StatusWording(_("Ready for handover"), _("The car is waiting for you at the showroom."), "good"),
    "completed": StatusWording(_("Handed over"), _("The keys are yours. Have a good journey!"), "good"),
    "cancelled": StatusWording(_("Cancelled"), _("This order ended without a sale."), "bad"),
    "refunded": StatusWording(_("Refunded"), _("The order was cancelled and your money is back."), "bad"),
    "returning": StatusWording(_("Being returned"), _("We are looking at the car you want to give back."), "warn"),
    "returned": StatusWording(_("Returned"), _("The car is back with us, and your money with you."), "bad"),
}
ROAD = ("created", "awaiting_payment", "paid", "in_progress", "ready", "completed")
"""The statuses of an order that goes well, in order."""
BUSY = frozenset({"running", "compensating"})
"""States of a checkout in which the system is about to do something by itself."""

EVENTS: dict[str, Text] = {
    "order.created": _("Order placed"),
    "order.awaiting_payment": _("The car is reserved for you"),
    "order.paid": _("Order paid in full"),
    "order.in_progress": _("We began preparing the car"),
    "order.ready": _("The car is ready for the handover"),
    "order.completed": _("The keys were handed over"),
    "order.cancelled": _("Order cancelled"),
    "order.refunded": _("Order refunded"),
    "order.returning": _("Return asked for"),
    "order.returned": _("Returned"),
    "return.inspected": _("What is given back was inspected"),
    "return.accepted": _("The return was accepted"),
    "trade_in.owed": _("You are to get your car back, or money for it"),
    "trade_in.paid": _("Money for your car was paid out"),
    "order.edited": _("Order changed"),
    "stock.failed": _("The car could not be reserved"),
    "stock.undone": _("The reservation was released"),
    "loan.succeeded": _("The loan was agreed"),
    "loan.failed": _("The loan was refused"),
    "loan.undone": _("The loan was withdrawn"),
    "payment.completed": _("Payment received"),
    "payment.failed": _("The payment did not go through"),
    "payment.refunded": _("Money returned"),
    "payment.refund_failed": _("The returned money came back to us; a manager will return it again"),
    "policies.succeeded": _("The policies were issued"),
    "policies.failed": _("The policies were refused"),
    "policies.undone": _("The policies were cancelled"),
    "disbursement.succeeded": _("The bank paid out the loan"),
    "deposit.paid": _("The deposit arrived"),
    "deposit.kept": _("The deposit counted towards the price"),
    "deposit.returned": _("The deposit was returned"),
    "deposit.waiting": _("The earnest money is kept back until it is stated whose fault it was"),
    "deposit.forfeited": _("The earnest money was forfeited"),
    "deposit.doubled": _("The earnest money goes back double"),
}
"""Lines of the timeline that say something to a buyer; the others are the system's own book-keeping."""

REASONS: dict[str, Text] = {
    "insufficient_stock": _("Somebody was faster: the car had just been sold."),
    "reservation_expired": _("The payment did not arrive in time, so the reservation ended."),
    "unknown_product": _("This car is no longer on sale."),
    "declined": _("The bank declined the card. No money was taken."),
    "card_declined": _("The bank declined the card. No money was taken."),
    "insufficient_funds": _("There was not enough money on the card. No money was taken."),
    "expired": _("The payment did not arrive in time, so the reservation ended."),
    "authentication_failed": _("You did not confirm the payment at your bank. No money was taken."),
    "authentication_expired": _("The payment was not confirmed at your bank in time. No money was taken."),
    "invalid_token": _("The payment provider does not know this card. No money was taken."),
    "provider_unavailable": _("The payment provider could not be reached. No money was taken."),
    "payment_timed_out": _("The payment was not confirmed in time."),
    "stock_timed_out": _("An answer did not arrive in time."),
    "loan_timed_out": _("The bank did not decide in time."),
    "policies_timed_out": _("The insurer did not answer in time."),
    "loan_rejected": _("The bank refused the loan."),
    "loan_withdrawn": _("The loan application was withdrawn."),
    "insurance_declined": _("The insurer refused the policy."),
    "parked": _("One step takes longer than usual. Our manager is looking into it; nothing is lost."),
    "cancelled": _("Cancelled at your request."),
    "cancelled_by_customer": _("Cancelled at your request."),
}
"""Why a checkout or an order ended, by the stable code it carries."""

REFUSALS: dict[str, Text] = {
    "price_changed": _(
        "The price has changed since you opened this page. The new one is shown here; nothing was ordered."
    ),
    "insufficient_stock": _("Somebody was faster: this car has just been reserved. Nothing was ordered."),
    "unknown_product": _("This car is no longer on sale. Nothing was ordered."),
    "car_has_queue": _("Others wait for this car in a queue, and it is offered to them first."),
    "offer_over": _("The time of the offer is over: the car goes to the next in the queue."),
    "too_many_holds": _(
        "You hold as many cars as one may without a deposit. Pay a deposit for one of them, or give one up."
    ),
    "product_not_ready": _("This car has only just been added. Please try again in a moment."),
    "idempotency_key_reused": _("This form has been sent already. Look among your orders before you send it again."),
    "idempotency_key_in_use": _("Your order is being placed right now. Look among your orders in a moment."),
    "throttled": _("That was too often. Please wait a minute and try again."),
    "wrong_transition": _("The order has moved on meanwhile, so this is not possible any more."),
    "transition_not_allowed": _("Please ask our manager: this step is theirs."),
    "overpayment": _("Nothing more is due: an earlier payment is being processed or has arrived."),
    "payment_in_flight": _("An earlier payment is still being processed. Please wait for its result."),
    "order_not_ready": _("The order is still being prepared for payment. Please try again in a moment."),
    "unavailable": _("This service is resting for a moment. Please try again shortly."),
}
"""What to say when the business refuses, by the error's code."""

ORDER_REFUSALS: dict[str, Text] = {
    "price_changed": _("The total has changed meanwhile. Look at the order as it is now, then change it again."),
    "insufficient_stock": _("There is not as much of it as that."),
    "unknown_product": _("This is no longer on sale, or not in that quantity."),
    "validation_error": _("This is no longer on sale, or not in that quantity."),
    "wrong_transition": _("The order has moved on meanwhile, so this is not possible any more."),
    "transition_not_allowed": _("What is paid can be changed by our manager alone: please ask us."),
    "document_not_available": _("There is no such document at this stage of the order."),
}
"""What to say when an order refuses to be changed or printed, by the error's code; else in the service's words."""

CART_REFUSALS: dict[str, Text] = {
    "price_changed": _("Prices have changed since you opened this page. The new ones are shown here; look again."),
    "insufficient_stock": _("There is not as much of it as that."),
    "validation_error": _("This is no longer on sale, or not in that quantity."),
    "not_the_orders": _("One of these policies is for another car. Take it out, or have the car in the cart insured."),
    "cart_full": _("Your cart is full. Order what is in it first."),
    "cart_empty": _("Your cart is empty: look among your orders, it may have been ordered already."),
}
"""What to say when the cart refuses, by the error's code."""

ATTENTION: dict[str, Text] = {
    "parked": _("Parked: somebody has to decide"),
    "stuck": _("No answer for too long"),
    "reservation_over": _("The reservation is over"),
    "reservation_expiring": _("The reservation ends soon"),
    "return_asked": _("A return to be decided"),
    "fault_unstated": _("Earnest money is kept back: say whose fault it was"),
    "trade_in_owed": _("The buyer is to get their car back, or money for it"),
    "overdue": _("Has stood still for too long"),
}
"""Why the board shows an order first, by code."""
MOVES: dict[str, Text] = {
    "in_progress": _("Start preparing"),
    "ready": _("Ready for handover"),
    "completed": _("Keys handed over"),
    "cancelled": _("Cancel"),
}
"""What a manager may do with an order on the board, by the status it leads to."""
CAUSES: dict[str, Text] = {"delivery_parked": _("An answer came that our system could not take in.")}
"""Why a checkout is parked, by code, where `REASONS` does not know it."""
STEERINGS: dict[str, Text] = {
    "retry": _("Ask again"),
    "take_over": _("Take over"),
    "skip": _("Go on without this leg"),
}
"""What a manager may do with a stuck leg on the board, by the service's name."""
FAULTS: dict[str, Text] = {
    "buyer": _("the buyer's: the earnest money stays with us"),
    "seller": _("ours: it goes back double"),
    "nobody": _("nobody's: it goes back"),
}
"""Whose fault a manager may state it was that a sale secured by earnest money failed."""
RETURN_STEPS: dict[str, Text] = {
    "inspect": _("Note the inspection"),
    "accept": _("Take the goods back"),
    "refuse": _("Refuse the return"),
}
"""What a manager does about a return on the board, by the service's name."""
BOARD_REFUSALS: dict[str, Text] = {
    "wrong_transition": _("This step is not possible any more: the order has moved on."),
    "transition_not_allowed": _("Your role may not make this step."),
    "stale_version": _("Somebody else has just changed this order. Look at it as it is now, then decide again."),
    "not_found": _("This order is gone."),
    "money_missing": _("The order is not paid in full: nothing is handed over before."),
    "refund_pending": _("Money of this order is on its way back: wait until that has ended."),
    "wrong_checkout_state": _("The checkout does not allow this now. Open it to see what it allows."),
    "steering_not_allowed": _("Your role may not make this step."),
    "wrong_return_state": _("This step is not possible any more: somebody has decided, or nobody has inspected yet."),
}
"""What a manager is told when the business refuses, by the error's code."""

PAYERS: dict[str, Text] = {
    "payment": _("By you"),
    "card": _("By your card"),
    "sbp": _("By the fast payment system"),
    "cash": _("In cash"),
    "bank_transfer": _("By your transfer"),
    "loan": _("By the bank, as your loan"),
    "trade_in": _("By your old car"),
    "balance": _("By you, not paid yet"),
    "excess": _("Paid above the total"),
    "returned_premium": _("Premiums of policies that ended"),
    "allowance": _("Given back by agreement"),
}
"""Who pays a part of an order, by its kind."""
MONEY_STATES: dict[str, Text] = {
    "planned": _("to be paid"),
    "running": _("on its way"),
    "agreed": _("agreed"),
    "paid": _("paid"),
    "returning": _("on its way back to you"),
    "returned": _("back with you"),
    "to_return": _("comes back to you"),
    "cancelled": _("not taken"),
}
"""How a part of an order's money stands."""
LOAN_MONEY_STATES: dict[str, Text] = {
    "planned": _("the bank decides"),
    "running": _("the bank decides"),
    "returning": _("on its way back to the bank"),
    "returned": _("back with the bank"),
}
"""The same of what a bank lends, where it differs."""

IN_FLIGHT = frozenset({"pending", "processing", "unknown", "requires_action"})
"""States of a payment that has not ended."""
PAYING: dict[str, Text] = {
    "cash": _("The car is held for you. Pay at the showroom's desk; we will confirm it here at once."),
    "bank_transfer": _(
        "The car is held for you. Transfer the amount by the invoice and name the order's number; we will confirm it."
    ),
    "requires_action": _("The car is held for you. Please confirm the payment at your bank."),
    "unknown": _("The bank has not answered yet. We keep asking it; nobody will be charged twice."),
}
"""What awaiting payment means, by the payment's state or else its method."""

METHODS: dict[str, tuple[Text, Text]] = {
    "card": (_("Bank card"), _("Charged at once, as soon as the car is reserved.")),
    "sbp": (_("Fast payment system"), _("Confirmed in your bank's application.")),
    "bank_transfer": (_("Bank transfer"), _("By invoice; we confirm it when the money arrives.")),
    "cash": (_("Cash at the showroom"), _("Pay at the desk while the car is held for you.")),
}
CARD_ON_PAGE: tuple[Text, Text] = (METHODS["card"][0], _("You enter the card on the bank's page."))
"""The same of a card that the payment provider asks for."""
TEST_CARDS: dict[str, Text] = {
    "tok_success": _("A card that pays"),
    "tok_declined": _("A card that is declined"),
    "tok_insufficient_funds": _("A card without enough money"),
    "tok_flaky": _("A card that pays at the third try"),
    "tok_timeout": _("A card whose bank does not answer"),
    "tok_3ds": _("A card that asks for a confirmation"),
    "tok_page": _("A card to be entered on the bank's page"),
}
PAPERS: dict[str, Text] = {
    "invoice": _("Invoice"),
    "contract": _("Sales contract"),
    "handover-act": _("Handover act"),
    "return-act": _("Act of return"),
}
"""Documents of a sale, by kind."""
POLICIES: dict[str, Text] = {"kasko": _("KASKO"), "osago": _("OSAGO")}
"""Kinds of policies; orders and carts write them in capitals, before the insurer's name where they tell it."""
CONDITIONS: dict[str, Text] = {"new": _("new"), "used": _("used")}
FIELDS: dict[str, Text] = {
    "price": _("Price"),
    "available": _("Availability"),
    "make": _("Make"),
    "model": _("Model"),
    "year": _("Year"),
    "mileage": _("Mileage"),
    "condition": _("Condition"),
    "body": _("Body"),
    "fuel": _("Fuel"),
    "engine_volume": _("Engine"),
    "power_hp": _("Power"),
    "transmission": _("Gearbox"),
    "drive": _("Drive"),
    "color": _("Colour"),
    "steering": _("Steering wheel"),
    "owners": _("Owners"),
    "title_document": _("Vehicle passport"),
    "customs": _("Customs"),
    "owning_time": _("Owned for"),
    "equipment": _("Equipment"),
}
"""Fields of a car, by name; `attributes.<key>` by its key."""
KEPT_REFUSALS: dict[str, Text] = {
    "too_much_saved": _("You have saved as many as you may. Delete some first."),
    "throttled": _("That was too often. Please wait a minute and try again."),
}
"""Why a favourite or a search was not saved, by the error's code."""
SIGNING_REFUSALS: dict[str, Text] = {
    "another_signer": _("the qualified signature was not taken: the certificate is somebody else's"),
    "bad_signature": _("the qualified signature was not taken: it does not prove itself"),
    "already_signed": _("the qualified signature was not taken: the document was signed meanwhile"),
}
"""Why a provider's signature was not taken, by the request's code; a provider's own codes are not known beforehand."""
ORDERINGS: dict[str, Text] = {
    "": _("newest first"),
    "price": _("price: low to high"),
    "-price": _("price: high to low"),
    "-year": _("year: new to old"),
    "year": _("year: old to new"),
    "mileage": _("mileage: low to high"),
}


def refusal(code: str) -> Text:
    """The sentence for an error's code."""
    return REFUSALS.get(code, _("This did not work. Nothing was changed; please check and try again."))


def reason(code_or_text: str) -> Text:
    """The sentence for a reason, which may be a code or a person's own words."""
    return REASONS.get(code_or_text, code_or_text)


def order_refusal(error: DomainError) -> Text:
    """Why an order was not changed or printed."""
    return ORDER_REFUSALS.get(error.code) or str(error.detail)


def signing_refusal(code: str) -> Text:
    """Why a paper has no qualified signature although one was asked for."""
    return SIGNING_REFUSALS.get(code, _("the provider refused the qualified signature"))


def queue_refusal(error: DomainError) -> Text:
    """Why somebody did not get into a queue, or out of it."""
    return REFUSALS.get(error.code) or str(error.detail)


def cart_refusal(error: DomainError) -> Text:
    """Why nothing was put into the cart, or ordered from it."""
    wrong = error.errors if isinstance(error, InvalidInput) else []
    known = next((one["code"] for one in wrong if one["code"] in CART_REFUSALS), error.code)
    return CART_REFUSALS.get(known) or refusal(known)


EMPLOYMENT: dict[str, Text] = {
    "employed": _("employed"),
    "self_employed": _("self-employed"),
    "entrepreneur": _("entrepreneur"),
    "retired": _("pension"),
    "student": _("student"),
    "unemployed": _("no income of my own"),
}
"""Where a borrower's income comes from, by the code of an application."""
LOAN_TONES: dict[str, str] = {
    "approved": "good", "accepted": "good", "disbursed": "good", "active": "good", "closed": "good",
    "under_review": "warn", "scoring": "warn", "submitted": "warn", "expired": "warn",
    "rejected": "bad", "overdue": "bad", "written_off": "bad",
}  # fmt: skip
"""The tone of the badge of an application or a loan, by status."""
FACTORS: dict[str, Text] = {
    "tb": _("base rate"),
    "sum_insured": _("sum insured"),
    "base_rate": _("base rate"),
    "kt": _("territory"),
    "kbm": _("accident-free years"),
    "kvs": _("age and experience"),
    "ko": _("who may drive"),
    "km": _("engine power"),
    "ks": _("months of use"),
    "kp": _("transit"),
    "driver": _("driver's age and experience"),
    "drivers_count": _("how many drivers"),
    "deductible": _("deductible"),
    "region": _("region"),
    "model": _("model"),
    "instalments": _("payment in parts"),
    "commission": _("discount"),
    "term": _("term"),
    "pledge": _("pledge"),
    "programme": _("programme"),
    "additions": _("additions"),
    "rounding": _("rounding of the rate"),
    "minimum": _("least premium"),
}
"""Factors of a premium by code; the others are shown by their code."""


def deal_refusal(error: DomainError) -> Text:
    """Why a calculated deal was not ordered: what is wrong in the form in the service's words, else by code."""
    if error.code == "price_changed":
        return _("Prices or tariffs have changed since this was calculated. Calculate anew; nothing was ordered.")
    return REFUSALS.get(error.code) or str(error.detail)


HELD_BECAUSE: dict[str, Text] = {
    "deposit": _("Your deposit keeps it for you."),
    "credit": _("It waits for the bank's decision and yours."),
    "transfer": _("It waits for your money to arrive."),
    "trade_in": _("It waits until your car has been valued."),
    "manual": _("Your manager keeps it for you."),
}
"""Why a car is kept for longer than it takes to pay."""

DEPOSITS: dict[str, StatusWording] = {
    "agreed": StatusWording(_("agreed"), _("It has not arrived yet."), "calm"),
    "paid": StatusWording(_("paid"), "", "good"),
    "kept": StatusWording(_("counted towards the price"), _("all of it counted towards the price."), "good"),
    "returned": StatusWording(_("returned"), _("all of it went back the way it was paid."), "calm"),
    "dropped": StatusWording(_("never paid"), _("the order ended before it arrived."), "calm"),
    "waiting": StatusWording(
        _("kept back"), _("It stays with us until it is stated whose fault it was that the sale failed."), "calm"
    ),
    "settling": StatusWording(_("kept back"), _("It is stated whose fault it was; its money is on its way."), "calm"),
    "forfeited": StatusWording(_("forfeited"), _("it stays with us: the sale failed by its buyer's fault."), "bad"),
    "doubled": StatusWording(_("returned double"), _("it goes back double: the sale failed by our fault."), "good"),
}
"""What became of the deposit of an order, by its state."""

PLACES: dict[str, Text] = {
    "waiting": _("waits"),
    "asked": _("the car is being kept for them"),
    "offered": _("the car is offered to them"),
}
"""Where somebody stands in a queue, as managers read it."""

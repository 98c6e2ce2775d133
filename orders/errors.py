"""Name what stops an order."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, Forbidden, InvalidInput


class TransitionNotYours(Forbidden):
    """The state leads there, but another role has to say so."""

    code = "transition_not_allowed"
    detail = _("Somebody else has to make this step.")


class SteeringRefused(DomainError):
    """The leg's state does not allow the action; `allowed` lists those that it does."""

    code = "wrong_checkout_state"
    detail = _("This cannot be done with the checkout in its present state.")


class SteeringNotYours(Forbidden):
    """Checkouts are steered by managers, and legs skipped by admins."""

    code = "steering_not_allowed"
    detail = _("Somebody else has to do this.")


class PriceChanged(DomainError):
    """The catalogue's total differs from what the buyer saw."""

    code = "price_changed"
    detail = _("The price has changed since you saw it.")


class InsufficientStock(DomainError):
    """More was asked for than can be had; `shortfalls` says of what."""

    code = "insufficient_stock"
    detail = _("There is not enough in stock.")


class TooManyHolds(DomainError):
    """The buyer keeps as many cars from others as one may without a deposit; `limit` and `held` say how many."""

    code = "too_many_holds"
    detail = _("You hold as many cars as one may without a deposit. Pay a deposit for one of them, or give one up.")


class CurrencyMismatch(DomainError):
    """A product is priced in another currency than the order; `product_id` names it, `currency` is the order's."""

    code = "currency_mismatch"
    detail = _("The product is priced in another currency than the order.")


class ProductNotReady(DomainError):
    """The product is so new that orders has not heard of it yet."""

    code = "product_not_ready"
    detail = _("This product has only just been added; try again in a moment.")


class UnknownProduct(InvalidInput):
    """No product has this id."""

    def __init__(self, field: str) -> None:
        super().__init__(field, "unknown_product", _("There is no such product on sale."))


class ResyncRequired(DomainError):
    """Events after a position are no longer kept, or never were; `current` is the position to go on from."""

    code = "resync_required"
    status = 410
    detail = _("These changes are no longer kept: read the orders again, then go on from `current`.")


class UnknownLine(DomainError):
    """The order has no such line."""

    code = "unknown_item"
    status = 404
    detail = _("The order has no such line.")


class ChangeRefused(DomainError):
    """The lines cannot be changed now; `code` says what stands against it."""

    def __init__(self, code: str, detail: str, *, retry_after: int | None = None, **extra: str) -> None:
        self.code = code
        super().__init__(detail, retry_after=retry_after, **extra)


class MoneyMissing(DomainError):
    """The order cannot go towards its handover: `amount_due` is still to come."""

    code = "money_missing"
    detail = _("The order is not paid in full.")


class RefundPending(DomainError):
    """The order cannot go towards its handover: `refund_pending` is on its way back."""

    code = "refund_pending"
    detail = _("Money of this order is on its way back: wait until that has ended.")


class WrongReturnState(DomainError):
    """The return's state does not allow this; `allowed` lists what it does."""

    code = "wrong_return_state"
    detail = _("The return cannot do this in its present state.")


class ReturnTimeOver(DomainError):
    """The days in which a buyer may give back what was handed over have passed."""

    code = "return_time_over"
    detail = _("The time for a return is over: please ask our manager.")


class NoTemplate(DomainError):
    """No version of the words of this kind of paper is in force; `kind` and `language` name them."""

    code = "no_template"
    detail = _("No version of this document's template is in force in this language.")


class FactsMissing(DomainError):
    """A paper would lack what makes it one; `fields` names what nobody has said yet."""

    code = "facts_missing"
    detail = _("This document cannot be issued before all that it must say is known.")


class IdentityUnchecked(DomainError):
    """Nobody has compared the buyer's data and phone with their passport: a code would prove nothing."""

    code = "identity_unchecked"
    detail = _("A manager has to check the passport and the phone before documents are signed by a code.")


class AlreadySigned(DomainError):
    """This side has signed the paper."""

    code = "already_signed"
    detail = _("This document is signed already.")


class DocumentOutdated(DomainError):
    """A newer paper of its kind was issued, or the kept bytes are not those that were issued."""

    code = "document_outdated"
    detail = _("This document is outdated: sign the newest one of its kind.")


class SigningLocked(DomainError):
    """Too many codes were sent or guessed for a paper; `retry_after` says when one may try again."""

    code = "signing_locked"
    detail = _("Too many codes were asked for or tried. Try again later.")


class CodeExpired(DomainError):
    """There is no code to sign with, or its time is over."""

    code = "code_expired"
    detail = _("There is no code that is still good: ask for another one.")


class WrongCode(DomainError):
    """The code is another; `tries_left` says how often one may still try."""

    code = "wrong_code"
    detail = _("This is not the code that was sent.")


class NoSmsGateway(DomainError):
    """Codes can be sent to nobody."""

    code = "no_sms_gateway"
    detail = _("Codes cannot be sent: no SMS gateway is connected.")


class DocumentNotAvailable(DomainError):
    """The order's state has no such document yet, or no more."""

    code = "document_not_available"
    detail = _("There is no such document for the order in its present state.")


class TaxPaperRefused(DomainError):
    """The law gives no such tax paper for this sale; the message says why."""

    code = "tax_paper_refused"
    detail = _("There is no such tax paper for this sale.")


class NoVatOnSale(DomainError):
    """Nothing that was sold bears VAT: the seller pays none, or the goods are exempt."""

    code = "no_vat"
    detail = _("This sale bears no VAT: a tax invoice is not issued for it.")


class RequisitesMissing(DomainError):
    """A tax paper would lack what the law wants in it; `fields` names what is not known."""

    code = "requisites_missing"
    detail = _("A tax paper needs the requisites of both sides.")


class QualifiedNeeded(DomainError):
    """A tax paper is signed with a qualified signature, or by hand (Tax Code, article 169 item 6)."""

    code = "qualified_signature_needed"
    detail = _("This paper is signed with a qualified signature, or by hand.")


class NoSigningProvider(DomainError):
    """Nobody makes qualified signatures for us."""

    code = "no_signing_provider"
    detail = _("No provider of qualified signatures is connected.")


class SigningPending(DomainError):
    """The provider was asked to sign for this side, and has not answered yet; `signing_id` names the request."""

    code = "signing_pending"
    detail = _("A qualified signature was requested already: wait for its answer.")


class CampaignsOverlap(DomainError):
    """Another campaign could lower the same line on the same day; `campaign_ids` names those."""

    code = "campaigns_overlap"
    detail = _("Another campaign lowers the same goods in these days. Mark both as combinable, or change one of them.")


class CouponExists(DomainError):
    """Another coupon has this code."""

    code = "coupon_exists"
    detail = _("Another coupon has this code.")


class CartFull(DomainError):
    """The cart holds as many different products as an order may have lines."""

    code = "cart_full"
    detail = _("The cart holds as many different products as it can.")


class CartEmpty(DomainError):
    """There is nothing in the cart to be ordered."""

    code = "cart_empty"
    detail = _("The cart is empty.")


class CarHasQueue(DomainError):
    """Others wait for the car, and it is offered to them first; `product_ids` names the cars."""

    code = "car_has_queue"
    detail = _("Others wait for this car in a queue, and it is offered to them first. You may join the queue.")


class CarIsFree(DomainError):
    """Nobody else holds the car: it may be ordered, or it is not for sale."""

    code = "car_not_held"
    detail = _("Nobody else holds this car now: there is no queue for it.")


class AlreadyQueued(DomainError):
    """The person has a place in the queue for this car; `place_id` names it."""

    code = "already_queued"
    detail = _("You have a place in the queue for this car already.")


class TooManyPlaces(DomainError):
    """The person waits for as many cars as one may; `limit` says how many."""

    code = "too_many_places"
    detail = _("You wait for as many cars as one may. Give up a place in another queue first.")


class QueueFull(DomainError):
    """As many wait for the car as may; `limit` says how many."""

    code = "queue_full"
    detail = _("The queue for this car is full.")


class OffersIgnored(DomainError):
    """The person let offers lapse lately; `until` says when they may queue again."""

    code = "offers_ignored"
    detail = _("You left offers of cars without an answer lately: you may join a queue again later.")


class WrongPlaceState(DomainError):
    """The place's state does not allow this; `allowed` lists what it does."""

    code = "wrong_place_state"
    detail = _("The place in the queue cannot do this in its present state.")


class OfferOver(DomainError):
    """The time of the offer is over."""

    code = "offer_over"
    detail = _("The time of the offer is over: the car goes to the next in the queue.")


class OneOfferAnOrder(DomainError):
    """Two of the cars are kept for the buyer by offers of queues; each is ordered by itself."""

    code = "one_offer_an_order"
    detail = _("Two of these cars are offered to you from queues: order each of them by itself.")


class OfferExpired(DomainError):
    """The last day of a written offer is past; `valid_until` says which it was."""

    code = "offer_expired"
    detail = _("This offer is over: its last day is past.")


class OfferedGoodsGone(DomainError):
    """Goods of a written offer have left the catalogue."""

    code = "goods_gone"
    detail = _("What was offered is not on sale any more.")


class BelowCost(DomainError):
    """Goods would be sold for less than they cost; `items` says which."""

    code = "below_cost"
    detail = _("This price is below cost. Say `below_cost` if it is meant: a second person has to agree then.")


class LineNotMarked(DomainError):
    """The line sells no marked goods: nothing of it has a code."""

    code = "line_not_marked"
    detail = _("The goods of this line are not marked. If they are, say so in the catalogue first.")


class TooManyMarks(DomainError):
    """More codes were given than pieces have none; `quantity`, `missing` and `given` say how many."""

    code = "mark_codes_too_many"
    detail = _("There are more codes than pieces of this line.")


class MarkTaken(DomainError):
    """A piece with such a code is sold already; `codes` lists them, each with the `number` of its order."""

    code = "mark_code_taken"
    detail = _("A piece with this code is sold already: a code is sold once.")


class MarkCodesMissing(DomainError):
    """Marked goods are handed over with the code of each piece alone; `lines` says of which how many are missing."""

    code = "mark_codes_missing"
    detail = _("Marked goods have no codes yet: scan the code of each piece.")


class TooManyMessages(DomainError):
    """The buyer wrote as many messages as are taken before an answer; `limit` says how many."""

    code = "too_many_messages"
    detail = _("You have written a lot already. Please wait for our answer, or call us.")


class HandoverNotDue(DomainError):
    """A hand-over is arranged once all is paid, until it has taken place; `order_status` says where it stands."""

    code = "handover_not_due"
    detail = _("A hand-over is arranged once the order is paid, and before it is handed over.")


class HandoverTaken(DomainError):
    """No place of hand-overs is free then, or all are closed: `GET …/handover-slots` lists what is."""

    code = "handover_slot_taken"
    detail = _("This time is not free any more. Please choose another.")


class HandoverBeingBooked(DomainError):
    """Another time was asked for a moment ago."""

    code = "handover_being_booked"
    detail = _("Your last choice is still being booked: a moment, please.")


class HandoverTooLate(DomainError):
    """The hand-over begins in less than `hours`, when its buyer changes it no more by themselves."""

    code = "handover_too_late"
    detail = _("The hand-over is too close to be changed here. Please write to us or call us.")

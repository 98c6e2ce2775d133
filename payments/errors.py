"""Name what stops a payment or a refund."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput, NotFound


class OrderNotReady(DomainError):
    """Payments has not heard of the order yet."""

    code = "order_not_ready"
    detail = _("This order is not known here yet; try again in a moment.")

    def __init__(self) -> None:
        super().__init__(retry_after=2)


class OrderUnknown(NotFound):
    """The order is somebody else's."""


class OrderClosed(DomainError):
    """The order was cancelled: it takes no more money."""

    code = "order_closed"
    detail = _("This order was cancelled and takes no payments.")


class Overpayment(DomainError):
    """More than is due was offered; `amount_due` says how much is."""

    code = "overpayment"
    detail = _("This is more than is due on the order.")


class PaymentInFlight(DomainError):
    """Another payment of this order has not ended yet; a second try could charge the buyer twice."""

    code = "payment_in_flight"
    detail = _("Another payment of this order is still being processed.")


class CurrencyMismatch(InvalidInput):
    """The order is priced in another currency."""

    def __init__(self) -> None:
        super().__init__("currency", "currency_mismatch", _("The order is priced in another currency."))
        self.code = "currency_mismatch"


class MethodUnknown(InvalidInput):
    """The caller has no such stored payment method."""

    def __init__(self, field: str = "payment_method_id") -> None:
        super().__init__(field, "unknown_payment_method", _("You have no such payment method."))
        self.code = "unknown_payment_method"


class WrongPaymentState(DomainError):
    """The payment's state does not allow this; `state` says what it is."""

    code = "wrong_payment_state"
    detail = _("The payment cannot do this in its present state.")


class RefundExceedsPayment(DomainError):
    """More than is left of the payment was asked back; `refundable` says how much is."""

    code = "refund_exceeds_payment"
    detail = _("This is more than is left of the payment.")


class MoneySecured(DomainError):
    """It is earnest money whose sale failed; `secured` says how much of it stays until the fault is stated."""

    code = "money_secured"
    detail = _("This is earnest money: state whose fault it was that the sale failed.")


class UseReturn(DomainError):
    """The goods were handed over: the sale is undone by a return."""

    code = "use_return"
    detail = _("The goods were handed over: undo the sale by a return.")


class RefundElsewhere(DomainError):
    """Refusal of a refund outside orders: the owner gives the money back on undoing it; `purpose` says what it is."""

    code = "refund_elsewhere"
    detail = _("Undo what was paid for: cancel the policy or the seat. Of a loan only its bank gives money back.")


class WrongRefundState(DomainError):
    """The refund's state does not allow this; `state` says what it is."""

    code = "wrong_refund_state"
    detail = _("The refund cannot do this in its present state.")


class WrongPayoutState(DomainError):
    """The payout's state does not allow this; `state` says what it is."""

    code = "wrong_payout_state"
    detail = _("The payout cannot do this in its present state.")


class WebhookForged(DomainError):
    """The signature does not fit the body, or is too old."""

    code = "invalid_signature"
    status = 401
    detail = _("The webhook's signature is not valid.")


class ProviderUnknown(NotFound):
    """No provider of this name sends us webhooks."""

    detail = _("There is no such provider.")


class StatementTooLong(InvalidInput):
    """A statement of too many lines for one document."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "from", "too_long", _("More than %(most)s lines: ask for fewer days, or for format=csv.") % {"most": most}
        )


class WrongReceiptState(DomainError):
    """The receipt's state does not allow this; `state` says what it is."""

    code = "wrong_receipt_state"
    detail = _("The receipt cannot do this in its present state.")


class ReceiptImpossible(DomainError):
    """No lawful receipt can be drawn up of what is known, and `reason` says why: it waits for a person."""

    detail = _("No receipt can be drawn up of these lines.")

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason=reason)
        self.code, self.reason = code, reason


class LegalEntityCodeTaken(DomainError):
    """Another legal entity has this code: their tax papers would have the same numbers."""

    code = "code_taken"
    detail = _("Another legal entity has this code.")


class LegalEntitySells(DomainError):
    """Its papers and receipts are still to be issued in its name."""

    code = "legal_entity_sells"
    detail = _("This legal entity has orders open: finish them first.")


class LegalEntityIsDefault(DomainError):
    """Somebody has to sell: another legal entity is named the default first."""

    code = "legal_entity_is_default"
    detail = _("This one sells by default: name another one first.")

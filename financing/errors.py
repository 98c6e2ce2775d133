"""Name what stops an application, an offer or a loan."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput, NotFound


class OrderNotReady(DomainError):
    """Financing has not heard of the order yet."""

    code = "order_not_ready"
    detail = _("This order has only just been placed; try again in a moment.")

    def __init__(self) -> None:
        super().__init__(retry_after=2)


class OrderNotFound(NotFound):
    """The order is somebody else's."""

    detail: Any = _("There is no such order.")


class OrderClosed(DomainError):
    """The order is paid or cancelled: there is nothing to lend for."""

    code = "order_closed"
    detail = _("This order needs no loan any more.")


class ProgrammeNotFound(NotFound):
    """There is no such programme."""

    detail: Any = _("There is no such programme.")


class ProgrammeExists(DomainError):
    """The bank has a programme of this name already."""

    code = "programme_exists"
    detail = _("This bank already has a programme with this name.")


class NoProgramme(DomainError):
    """No bank offers this kind of financing now."""

    code = "no_programme"
    detail = _("No bank offers this kind of financing now.")


class UnknownProgramme(InvalidInput):
    """The programme named does not exist, is over, or is of another kind."""

    def __init__(self, field: str = "programme_id") -> None:
        super().__init__(field, "unknown_programme", str(_("There is no such programme on offer.")))


class ApplicationNotFound(NotFound):
    """There is no such application, or it is somebody else's."""

    detail: Any = _("There is no such application.")


class LoanNotFound(NotFound):
    """There is no such loan, or it is somebody else's."""

    detail: Any = _("There is no such loan.")


class LoanNotRunning(DomainError):
    """The loan is repaid, written off or cancelled."""

    code = "loan_not_running"
    detail = _("Nothing is to be paid on this loan any more.")


class PaymentNotNeeded(DomainError):
    """More than all instalments that are left."""

    code = "overpayment"
    detail = _("This is more than is left to pay; repay the loan early instead.")


class DebitToldByBank(DomainError):
    """The bank answers over its connection, and has not been silent for long enough to believe a paper instead."""

    code = "debit_told_by_bank"
    detail = _("This bank itself tells what became of a debit.")


class ScheduleChangedSince(DomainError):
    """The loan got a new schedule after this payment, which counted on it."""

    code = "schedule_changed_since"
    detail = _("The loan has a newer schedule that counts on this payment.")


class SurplusReturned(DomainError):
    """Part of the payment went back to the borrower."""

    code = "surplus_returned"
    detail = _("Part of this payment went back to the borrower already.")


class OfferExpired(DomainError):
    """The bank no longer stands by its offer."""

    code = "offer_expired"
    detail = _("This offer has expired.")


class OwnPartGrows(DomainError):
    """The loan is smaller than was asked for: the client has to agree to `own_part`, which they pay by themselves."""

    code = "own_part_grows"
    detail = _("This loan pays less than you asked for: agree to the part that you pay yourself.")


class OfferNotFound(NotFound):
    """The application has no such offer."""

    detail: Any = _("There is no such offer.")


class OfferNotStanding(DomainError):
    """The bank has not decided, refused, or was let go."""

    code = "offer_not_standing"
    detail = _("The bank does not offer this.")


class AlreadyFinanced(DomainError):
    """Another loan pays for the order."""

    code = "already_financed"
    detail = _("This order is already financed.")


class HeldByOrder(DomainError):
    """The order's checkout counts on the accepted offer."""

    code = "held_by_order"
    detail = _("The order is being paid with this loan: cancel the order instead.")


class SecondPersonNeeded(DomainError):
    """One person proposes what the rules refused, another one answers."""

    code = "second_person_needed"
    detail = _("A loan this large against the rules is decided by another manager than the one who proposed it.")


class OverrideNotFound(NotFound):
    """There is no such override."""

    detail: Any = _("There is no such override.")


class OverrideProposed(DomainError):
    """Somebody proposed terms for the application already; `override_id` names the proposal."""

    code = "override_proposed"
    detail = _("Terms are proposed for this application already; another manager has to answer first.")


class NotOverridable(DomainError):
    """The law forbids the loan, not the programme; `reasons` says what."""

    code = "not_overridable"
    detail = _("The law forbids this loan: nobody here can decide otherwise.")


class PskAboveCeiling(DomainError):
    """ПСК (`psk`, % a year) is above the `ceiling` of the day an agreement would be made on: no lender may make it."""

    code = "psk_cap"
    detail = _("The full cost of this credit is above today's ceiling: it cannot be agreed any more.")


class LendingShareFull(DomainError):
    """The bank's quarter has no room for a loan at this debt load: the `share` with it would pass the `limit`."""

    code = "lending_share"
    detail = _("The bank may lend no more this quarter to borrowers with such a debt load.")


class DecidedByBank(DomainError):
    """The programme belongs to a bank that decides by itself: its word is not ours to give."""

    code = "decided_by_bank"
    detail = _("This programme's bank decides by itself.")


class NoCounterOffer(DomainError):
    """No other terms of the programme would be approved."""

    code = "no_counter_offer"
    detail = _("No other terms of this programme would be approved.")


class DocumentsMissing(DomainError):
    """The programme wants papers first; `missing` names those that nobody has accepted yet."""

    code = "documents_missing"
    detail = _("Papers that the programme wants are missing or have not been accepted yet.")


class DocumentNotFound(NotFound):
    """There is no such paper."""

    detail: Any = _("There is no such paper.")


class CoolingOffOver(DomainError):
    """The days in which a loan may be returned are over; `until` was the last one."""

    code = "cooling_off_over"
    detail = _("This loan can no longer be returned; it can be repaid early.")


class HolidaysNotDue(DomainError):
    """The law gives this loan no credit holidays on the ground named: `why` is amount, used or no_row."""

    code = "holidays_not_due"
    detail = _("The law gives this loan no credit holidays on this ground; the lender may agree to them.")


class InvalidFields(InvalidInput):
    """Fields of an application that are wrong: `problems` lists (field, code, detail)."""

    def __init__(self, problems: list[tuple[str, str, Any]]) -> None:
        super().__init__(*map(str, problems[0]))
        self.errors = [{"field": field, "code": code, "detail": str(detail)} for field, code, detail in problems]

"""Name what stops a quote, a policy or a claim."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, NotFound


class OrderNotReady(DomainError):
    """Insurance has not heard of the order yet."""

    code = "order_not_ready"
    detail = _("This order has only just been placed; try again in a moment.")

    def __init__(self) -> None:
        super().__init__(retry_after=2)


class OrderNotFound(NotFound):
    """The order is somebody else's."""

    detail: Any = _("There is no such order.")


class PolicyNotFound(NotFound):
    """There is no such policy, or it is somebody else's."""

    detail: Any = _("There is no such policy.")


class QuoteNotFound(NotFound):
    """There is no such quote, or it is somebody else's."""

    detail: Any = _("There is no such quote.")


class QuoteExpired(DomainError):
    """A quote stands for thirty days."""

    code = "quote_expired"
    detail = _("This quote has expired: ask for a new one.")


class QuotePurchased(DomainError):
    """The quote has become a policy; `policy_id` names it."""

    code = "quote_purchased"
    detail = _("This quote has been bought already.")


class InsuredTwice(DomainError):
    """A car has one policy of a kind at a time: of OSAGO by law, of KASKO so that no loss is paid twice."""

    code = "insured_twice"
    detail: Any = _("This car has a policy of this kind for these days already.")


class CostsMore(DomainError):
    """By the data that were found a policy costs more than was asked for it; `premium_difference` says how much."""

    code = "costs_more"
    detail = _("By these data the policy costs more: change it and have the difference paid, then confirm it.")


class NotReinstated(DomainError):
    """A cancelled policy that cannot be put back in force."""

    code = "not_reinstated"
    detail = _("This policy cannot be put back in force.")


class EndorsementUnderWay(DomainError):
    """An earlier change of the policy waits for its payment."""

    code = "endorsement_under_way"
    detail = _("An earlier change of this policy is still being paid for.")


class EndorsementRepriced(DomainError):
    """A change costs something else than was agreed to; `premium_difference` says what."""

    code = "price_changed"
    detail = _("This change costs something else by now: look at its price again.")


class LossOpen(DomainError):
    """A change that covers more waits until losses of the policy are settled; `widened` names what it would widen."""

    code = "loss_open"
    detail = _("A loss of this policy is open: until it is settled the cover cannot be widened.")


class NothingDue(DomainError):
    """Every instalment of the policy is paid, or it has none."""

    code = "nothing_due"
    detail = _("Nothing is to be paid for this policy.")


class InstalmentUnderWay(DomainError):
    """The payment of an instalment was begun and is not answered yet."""

    code = "instalment_under_way"
    detail = _("An instalment of this policy is being paid already.")


class InstalmentOverdue(DomainError):
    """Nothing of a policy is changed while an instalment of it is overdue."""

    code = "instalment_overdue"
    detail = _("An instalment of this policy is overdue: it is paid first.")


class ClaimNotFound(NotFound):
    """There is no such claim, or it is somebody else's."""

    detail: Any = _("There is no such claim.")


class NotCovered(DomainError):
    """The loss happened while the policy was not in force."""

    code = "not_covered"
    detail = _("The policy was not in force at that moment.")


class PremiumUnpaid(DomainError):
    """The loss happened after an instalment was due, and it is not paid yet; `due_date` names it."""

    code = "premium_unpaid"
    detail = _("An instalment of the premium was due before this loss and is not paid yet.")


class DuplicateClaim(DomainError):
    """The same loss was reported before."""

    code = "duplicate_claim"
    detail = _("This loss has been reported already.")


class AboveLimit(DomainError):
    """More than the policy pays for the loss; `payable` says how much it does."""

    code = "above_limit"
    detail = _("The policy does not pay that much for this loss.")


class PapersMissing(DomainError):
    """A claim is decided once its papers are there; `missing` names groups of which one each is needed."""

    code = "documents_missing"
    detail = _("Papers of this claim are missing.")


class KindUnconfirmed(DomainError):
    """A large or total loss is decided by what an adjuster says it was, not by what was reported."""

    code = "kind_unconfirmed"
    detail = _("A loss this large is assessed with its kind before it is decided.")


class PayoutUnderWay(DomainError):
    """The payout was asked for; one that failed is tried again where payments are."""

    code = "payout_under_way"
    detail = _("This payout has been asked for already.")


class SecondPersonNeeded(DomainError):
    """Another manager has to confirm a large grant."""

    code = "second_person_needed"
    detail = _("A grant this large is confirmed by another manager than the one who proposed it.")

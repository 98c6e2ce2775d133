"""What stops a quote, a policy or a claim."""

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


class ClaimNotFound(NotFound):
    """There is no such claim, or it is somebody else's."""

    detail: Any = _("There is no such claim.")


class NotCovered(DomainError):
    """The loss happened while the policy was not in force."""

    code = "not_covered"
    detail = _("The policy was not in force at that moment.")


class DuplicateClaim(DomainError):
    """The same loss was reported before."""

    code = "duplicate_claim"
    detail = _("This loss has been reported already.")


class AboveLimit(DomainError):
    """More than the policy pays for the loss; `payable` says how much it does."""

    code = "above_limit"
    detail = _("The policy does not pay that much for this loss.")

"""The port every payment provider plugs into: what we ask of one, how it answers, what it may tell by itself."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.outside.provider_http import Refused

Answer = dict[str, Any]
"""What a provider says of a movement: `status` (processing, requires_action, authorized, succeeded, failed, cancelled),
`id` (its own), `amount`, `currency`, and where they apply `action_url`, `failure_code`, `failure_detail`."""


class Unsupported(Refused):
    """The provider offers nothing of the kind."""

    def __init__(self, what: str) -> None:
        super().__init__("unsupported", f"this provider has no {what}")


@dataclass(frozen=True)
class Capabilities:
    """Capabilities of a provider.

    `signs_webhooks`: what it tells may be believed without asking it again. `finds_by_key`: it tells for certain
    whether it has ever heard of a key; otherwise what was sent is never given up, but sent again with its key.
    """

    holds: bool = False
    payouts: bool = False
    statement: bool = False
    signs_webhooks: bool = True
    finds_by_key: bool = True
    methods: frozenset[str] = frozenset({"card"})


@dataclass(frozen=True)
class Notice:
    """A provider's message as we understand it; `kind` is charge, refund, dispute, or empty for what is no concern.

    Ours are `payment_id` and `refund_id`, as text; the provider's `charge_ref` and `ref` (of the refund or dispute).
    """

    event_id: str
    type: str
    kind: str = ""
    status: str = ""
    payment_id: str = ""
    refund_id: str = ""
    charge_ref: str = ""
    ref: str = ""
    amount: str | None = None
    currency: str = ""
    failure_code: str = ""
    failure_detail: str = ""


class Provider(ABC):
    """A payment provider. Every method but `parse_webhook` waits for a stranger, so none runs inside a transaction.

    `key` is the same however often a request is sent, and the provider carries it out once. Requests hold
    `payment_id`, `amount`, `currency`, `ref` (the provider's id, once known) and what else each method names.
    All raise TransientFault, NoAnswer, Refused; that money was declined is an answer and no error.
    """

    name: str
    capabilities: Capabilities

    @abstractmethod
    def charge(self, key: str, request: dict[str, Any]) -> Answer:
        """Take money, or with `capture: False` only authorise it. Uses `method`, `token`, `return_url`.

        Without a token a card is asked for on the provider's own page: `requires_action`, and its `action_url`.
        """

    @abstractmethod
    def find_charge(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Return what became of a charge; None if the provider has never heard of it, as far as it can tell."""

    @abstractmethod
    def capture(self, key: str, request: dict[str, Any]) -> Answer:
        """Take the money that `charge_key` authorised."""

    @abstractmethod
    def cancel(self, key: str, request: dict[str, Any]) -> Answer:
        """Call a charge off, even one that has not arrived yet; the answer says what became of it."""

    @abstractmethod
    def refund(self, key: str, request: dict[str, Any]) -> Answer:
        """Give money of a charge back. Uses `refund_id`."""

    @abstractmethod
    def find_refund(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Return what became of a refund; None if the provider has never heard of it."""

    def payout(self, key: str, request: dict[str, Any]) -> Answer:
        """Pay somebody who has not paid us."""
        raise Unsupported("payouts")

    def find_payout(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Return what became of a payout."""
        raise Unsupported("payouts")

    def read_statement(self) -> Iterator[dict[str, Any]]:
        """The provider's own movements: `{kind: charge|refund|payout, reference, id, status, amount, created_at}`."""
        raise Unsupported("statement")

    @abstractmethod
    def parse_webhook(self, body: bytes, headers: Mapping[str, str], address: str) -> Notice:
        """Check who sent a message, by its raw body, and read it. Raises WebhookForged, InvalidInput."""

    def confirm(self, notice: Notice) -> Notice:
        """Ask whether a message that proves nothing is true; return what is."""
        return notice

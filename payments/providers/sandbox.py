"""Our side of the sandbox provider: its HTTP API, and the signature of its webhooks."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from standardwebhooks import Webhook, WebhookVerificationError

from core.errors import InvalidInput
from core.outside.provider_http import JsonProvider
from payments.errors import WebhookForged
from payments.providers.port import Answer, Capabilities, Notice, Provider

_SANDBOX = JsonProvider("the provider", "SANDBOX_URL")
_TYPES = {
    "payment.processing": ("charge", "processing"),
    "payment.authorized": ("charge", "authorized"),
    "payment.completed": ("charge", "succeeded"),
    "payment.failed": ("charge", "failed"),
    "refund.succeeded": ("refund", "succeeded"),
    "refund.failed": ("refund", "failed"),
    "dispute.opened": ("dispute", "open"),
    "dispute.won": ("dispute", "won"),
    "dispute.lost": ("dispute", "lost"),
}


class SandboxProvider(Provider):
    """The test bank, a process of its own; see `sandbox.bank`."""

    name = "sandbox"
    capabilities = Capabilities(holds=True, payouts=True, statement=True, methods=frozenset({"card", "sbp"}))

    def charge(self, key: str, request: dict[str, Any]) -> Answer:
        """Take or authorise money."""
        return _SANDBOX.ask("POST", "/charges", key=key, body=request)

    def find_charge(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Ask by our key."""
        return _SANDBOX.find("GET", f"/charges/by-key/{key}")

    def capture(self, key: str, request: dict[str, Any]) -> Answer:
        """Take what was authorised; twice is once."""
        return _SANDBOX.ask("POST", f"/charges/by-key/{request['charge_key']}/capture")

    def cancel(self, key: str, request: dict[str, Any]) -> Answer:
        """Call a charge off, even one the sandbox has not heard of yet; twice is once."""
        return _SANDBOX.ask("POST", f"/charges/by-key/{request['charge_key']}/cancel")

    def refund(self, key: str, request: dict[str, Any]) -> Answer:
        """Give money back."""
        return _SANDBOX.ask("POST", "/refunds", key=key, body=request)

    def find_refund(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Ask by our key."""
        return _SANDBOX.find("GET", f"/refunds/by-key/{key}")

    def payout(self, key: str, request: dict[str, Any]) -> Answer:
        """Pay somebody."""
        return _SANDBOX.ask("POST", "/payouts", key=key, body=request)

    def find_payout(self, key: str, request: dict[str, Any]) -> Answer | None:
        """Ask by our key."""
        return _SANDBOX.find("GET", f"/payouts/by-key/{key}")

    def read_statement(self, page_size: int = 500) -> Iterator[dict[str, Any]]:
        """Every row of the sandbox's own statement, oldest first."""
        after = 0
        while True:
            page = _SANDBOX.ask("GET", f"/book?after={after}&limit={page_size}")
            yield from page["rows"]
            if page["next"] is None:
                return
            after = page["next"]

    def parse_webhook(self, body: bytes, headers: Mapping[str, str], address: str) -> Notice:
        """Check the Standard Webhooks signature over the raw body."""
        message = _verified(body, headers)
        given = message.get("data")
        data = given if isinstance(given, dict) else {}
        kind, status = _TYPES.get(str(message.get("type")), ("", ""))
        return Notice(
            event_id=headers["webhook-id"][:120],
            type=str(message.get("type", ""))[:60],
            kind=kind,
            status=status,
            payment_id=str(data.get("payment_id", ""))[:60],
            refund_id=str(data.get("refund_id", ""))[:60],
            charge_ref=str(data.get("charge_id", ""))[:120],
            ref=str(data.get("provider_refund_id" if kind == "refund" else "dispute_id", ""))[:120],
            amount=None if data.get("amount") is None else str(data["amount"])[:40],
            currency=str(data.get("currency", ""))[:10],
            failure_code=str(data.get("failure_code", ""))[:60],
            failure_detail=str(data.get("failure_detail", ""))[:255],
        )


def _verified(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    if not settings.SANDBOX_WEBHOOK_SECRET:
        raise WebhookForged
    try:
        data = Webhook(settings.SANDBOX_WEBHOOK_SECRET).verify(body, dict(headers))
    except json.JSONDecodeError as error:
        raise InvalidInput("body", "invalid", _("The body is not JSON.")) from error
    except (WebhookVerificationError, ValueError, TypeError, OverflowError) as error:
        raise WebhookForged from error
    if not isinstance(data, dict):
        raise InvalidInput("body", "invalid", _("The body is not an object."))
    return data

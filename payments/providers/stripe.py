"""Stripe through its own library: payment intents confirmed at once, refunds, disputes, and signed webhooks.

A card that nobody named is asked for on Stripe's own page, a Checkout session: its id (`cs_`) stands for the charge
until the intent has one, and from then on the intent's.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import refuse_inside_transaction
from core.errors import InvalidInput
from core.outside.provider_http import NoAnswer, Refused, TransientFault
from payments.errors import WebhookForged
from payments.providers.port import Answer, Capabilities, Notice, Provider

_INTENTS = {
    "requires_payment_method": "failed",
    "requires_confirmation": "processing",
    "requires_action": "requires_action",
    "processing": "processing",
    "requires_capture": "authorized",
    "canceled": "cancelled",
    "succeeded": "succeeded",
}
_REFUNDS = {
    "pending": "processing",
    "requires_action": "processing",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
}
_DISPUTES = {"won": "won", "lost": "lost", "warning_closed": "won"}


class StripeProvider(Provider):
    """Stripe's payment intents. `capture: False` becomes manual capture; our ids travel as metadata."""

    name = "stripe"
    capabilities = Capabilities(holds=True, finds_by_key=False)

    def charge(self, key: str, request: dict[str, Any]) -> Answer:
        """Create an intent and confirm it; a refused card is an answer. Without a token, open a page for the payer."""
        if not request["token"]:
            return _session(lambda api: api.checkout.sessions.create(_page(request), {"idempotency_key": key}))
        params = {
            "amount": _minor(request["amount"]),
            "currency": request["currency"].lower(),
            "payment_method": request["token"],
            "payment_method_types": ["card"],
            "capture_method": "automatic" if request.get("capture", True) else "manual",
            "confirm": True,
            "return_url": request["return_url"],
            "description": request.get("description", ""),
            "metadata": {"payment_id": request["payment_id"]},
        }
        return _intent(lambda api: api.payment_intents.create(params, {"idempotency_key": key}))

    def find_charge(self, key: str, request: dict[str, Any]) -> Answer | None:
        """By Stripe's id if we have it, else by ours; Stripe's search may lag a minute behind."""
        if _is_page(request):
            return _session(lambda api: api.checkout.sessions.retrieve(request["ref"], _WITH_INTENT))
        if request.get("ref"):
            return _intent(lambda api: api.payment_intents.retrieve(request["ref"]))
        query = {"query": f"metadata['payment_id']:'{request['payment_id']}'", "limit": 1}
        found = _called(lambda api: api.payment_intents.search(query))
        return _shown(found["data"][0]) if found["data"] else None

    def capture(self, key: str, request: dict[str, Any]) -> Answer:
        """Take what the intent holds."""
        return _intent(lambda api: api.payment_intents.capture(_ref(request), {}, {"idempotency_key": key}))

    def cancel(self, key: str, request: dict[str, Any]) -> Answer:
        """Cancel an intent; one that has ended already is answered as it is."""
        if _is_page(request):
            return self._close_page(key, request)
        try:
            return _intent(lambda api: api.payment_intents.cancel(_ref(request), {}, {"idempotency_key": key}))
        except Refused:
            return _intent(lambda api: api.payment_intents.retrieve(_ref(request)))

    def _close_page(self, key: str, request: dict[str, Any]) -> Answer:
        """Let nobody pay on a page any more; one that was paid on is answered as its intent is."""
        try:
            return _session(lambda api: api.checkout.sessions.expire(request["ref"], {}, {"idempotency_key": key}))
        except Refused:
            shown = _session(lambda api: api.checkout.sessions.retrieve(request["ref"], _WITH_INTENT))
            return shown if _is_page({"ref": shown["id"]}) else self.cancel(key, request | {"ref": shown["id"]})

    def refund(self, key: str, request: dict[str, Any]) -> Answer:
        """Give money of an intent back."""
        params = {
            "payment_intent": _ref(request),
            "amount": _minor(request["amount"]),
            "metadata": {"refund_id": request["refund_id"], "key": key},
        }
        return _refund(_called(lambda api: api.refunds.create(params, {"idempotency_key": key})))

    def find_refund(self, key: str, request: dict[str, Any]) -> Answer | None:
        """By our key among the refunds of the intent."""
        listed = _called(lambda api: api.refunds.list({"payment_intent": _ref(request), "limit": 100}))
        return next((_refund(row) for row in listed["data"] if (row.get("metadata") or {}).get("key") == key), None)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str], address: str) -> Notice:
        """Check the `Stripe-Signature` over the raw body."""
        import stripe

        secret = settings.STRIPE_WEBHOOK_SECRET
        try:
            text = body.decode()
            if not secret:
                raise WebhookForged
            stripe.WebhookSignature.verify_header(text, headers.get("Stripe-Signature", ""), secret, 300)
            event = json.loads(text)
            return _notice(event)
        except stripe.SignatureVerificationError as error:
            raise WebhookForged from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput("body", "invalid", _("The body is not an event of Stripe's.")) from error


def _is_page(request: dict[str, Any]) -> bool:
    return str(request.get("ref") or "").startswith("cs_")


_WITH_INTENT = {"expand": ["payment_intent"]}


def _page(request: dict[str, Any]) -> dict[str, Any]:
    """Return what a page asks for: one sum, once, for one payment; Stripe closes it after a day."""
    what = request.get("description") or request["payment_id"]
    price = {"currency": request["currency"].lower(), "unit_amount": _minor(request["amount"])}
    return {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [{"quantity": 1, "price_data": price | {"product_data": {"name": what}}}],
        "payment_intent_data": {
            "capture_method": "automatic" if request.get("capture", True) else "manual",
            "description": what,
            "metadata": {"payment_id": request["payment_id"], "page": "1"},
        },
        "success_url": request["return_url"],
        "cancel_url": request["return_url"],
        "metadata": {"payment_id": request["payment_id"]},
    }


def _session(act: Callable[[Any], Any]) -> Answer:
    """Ask about a page: complete, it is what its intent is."""
    session = _called(act)
    intent = session.get("payment_intent")
    if session["status"] == "complete" and isinstance(intent, dict):
        return _shown(intent)
    return _show_page(session)


def _show_page(session: dict[str, Any]) -> Answer:
    is_over = session["status"] == "expired"
    return {
        "id": session["id"],
        "status": {"open": "requires_action", "expired": "failed"}.get(session["status"], "processing"),
        "amount": _major(session["amount_total"]),
        "currency": session["currency"].upper(),
        "action_url": "" if is_over else session.get("url") or "",
        "failure_code": "page_expired" if is_over else "",
        "failure_detail": "",
    }


@lru_cache(maxsize=4)
def _client(key: str, url: str, timeout: tuple[float, float]) -> Any:
    import stripe

    return stripe.StripeClient(
        key,
        base_addresses={"api": url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout),
    ).v1


def _called(act: Callable[[Any], Any]) -> dict[str, Any]:
    refuse_inside_transaction()
    timeout = (float(settings.PROVIDER_CONNECT_TIMEOUT_S), float(settings.PROVIDER_TIMEOUT_S))
    with _faults():
        answer = act(_client(settings.STRIPE_API_KEY, settings.STRIPE_URL, timeout))
        plain: dict[str, Any] = json.loads(str(answer))
        return plain


@contextmanager
def _faults() -> Iterator[None]:
    """Say Stripe's errors in our words. A server error may follow the deed, so it is no answer."""
    import stripe

    try:
        yield
    except stripe.CardError:
        raise
    except stripe.RateLimitError as error:
        raise TransientFault(repr(error)) from error
    except stripe.APIConnectionError as error:
        raise (TransientFault if _never_arrived(error) else NoAnswer)(repr(error)) from error
    except (stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError) as error:
        raise Refused(str(error.code or "invalid_request"), str(error.user_message or error)) from error
    except (stripe.StripeError, json.JSONDecodeError) as error:
        raise NoAnswer(repr(error)) from error


def _never_arrived(error: BaseException) -> bool:
    """Tell whether the connection was never made: only then is it certain that nothing was carried out."""
    import requests
    from urllib3.exceptions import NewConnectionError

    cause = error.__cause__ or error.__context__
    if isinstance(cause, requests.ConnectTimeout):
        return True
    reason = getattr(cause.args[0], "reason", None) if isinstance(cause, requests.ConnectionError) else None
    return isinstance(reason, NewConnectionError)


def _intent(act: Callable[[Any], Any]) -> Answer:
    import stripe

    try:
        return _shown(_called(act))
    except stripe.CardError as error:
        body: Any = error.json_body or {}
        given = body.get("error", {})
        failure = {"failure_code": _code(given), "failure_detail": str(given.get("message", ""))[:255]}
        intent = given.get("payment_intent")
        return (_shown(intent) if intent else {"status": "failed"}) | {"status": "failed"} | failure


def _shown(intent: dict[str, Any]) -> Answer:
    error = intent.get("last_payment_error") or {}
    action = intent.get("next_action") or {}
    status = _INTENTS.get(intent["status"], "processing")
    if status == "failed" and (intent.get("metadata") or {}).get("page"):
        status = "processing"  # on the page the payer may try another card, until it closes
    return {
        "id": intent["id"],
        "status": status,
        "amount": _major(intent["amount"]),
        "currency": intent["currency"].upper(),
        "action_url": (action.get("redirect_to_url") or {}).get("url", ""),
        "failure_code": _code(error) if status == "failed" else "",
        "failure_detail": str(error.get("message", ""))[:255] if status == "failed" else "",
    }


def _code(error: dict[str, Any]) -> str:
    """Our code for a refusal: the bank's own reason where it gives one that buyers can act on."""
    reason = str(error.get("decline_code") or error.get("code") or "declined")
    return "declined" if reason in ("generic_decline", "card_declined", "do_not_honor") else reason[:60]


def _refund(refund: dict[str, Any]) -> Answer:
    return {
        "id": refund["id"],
        "status": _REFUNDS.get(refund["status"], "processing"),
        "amount": _major(refund["amount"]),
        "currency": refund["currency"].upper(),
        "failure_code": refund.get("failure_reason") or "",
        "failure_detail": "",
    }


def _notice(event: dict[str, Any]) -> Notice:
    given = event["data"]["object"]
    about: dict[str, Any] = {}
    match given.get("object"):
        case "payment_intent":
            shown = _shown(given)
            about = {"kind": "charge", "charge_ref": shown["id"]} | _only(shown, "status", "amount", "currency")
            about |= _only(shown, "failure_code", "failure_detail")
            about["payment_id"] = (given.get("metadata") or {}).get("payment_id", "")
        case "checkout.session" if given["status"] == "expired":
            shown = _show_page(given)
            about = {"kind": "charge", "charge_ref": shown["id"]}
            about |= _only(shown, "status", "amount", "currency", "failure_code")
            about["payment_id"] = (given.get("metadata") or {}).get("payment_id", "")
        case "refund":
            shown = _refund(given)
            about = {"kind": "refund", "charge_ref": given.get("payment_intent") or "", "ref": shown["id"]}
            about |= _only(shown, "status", "amount", "currency", "failure_code")
            about["refund_id"] = (given.get("metadata") or {}).get("refund_id", "")
        case "dispute":
            about = {"kind": "dispute", "charge_ref": given.get("payment_intent") or "", "ref": given["id"]}
            about |= {"status": _DISPUTES.get(given["status"], "open"), "amount": _major(given["amount"])}
            about["currency"] = given["currency"].upper()
    return Notice(event_id=str(event["id"])[:120], type=str(event["type"])[:60], **about)


def _only(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}


def _ref(request: dict[str, Any]) -> str:
    if not request.get("ref"):
        raise TransientFault("the provider has not told its id of this charge yet")
    return str(request["ref"])


def _minor(amount: str) -> int:
    return int(Decimal(amount) * 100)


def _major(amount: int) -> str:
    return f"{Decimal(amount) / 100:.2f}"

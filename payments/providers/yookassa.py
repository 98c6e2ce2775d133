"""YooKassa through its own library: cards and the fast payment system. What its webhooks say is asked about."""

import ipaddress
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import refuse_inside_transaction
from core.errors import InvalidInput
from core.outside.provider_http import NoAnswer, Refused, TransientFault
from payments.errors import WebhookForged
from payments.providers.port import Answer, Capabilities, Notice, Provider

IPV6_NETWORK = "2a02:5180::/32"
"""Where YooKassa's notices may come from, by its documentation; the library names four small parts of it."""

_PAYMENTS = {"pending": "processing", "waiting_for_capture": "authorized", "succeeded": "succeeded"}
_REFUNDS = {"pending": "processing", "succeeded": "succeeded", "canceled": "failed"}
_BY_MERCHANT = ("canceled_by_merchant", "expired_on_capture")
_PAGES = 5


class YookassaProvider(Provider):
    """YooKassa's payments. It signs no webhooks: they come from its networks, and what they say is asked about."""

    name = "yookassa"
    capabilities = Capabilities(
        holds=True, finds_by_key=False, signs_webhooks=False, methods=frozenset({"card", "sbp"})
    )

    def charge(self, key: str, request: dict[str, Any]) -> Answer:
        """Create a payment: with a token at once, else on YooKassa's own page."""
        params: dict[str, Any] = {
            "amount": _money(request),
            "capture": request.get("capture", True),
            "description": request.get("description", "")[:128],
            "confirmation": {"type": "redirect", "return_url": request["return_url"]},
            "metadata": {"payment_id": request["payment_id"]},
        }
        if request["method"] == "sbp":
            params["payment_method_data"] = {"type": "sbp"}
        elif request["token"]:
            params["payment_token"] = request["token"]
        else:
            params["payment_method_data"] = {"type": "bank_card"}
        if request.get("receipt"):
            params["receipt"] = _receipt(request)
        return _payment(call(lambda api: api.payments.create(params, key)))

    def find_charge(self, key: str, request: dict[str, Any]) -> Answer | None:
        """By YooKassa's id if we have it, else by ours among the payments made since."""
        if request.get("ref"):
            return _payment(call(lambda api: api.payments.find_one(request["ref"])))
        wanted: dict[str, Any] = {"limit": 100} | (
            {"created_at.gte": request["created_at"]} if request.get("created_at") else {}
        )
        for _page in range(_PAGES):
            page = _listed(wanted)
            for row in page.get("items") or []:
                if (row.get("metadata") or {}).get("payment_id") == request["payment_id"]:
                    return _payment(row)
            if not page.get("next_cursor"):
                return None
            wanted = wanted | {"cursor": page["next_cursor"]}
        return None

    def capture(self, key: str, request: dict[str, Any]) -> Answer:
        """Take what the payment holds."""
        body = {"amount": _money(request)}
        return _payment(call(lambda api: api.payments.capture(_ref(request), body, key)))

    def cancel(self, key: str, request: dict[str, Any]) -> Answer:
        """Cancel what is held; what waits for the buyer or has ended is answered as it is, and lapses by itself."""
        try:
            return _payment(call(lambda api: api.payments.cancel(_ref(request), key)))
        except Refused:
            return _payment(call(lambda api: api.payments.find_one(_ref(request))))

    def refund(self, key: str, request: dict[str, Any]) -> Answer:
        """Give money of a payment back; our key travels as its description."""
        params: dict[str, Any] = {"payment_id": _ref(request), "amount": _money(request), "description": key}
        if request.get("receipt"):
            params["receipt"] = _receipt(request)
        return _refund(call(lambda api: api.refunds.create(params, key)))

    def find_refund(self, key: str, request: dict[str, Any]) -> Answer | None:
        """By our key among the refunds of the payment."""
        page = call(lambda api: api.refunds.list({"payment_id": _ref(request), "limit": 100}))
        return next((_refund(row) for row in page.get("items") or [] if row.get("description") == key), None)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str], address: str) -> Notice:
        """Check that the sender's address is YooKassa's. Its messages have no id: what they tell is one."""
        if not _is_theirs(address):
            raise WebhookForged
        try:
            message = json.loads(body)
            return _notice(str(message["event"]), message["object"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput("body", "invalid", _("The body is not a notification of YooKassa's.")) from error

    def confirm(self, notice: Notice) -> Notice:
        """Ask for the payment or refund itself."""
        if notice.kind == "charge":
            return _notice(notice.type, call(lambda api: api.payments.find_one(notice.charge_ref)))
        return _notice(notice.type, call(lambda api: api.refunds.find_one(notice.ref)))


def _listed(wanted: dict[str, Any]) -> dict[str, Any]:
    return call(lambda api: api.payments.list(wanted))


class _Api:
    """The library's payments, refunds and receipts, over a client with time limits: its own has none."""

    def __init__(self) -> None:
        import requests
        from yookassa import Payment, Receipt, Refund
        from yookassa.client import ApiClient

        class Client(ApiClient):  # type: ignore[misc]
            def get_session(self) -> Any:
                session = requests.Session()
                session.trust_env = False
                session.request = _limited(session.request)  # type: ignore[method-assign]
                return session

            def log_response(self, *args: Any) -> None:
                """Keep what banks answer out of our logs."""

            def get_response_info(self, response: Any) -> dict[str, Any]:
                return {}

            def request(self, *args: Any, **options: Any) -> Any:
                """As the library does, but a broken connection stays what it is."""
                method, path, query, headers, body = [*args, None, None, None, None][:5]
                if body is not None:
                    body.validate()
                    body = dict(body)
                return _read(self.execute(body, method, path, query, self.prepare_request_headers(headers)))

        class Payments(Payment):  # type: ignore[misc]
            def __init__(self) -> None:
                self.client = Client()

        class Refunds(Refund):  # type: ignore[misc]
            def __init__(self) -> None:
                self.client = Client()

        class Receipts(Receipt):  # type: ignore[misc]
            def __init__(self) -> None:
                self.client = Client()

        self.payments, self.refunds, self.receipts = Payments, Refunds, Receipts


def _limited(send: Callable[..., Any]) -> Callable[..., Any]:
    def act(*args: Any, **options: Any) -> Any:
        timeout = (settings.PROVIDER_CONNECT_TIMEOUT_S, settings.PROVIDER_TIMEOUT_S)
        return send(*args, **options | {"timeout": timeout, "allow_redirects": False})

    return act


@cache
def _api() -> _Api:
    return _Api()


def call(act: Callable[[_Api], Any]) -> dict[str, Any]:
    """Ask YooKassa something through its library, in plain words. Raises TransientFault, NoAnswer, Refused."""
    from yookassa import Configuration

    refuse_inside_transaction()
    Configuration.configure(settings.YOOKASSA_SHOP_ID, settings.YOOKASSA_SECRET_KEY, api_url=settings.YOOKASSA_URL)
    with _faults():
        plain: dict[str, Any] = json.loads(act(_api()).json())
        return plain


@contextmanager
def _faults() -> Iterator[None]:
    """Say the network's errors in our words."""
    import requests
    from urllib3.exceptions import NewConnectionError

    try:
        yield
    except requests.ConnectTimeout as error:
        raise TransientFault(repr(error)) from error
    except requests.RequestException as error:
        reason = getattr(error.args[0], "reason", None) if error.args else None
        raise (TransientFault if isinstance(reason, NewConnectionError) else NoAnswer)(repr(error)) from error


def _read(response: Any) -> Any:
    """The answer's object. 5xx may follow the deed, and so may 202, which says `ask again`; 429 never does."""
    status = response.status_code
    if status == 429:
        raise TransientFault("the provider answered 429")
    if status >= 500 or status == 202:
        raise NoAnswer(f"the provider answered {status}")
    try:
        data = response.json()
    except ValueError as error:
        raise NoAnswer(f"the provider answered {status} with something that is not JSON") from error
    if status >= 400:
        raise Refused(str(data.get("code", status)), str(data.get("description", "")))
    return data


def _payment(row: dict[str, Any]) -> Answer:
    confirmation = row.get("confirmation") or {}
    details = row.get("cancellation_details") or {}
    reason = str(details.get("reason", ""))
    status = _PAYMENTS.get(row["status"], "cancelled" if reason in _BY_MERCHANT else "failed")
    url = confirmation.get("confirmation_url") or ""
    return {
        "id": row["id"],
        "status": "requires_action" if status == "processing" and url else status,
        "amount": f"{Decimal(str(row['amount']['value'])):.2f}",
        "currency": row["amount"]["currency"],
        "action_url": url if status == "processing" else "",
        "failure_code": (reason or "declined")[:60] if status == "failed" else "",
        "failure_detail": "",
    }


def _refund(row: dict[str, Any]) -> Answer:
    status = _REFUNDS.get(row["status"], "processing")
    return {
        "id": row["id"],
        "status": status,
        "amount": f"{Decimal(str(row['amount']['value'])):.2f}",
        "currency": row["amount"]["currency"],
        "failure_code": (row.get("cancellation_details") or {}).get("reason", "") if status == "failed" else "",
        "failure_detail": "",
    }


def _notice(event: str, row: dict[str, Any]) -> Notice:
    kind = {"payment": "charge", "refund": "refund"}.get(event.partition(".")[0], "")
    if not kind:
        return Notice(event_id=f"{event}:{row['id']}"[:120], type=event[:60])
    shown = _payment(row) if kind == "charge" else _refund(row)
    return Notice(
        event_id=f"{event}:{row['id']}"[:120],
        type=event[:60],
        kind=kind,
        status=shown["status"],
        payment_id=(row.get("metadata") or {}).get("payment_id", "") if kind == "charge" else "",
        charge_ref=row["id"] if kind == "charge" else row["payment_id"],
        ref=row["id"] if kind == "refund" else "",
        amount=shown["amount"],
        currency=shown["currency"],
        failure_code=shown["failure_code"],
    )


def _is_theirs(address: str) -> bool:
    from yookassa.domain.common import SecurityHelper

    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(parsed in ipaddress.ip_network(item) for item in (IPV6_NETWORK, *settings.YOOKASSA_NETWORKS)):
        return True
    return bool(SecurityHelper().is_ip_trusted(address))


def _ref(request: dict[str, Any]) -> str:
    if not request.get("ref"):
        raise TransientFault("the provider has not told its id of this charge yet")
    return str(request["ref"])


def _money(request: dict[str, Any]) -> dict[str, str]:
    return {"value": request["amount"], "currency": request["currency"]}


MODES = {
    1: "full_prepayment", 2: "partial_prepayment", 3: "advance", 4: "full_payment", 7: "credit_payment",
}  # fmt: skip
"""Methods of paying (tag 1214) in YooKassa's words."""
VAT = {1: 4, 2: 3, 3: 6, 4: 5, 5: 2, 6: 1, 7: 7, 8: 8, 9: 9, 10: 10, 11: 11, 12: 12}
"""Codes of the tax (tag 1199) in YooKassa's numbers."""


def receipt_items(lines: list[dict[str, Any]], currency: str) -> list[dict[str, Any]]:
    """Return the lines of a receipt as YooKassa takes them."""
    return [
        {
            "description": line["name"],
            "quantity": str(line["quantity"]),
            "measure": "piece",
            "amount": {"value": line["unit_price"], "currency": currency},
            "vat_code": VAT[line["vat_code"]],
            "payment_mode": MODES[line["method"]],
            "payment_subject": "service" if line["subject"] == "insurance_premium" else line["subject"],
            **({"mark_code_info": {"gs_1m": line["marking_code"]}, "mark_mode": 0} if line["marking_code"] else {}),
            **_name_supplier(line.get("supplier")),
        }
        for line in lines
    ]


def _name_supplier(supplier: dict[str, str] | None) -> dict[str, Any]:
    """Return the agent's sign and the supplier of a line (tags 1222, 1224)."""
    if supplier is None:
        return {}
    phone = {"phone": supplier["phone"].removeprefix("+")} if supplier["phone"] else {}
    return {"agent_type": "agent", "supplier": {"name": supplier["name"], "inn": supplier["inn"], **phone}}


def _receipt(request: dict[str, Any]) -> dict[str, Any]:
    """Return the receipt that goes along with a payment or a refund."""
    contact, items = request["receipt"]["contact"], receipt_items(request["receipt"]["lines"], request["currency"])
    return {"customer": customer(contact), "items": items}


def customer(contact: str) -> dict[str, str]:
    """Return the buyer as YooKassa names one: by an e-mail address or a telephone number."""
    return {"phone": contact.removeprefix("+")} if contact.startswith("+") else {"email": contact}

"""ATOL Online, protocol v5 (formats of fiscal documents 1.2): a token, a receipt, and a report that is asked for."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings

from core.clock import dealer_zone
from core.outside.provider_http import JsonProvider, Refused
from payments.providers.fiscal.port import Answer, FiscalOperator

_ATOL = JsonProvider("ATOL Online", "ATOL_URL")
_OPERATIONS = {"sale": "sell", "sale_return": "sell_refund", "purchase": "buy", "purchase_return": "buy_refund"}
_CORRECTIONS = {
    "sale": "sell_correction",
    "sale_return": "sell_refund_correction",
    "purchase": "buy_correction",
    "purchase_return": "buy_refund_correction",
}
_METHODS = {
    1: "full_prepayment", 2: "prepayment", 3: "advance", 4: "full_payment", 7: "credit_payment",
}  # fmt: skip
_VAT = {
    1: "vat20", 2: "vat10", 3: "vat120", 4: "vat110", 5: "vat0", 6: "none", 7: "vat5", 8: "vat7", 9: "vat105",
    10: "vat107", 11: "vat22", 12: "vat122",
}  # fmt: skip
_ELECTRONIC, _ADVANCE = 1, 2
_AGENT = "another"
"""Who sells neither as an attorney nor as a commission agent (tag 1222)."""
_KNOWN_ALREADY = "33"
_BAD_TOKENS = frozenset({"10", "11", "12", "401"})
"""Codes of a token that is missing, unknown or has run out."""
TOKEN_S = 12 * 3600
"""How long a token is used; ATOL keeps one for 24 hours."""


class AtolOperator(FiscalOperator):
    """ATOL Online. Our key is its `external_id`: a receipt sent again is answered with the id it had."""

    name = "atol"

    def __init__(self) -> None:
        self._token, self._until = "", 0.0

    def register(self, key: str, receipt: dict[str, Any]) -> Answer:
        """Hand the receipt over; it is registered in the seconds that follow."""
        is_correction = receipt["kind"] == "correction"
        path = (_CORRECTIONS if is_correction else _OPERATIONS)[receipt["operation"]]
        body = _document(key, receipt, is_correction=is_correction)
        try:
            taken = self._ask("POST", path, body)
        except Refused as refused:
            uuid = str(refused.data.get("uuid") or "")
            if refused.code != _KNOWN_ALREADY or not uuid:
                raise
            return {"status": "pending", "id": uuid}
        return {"status": "pending", "id": str(taken["uuid"])}

    def find(self, key: str, receipt: dict[str, Any]) -> Answer | None:
        """Ask for the report on a receipt whose id we have; of another only sending it again tells."""
        if not receipt.get("ref"):
            return None
        return _report(self._ask("GET", f"report/{receipt['ref']}", None))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """Exchange with a token; one that is not taken any more is asked for anew, once."""

        def act() -> dict[str, Any]:
            headers = {"Token": self._find_token()}
            return _told(lambda: _ATOL.ask(method, f"/{settings.ATOL_GROUP}/{path}", body=body, headers=headers))

        try:
            return act()
        except Refused as refused:
            if refused.code not in _BAD_TOKENS:
                raise
            self._until = 0.0
            return act()

    def _find_token(self) -> str:
        if time.monotonic() >= self._until:
            asked = {"login": settings.ATOL_LOGIN, "pass": settings.ATOL_PASSWORD}
            self._token = str(_told(lambda: _ATOL.ask("POST", "/getToken", body=asked))["token"])
            self._until = time.monotonic() + TOKEN_S
        return self._token


def _told(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Read the errors that ATOL puts into an object of their own, whatever the status. Raises Refused."""
    try:
        data = act()
    except Refused as refused:
        data = refused.data
        if not isinstance(data.get("error"), dict):
            raise
    error = data.get("error")
    is_report = "payload" in data
    if isinstance(error, dict) and not is_report:
        raise Refused(str(error.get("code", "")), str(error.get("text", "")), data)
    return data


def _report(data: dict[str, Any]) -> Answer:
    answer: Answer = {"id": str(data.get("uuid", ""))}
    if data.get("status") == "done":
        paid = data["payload"]
        return answer | {
            "status": "registered",
            "fiscal_number": str(paid["fiscal_document_number"]),
            "fiscal_sign": str(paid["fiscal_document_attribute"]),
            "storage_number": str(paid["fn_number"]),
            "registered_at": _moment(paid["receipt_datetime"]),
        }
    if data.get("status") == "fail":
        error = data.get("error") or {}
        return answer | {
            "status": "refused",
            "failure_code": f"atol_{error.get('code', 'failed')}",
            "failure_detail": str(error.get("text", "")),
        }
    return answer | {"status": "pending"}


def _moment(text: str) -> str:
    return datetime.strptime(text, "%d.%m.%Y %H:%M:%S").replace(tzinfo=dealer_zone()).isoformat()


def _document(key: str, receipt: dict[str, Any], *, is_correction: bool) -> dict[str, Any]:
    at = datetime.fromisoformat(receipt["settled_at"]).astimezone(dealer_zone())
    said = {
        "client": {"phone" if receipt["contact"].startswith("+") else "email": receipt["contact"]},
        "company": {
            "email": settings.FISCAL_EMAIL,
            "sno": settings.FISCAL_TAX_SYSTEM,
            "inn": settings.FISCAL_INN,
            "payment_address": settings.FISCAL_PAYMENT_ADDRESS,
        },
        "items": [_item(line) for line in receipt["lines"]],
        "payments": [
            {"type": _ADVANCE if receipt["paid_as"] == "advance" else _ELECTRONIC, "sum": float(receipt["amount"])}
        ],
        "total": float(receipt["amount"]),
    }
    if is_correction:
        basis = {"type": "self", "base_date": at.strftime("%d.%m.%Y")}
        if receipt["order_number"]:
            basis |= {"type": "instruction", "base_number": receipt["order_number"]}
        said["correction_info"] = basis
        if receipt["corrects_sign"]:
            said["additional_check_props"] = receipt["corrects_sign"]
    return {
        "external_id": key,
        "timestamp": at.strftime("%d.%m.%Y %H:%M:%S"),
        "correction" if is_correction else "receipt": said,
    }


def _item(line: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {
        "name": line["name"],
        "price": float(line["unit_price"]),
        "quantity": line["quantity"],
        "measure": 0,
        "sum": float(line["amount"]),
        "payment_method": _METHODS[line["method"]],
        "payment_object": line["subject_code"],
        "vat": {"type": _VAT[line["vat_code"]]},
    }
    if line.get("vat_amount") is not None:
        item["vat"]["sum"] = float(line["vat_amount"])
    if supplier := line.get("supplier"):
        phones = [supplier["phone"]] if supplier["phone"] else []
        item |= {
            "agent_info": {"type": _AGENT},
            "supplier_info": {"name": supplier["name"], "inn": supplier["inn"], "phones": phones},
        }
    if line["marking_code"]:
        item |= {"mark_code": {"gs1m": line["marking_code"]}, "mark_processing_mode": "0"}
    return item

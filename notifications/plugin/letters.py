"""Made-up news of every kind, as letters: for the page of previews, and for the test that reads them all."""

from typing import Any
from uuid import UUID

from django.utils import timezone, translation

from core.outside.letters import Letter
from notifications.models import Channel, Kind, Notification, Recipient
from notifications.queries.letters import compose_letter
from notifications.rules import texts
from notifications.rules.letters import Purchase, write_piece

_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
_IDS = dict.fromkeys(
    ("order_id", "offer_id", "product_id", "event_id", "search_id", "application_id", "loan_id", "policy_id",
     "claim_id", "webhook_id", "test_drive_id"),
    _ID,
)  # fmt: skip
_CAR = "LADA Vesta SW Cross 2026"
_PURCHASE = Purchase(number="2026-000417", goods=_CAR, total_amount="1745000.00", currency="RUB")
_SUM = {"amount": "1316328.18", "currency": "RUB"}
_ORDER = {"number": _PURCHASE.number}
_MOMENT = "2026-11-30T12:00:00Z"
_ATTENTION = _ORDER | {"leg": "payment", "detail": "500000.00 RUB"}
_DRIVE = {"car_name": _CAR, "start_time": _MOMENT, "time_zone": "Europe/Moscow"}
_HANDOVER = _ORDER | {"start_time": _MOMENT, "time_zone": "Europe/Moscow", "location": "Haval Hall"}
_TITLE = {"title": "Haval Day"}
SAMPLES: dict[Kind, tuple[dict[str, Any], ...]] = {
    Kind.ORDER: (
        *(_ORDER | {"status": status} for status in
          ("created", "paid", "in_progress", "ready", "completed", "cancelled", "refunded", "returning", "returned")),
        _ORDER | {"status": "completed", "previous": "returning"},
    ),
    Kind.MESSAGE_SENT: (_ORDER,),
    Kind.ANSWER_WANTED: (_ORDER,),
    Kind.HANDOVER_CONFIRMED: (_HANDOVER, _HANDOVER | {"is_moved": True}),
    Kind.HANDOVER_ENDED: tuple(_HANDOVER | {"outcome": outcome} for outcome in ("refused", "lost", "cancelled")),
    Kind.HANDOVER_REMINDER: (_HANDOVER,),
    Kind.HOLD_ENDING: (_ORDER | {"expires_at": _MOMENT},),
    Kind.DEPOSIT_PAID: (_ORDER | _SUM | {"until": _MOMENT},),
    Kind.DEPOSIT_KEPT: (_ORDER | _SUM,),
    Kind.DEPOSIT_RETURNED: (_ORDER | _SUM,),
    Kind.DEPOSIT_HELD: (_ORDER | _SUM,),
    Kind.DEPOSIT_FORFEITED: (_ORDER | _SUM | {"reason": "24.11"},),
    Kind.DEPOSIT_DOUBLED: (_ORDER | _SUM | {"reason": "24.11"},),
    Kind.CAR_OFFERED: ({"name": _CAR, "expires_at": _MOMENT},),
    Kind.CAR_OFFER_ENDING: ({"name": _CAR, "expires_at": _MOMENT},),
    Kind.QUEUE_LEFT: tuple(
        {"name": _CAR, "outcome": outcome, "reason": "24.11"} for outcome in ("lapsed", "skipped", "sold", "gone")
    ),
    Kind.OFFER_SENT: (
        {"number": "2026-000012", "total_amount": "1745000.00", "currency": "RUB", "valid_until": "2026-12-05"},
    ),
    Kind.AGREEMENT_NEEDED: (_ORDER | _SUM,),
    Kind.PAYMENT_COMPLETED: (_SUM,),
    Kind.PAYMENT_FAILED: (_SUM | {"code": "insufficient_funds"},),
    Kind.PAYMENT_REFUNDED: (_SUM,),
    Kind.REGISTRATION_CREATED: (
        _TITLE | {"status": "confirmed"},
        _TITLE | {"status": "offered", "offer_expires_at": _MOMENT},
        _TITLE | {"status": "offered", "offer_expires_at": None},
        _TITLE | {"status": "waitlisted"},
    ),
    Kind.REGISTRATION_PROMOTED: (_TITLE,),
    Kind.REGISTRATION_CANCELLED: (_TITLE,),
    Kind.HAPPENING_CANCELLED: (_TITLE | {"reason": ""},),
    Kind.SEAT_OFFERED: (_TITLE | {"expires_at": _MOMENT},),
    Kind.HAPPENING_REMINDER: (
        _TITLE | {"start_date": _MOMENT, "time_zone": "Europe/Moscow", "location": "Haval Hall"},
    ),
    Kind.DRIVE_CONFIRMED: (_DRIVE, _DRIVE | {"is_moved": True}),
    Kind.DRIVE_ENDED: tuple(
        {"car_name": _CAR, "outcome": outcome, "reason": ""}
        for outcome in ("refused", "cancelled", "broken", "sold", "no_show")
    ),
    Kind.DRIVE_REMINDER: (_DRIVE,),
    Kind.SEARCH_MATCHED: ({"name": "Vesta", "count": 3},),
    Kind.LOAN_APPROVED: (_SUM | {"term_months": 36, "monthly_payment": "45200.00", "expires_at": _MOMENT},),
    Kind.LOAN_REJECTED: ({"reasons": ["dti"], "detail": ""},),
    Kind.LOAN_DISBURSED: (_SUM,),
    Kind.LOAN_DUE: (_SUM | {"due_date": "2026-11-30"},),
    Kind.LOAN_REFUSED: (_SUM | {"code": "insufficient_funds"},),
    Kind.LOAN_REDATED: (_SUM | {"payments": 2, "old_due_date": "2026-11-30", "due_date": "2026-12-01"},),
    Kind.LOAN_OVERDUE: ({"overdue_amount": "45200.00", "currency": "RUB", "due_date": "2026-10-30"},),
    Kind.LOAN_CLOSED: ({"reason": "repaid"},),
    Kind.POLICY_PURCHASED: tuple(
        {"insurance_type": kind, "premium": "13400.00", "currency": "RUB", "start_date": "2026-12-01",
         "end_date": "2027-11-30"} for kind in ("osago", "kasko")
    ),
    Kind.POLICY_ENDING: ({"insurance_type": "osago", "end_date": "2026-12-31"},),
    Kind.INSTALMENT_DUE: (_SUM | {"due_date": "2026-11-30"},),
    Kind.INSTALMENT_OVERDUE: (_SUM | {"due_date": "2026-10-30", "grace_until": "2026-11-14"},),
    Kind.POLICY_SUSPENDED: (_SUM | {"covered_through": "2026-10-30", "ends_after": "2026-12-30"},),
    Kind.CLAIM_DOCUMENTS: ({"documents": [["photo"]]},),
    Kind.CLAIM_DECIDED: tuple(
        _SUM | {"decision": decision, "reason": ""} for decision in ("approved", "partially_approved", "rejected")
    ),
    Kind.CLAIM_PAID: (_SUM,),
    Kind.SIGNED_IN: ({"at": _MOMENT},),
    Kind.ATTENTION_NEEDED: tuple(
        _ATTENTION | {"cause": cause} for cause in
        ("trade_in_offered", "trade_in_owed", "trade_in_entered", "trade_in_surplus", "trade_in_left", "trade_in_kept",
         "trade_in_unpaid", "return_asked", "fault_unstated", "second_half_failed", "hold_ending", "undo_overdue",
         "hold_over", "delivery_parked", "refunded_after_handover", "payment_timed_out")
    ),
    Kind.STOCK_LOW: ({"sku": "OIL-5W30", "available": 2, "threshold": 3},),
    Kind.WEBHOOK_DISABLED: tuple(
        {"url": "https://hooks.example.com/cars", "reason": reason} for reason in ("gone", "failing")
    ),
}  # fmt: skip
"""Values of each kind of news, as its event tells them; ids of what it is about are the same in all."""
GATHERED = (Kind.ORDER, Kind.PAYMENT_COMPLETED, Kind.POLICY_PURCHASED)
"""Kinds that a purchase brings at once: the sample of a letter that gathers."""


def write_samples(language: str) -> dict[str, Letter]:
    """Return a letter of each kind of news in a language, and one that gathers several."""
    reader = Recipient(user_id=UUID(_ID), full_name="Anna", language=language)
    letters: dict[str, Letter] = {}
    for kind, variants in SAMPLES.items():
        for number, values in enumerate(variants, 1):
            name = f"{kind.value}-{number}" if len(variants) > 1 else kind.value
            letters[name] = _write([_make_news(kind, values, reader)], reader)
    parts = [_make_news(kind, SAMPLES[kind][0], reader) for kind in GATHERED]
    return letters | {Kind.DIGEST.value: _write(parts, reader)}


def _make_news(kind: Kind, values: dict[str, Any], reader: Recipient) -> Notification:
    text = texts.render(kind, values, reader.language, reader.zone)
    return Notification(
        user_id=reader.user_id, kind=kind, channel=Channel.EMAIL, title=text.title, body=text.body,
        data=_IDS | values, created_at=timezone.now(),
    )  # fmt: skip


def _write(parts: list[Notification], reader: Recipient) -> Letter:
    with translation.override(reader.language):
        pieces = tuple(
            write_piece(
                part.kind, part.data, title=part.title, text=part.body, zone=reader.zone,
                purchase=None if part.kind == Kind.STOCK_LOW else _PURCHASE,
            )
            for part in parts
        )  # fmt: skip
        message = parts[0]
        if len(parts) > 1:
            gathered = {"headline": parts[0].title, "others": len(parts) - 1, "text": ""}
            message = _make_news(Kind.DIGEST, gathered, reader)
        return compose_letter(message, {part.kind for part in parts}, pieces, reader)

"""Classify every field of every table, event and JSON document: it tells of a person, or it does not.

Ids, sums, counts, flags, moments and choices from our own lists tell of a person only beside what is classified here:
texts, dates, JSON, files and bytes. An app's `personal.py` says of each of them that it is blanked or deleted
(`people.personal.holds`), that a service forgets it (`forgets`), that it is kept and why (`keeps`), or that it tells
of goods, terms and business and of nobody (`plain`). Keys of JSON and fields of events are known by their names.
"""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Field, JSONField, Model

from core.events import REGISTRY, Message
from messaging.people.endings import Ending, declare
from messaging.people.personal import PERSONAL_KEYS, delete, holdings

FREE = frozenset(
    {
        *("CharField", "TextField", "EmailField", "SlugField", "URLField", "JSONField", "ArrayField"),
        *("BinaryField", "FileField", "ImageField", "DateField", "GenericIPAddressField"),
    }
)
"""Kinds of fields that may hold words, or dates of a life."""
_PLAIN_WORDS = """
account accountant actor additions agreed allocation_order allowance_amount allowances amount amount_due amount_financed
amount_paid amount_payable annual_rate application approve_dti_percent approved_amount assessed_amount at attempt
auto_accept available average_payment balance balloon bank bank_name bik booking_id breakdown buyer capacity capture
car_name category cause ceiling charge_key checks city code commission Content-Type correspondent_account cost costs
counter_offer coverage_amount covered_through created_at currency data day_count decision deductible director
discount_amount discount_total discounts documents door down_payment due_date due_now due_shift earned effective_date
email_verified employment end_date end_time ends_after engine_power ETag expires_at facts failure_code fault fee_lent
fees financing_type first_period from_person funding goods goods_amount grace_until granted_at hard_end hold id
if_declined inn instalments insurance_amount insurance_type insurer interest_rounding is_accepted is_active is_aggregate
is_agreed is_at_bank is_automatic is_birth_date_required is_conditional_deductible is_default is_deleted is_first
is_first_loss is_given is_in_service is_kept is_market_basis is_moved is_paid is_pledged_outside is_sold is_used
keep_amount key kind kpp language last_date later leg leg.disbursement leg.loan leg.payment leg.policies leg.stock
leg.trade_in levels limit line_total lines list_price living_minimum location make margin_cost marked_as marking
marking_code max_age_at_end max_amount max_ltv_insured_percent max_ltv_percent max_ltv_used_percent max_psk_percent
max_share_percent max_term_months max_vehicle_age method mileage min_age min_amount min_down_payment_percent
min_down_payment_used_percent min_first_period_days min_term_months missing model month_end monthly_payment name number
occurred_at offer_expires_at ogrn old_due_date on_hand order order_total ordered_at outcome overdue_amount owner
paid_amount part parts payable_amount payment_day payment_rounding payment_unit payments payoff_rule penalty_amount
policies power_hp premium premium_difference premium_lent premium_paid previous price product_ids programme
programme_version proposed_amount psk purpose quantity query quotes rated_on read_at reasons receipt ref reference
refund_amount refund_follows refund_pending refunded refunded_alone refunded_total regimes region renewal_of replaces
reply_due_at request reservation_expires_at residual_limits resource_ids return_url review_dti_percent
review_irregular_income_above roles rules saga.state saga.step secured_amount seller set_off_amount settlement
share_after shortfalls side sku source stage start_date start_time state status stock_version subject subject_type
supplier surplus taken_off tariff tariff_revision tax_id taxed_as taxed_ground telephone term_months test_drive_role
text_version threshold time_zone title today total total_amount trade_in trade_in_amount traded_in transit_days
transit_months type unit_price until updated_at url user_ids valid_until value vat_ground vat_kind vat_rate vehicle_make
vehicle_model vehicle_price vehicle_value vehicle_vin vehicle_year vehicles version version_number vin year
"""
PLAIN_KEYS = frozenset(_PLAIN_WORDS.split())
"""Names of what tells of goods, terms and business. An event that means a person by one declares it `personal`."""
PLUMBING = ("messaging", "gateway")
_said: dict[tuple[type[Model], str], str] = {}
PLAIN = "not personal"
_BY = "messaging.people.personal.erase"
_PLUMBING = {
    "messaging.EventStream": ("", "aggregate aggregate_id"),
    "messaging.OutboxEvent": ("data", "aggregate aggregate_id type headers"),
    "messaging.InboxEvent": ("data last_error", "handler source aggregate aggregate_id partition_key type headers"),
    "messaging.InboxCursor": ("", "source handler pause_reason"),
    "messaging.InboxShard": ("", "handler"),
    "messaging.Timer": ("data", "handler partition_key type"),
    "messaging.ExternalCall": ("request response last_error", "operation provider headers"),
    "messaging.SinkCursor": ("", "last_error"),
    "gateway.IdempotencyKey": ("body", "route key fingerprint headers"),
    "gateway.Approval": ("reason evidence args decision_reason", "kind subject_type number currency barred"),
    "gateway.Reading": ("reader_address", "kind reader_role request_id"),
    "gateway.SwitchTurn": ("", "name reason"),
    "gateway.GivenAway": ("", "day pool currency"),
    "gateway.KnownPerson": ("name phone email search_text", ""),
}
"""Tables that stand in every database: what `erase` empties of a person, and what tells of nobody."""


def plain(model: type[Model], fields: str) -> None:
    """Declare fields that tell of goods, terms and business, and of nobody."""
    _said.update({(model, name): PLAIN for name in fields.split()})


def forgets(model: type[Model], fields: str, by: str) -> None:
    """Declare personal fields that something other than `holds` empties: `by` is the function that does."""
    _said.update({(model, name): f"personal; emptied by `{by}`" for name in fields.split()})


def keeps(model: type[Model], fields: str, *, why: str, until: str, ends: Ending) -> None:
    """Declare personal fields that outlive an erasure: which duty makes us keep them, how long, and how they end."""
    for name in fields.split():
        declare(model._meta.app_label, f"{model._meta.model_name}.{name}", ends)
    _said.update({(model, name): f"personal; kept, {why}; until {until}" for name in fields.split()})


def describe_field(model: type[Model], item: "Field[Any, Any]") -> str:
    """Say what becomes of a field at an erasure, in a sentence; empty if nobody has said."""
    if model._meta.label in _PLUMBING:
        emptied, rest = (fields.split() for fields in _PLUMBING[model._meta.label])
        return f"personal; emptied by `{_BY}`" if item.attname in emptied else PLAIN if item.attname in rest else ""
    if (model, item.attname) in _said:
        return _said[model, item.attname]
    holding = next((one for one in holdings(model._meta.app_label) if one.model is model), None)
    if holding is None:
        return ""
    if holding.erase is delete:
        return "personal; its row is deleted"
    if item.attname in holding.blank:
        return "personal; blanked"
    return "personal by the keys inside; these are emptied" if isinstance(item, JSONField) else ""


def free_fields(model: type[Model]) -> "list[Field[Any, Any]]":
    """Fields of a table that somebody has to classify."""
    found = [item for item in model._meta.concrete_fields if not (item.primary_key or item.is_relation or item.choices)]
    return [item for item in found if item.get_internal_type() in FREE]


def list_models(app: str) -> list[type[Model]]:
    """An app's own tables."""
    return list(apps.get_app_config(app).get_models())


def unclassified() -> list[str]:
    """Fields of tables and events of which nobody has said whether they tell of a person."""
    tables = [
        f"{model._meta.label}.{item.attname}"
        for app in [*settings.APPS, *PLUMBING]
        for model in list_models(app)
        for item in free_fields(model)
        if not describe_field(model, item)
    ]
    return tables + [f"{event.type}.{name}" for event in REGISTRY.values() for name in _unknown_in(event)]


def _unknown_in(event: type[Message]) -> list[str]:
    known = PERSONAL_KEYS | PLAIN_KEYS | set(event.personal)
    return [name for name in event.__struct_fields__ if name not in known and not name.endswith(("_id", "_by"))]


def render() -> str:
    """docs/personal-data.md."""
    lines = [_HEAD]
    for app in [*settings.APPS, *PLUMBING]:
        rows = [
            f"| `{model._meta.model_name}.{item.attname}` | {standing} |"
            for model in list_models(app)
            for item in free_fields(model)
            if (standing := describe_field(model, item)) != PLAIN
        ]
        if rows:
            lines.append(f"## {app}\n\n| Field | At an erasure |\n| --- | --- |\n" + "\n".join(rows) + "\n")
    keys = ", ".join(f"`{key}`" for key in sorted(PERSONAL_KEYS))
    lines.append(
        f"## Events and JSON\n\nEmptied wherever they stand: {keys}.\n\n| Event | Personal too |\n| --- | --- |"
    )
    personal = [event for event in REGISTRY.values() if event.personal]
    lines += [
        f"| `{event.type}` | {', '.join(f'`{name}`' for name in event.personal)} |"
        for event in sorted(personal, key=lambda event: event.type)
    ]
    return "\n".join(lines) + "\n"


_HEAD = """# Personal data

Written from the declarations in each app's `personal.py` by `manage.py personal_data`; a field that nobody has
classified fails a test. Listed are the fields that tell of a person and what becomes of them at an erasure; all
others tell of goods, terms and business. Ids, sums, counts, flags, moments and choices stay, so that the books keep
their meaning.

What is kept ends by itself (`manage.py end_kept_data`, every night). Whoever reads another person's papers leaves a
trace, which the person finds in their export. From the question what ties a person on, nothing new begins for them.
Who was erased stands in a list outside the databases, for what a restored backup brings back
([ADR 13](adr/0013-people-who-leave.md)).
"""

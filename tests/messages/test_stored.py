"""Messages that were stored before commands had classes of their own are still read, and still obeyed."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from core.events import REGISTRY
from financing.events import LoanPaymentReceived
from messaging.subscriptions import subscriptions
from payments import commands

STORED = json.loads((Path(__file__).parent / "stored.json").read_text())
"""One message of each kind with all its fields, as the release before wrote it, and the handlers that it went to."""
HEARD = [(handler, name) for name, kept in STORED.items() for handler in kept["heard_by"]]


@pytest.mark.parametrize("name", STORED)
def test_a_stored_message_is_read_and_would_be_written_the_same(name):
    kept = STORED[name]["data"]
    written = msgspec.to_builtins(msgspec.json.decode(json.dumps(kept), type=REGISTRY[name]))
    assert narrow_to_fields(kept, written) == kept


def narrow_to_fields(kept, written):
    """What is written, in the fields that the release before knew, at whatever depth: later ones are added."""
    if isinstance(kept, dict):
        return {field: narrow_to_fields(value, written[field]) for field, value in kept.items()}
    if isinstance(kept, list):
        return [narrow_to_fields(value, each) for value, each in zip(kept, written, strict=True)]
    return written


@pytest.mark.parametrize(("handler", "name"), HEARD)
def test_every_handler_still_hears_it_in_its_partition(handler, name):
    item, kept = subscriptions()[handler], STORED[name]["data"]
    assert item.partition_key("aggregate", kept)
    assert REGISTRY[name].app() in item.sources
    understood = item.read(name, json.dumps(kept))
    assert understood
    assert all(isinstance(message, item.messages) for message in understood)


def understood(handler, name, **changes):
    return subscriptions()[handler].read(name, json.dumps(STORED[name]["data"] | changes))


def test_a_change_of_a_policy_is_paid_or_given_back():
    (more,) = understood("payments.serve_policy", "insurance.endorsed", premium_difference="70.00")
    assert isinstance(more, commands.PostPremium)
    assert (more.amount, more.order_id, more.commission) == (Decimal(70), None, None)
    change = {"premium_difference": "-70.00", "taken_off": "20.00", "refunded_alone": "5"}
    (less,) = understood("payments.serve_policy", "insurance.endorsed", **change)
    assert isinstance(less, commands.PostPremiumReturn)
    assert (less.amount, less.refunded_alone) == (Decimal(50), Decimal(5))
    kept = STORED["insurance.endorsed"]["data"]
    assert (str(less.order_id), less.attempt) == (kept["order_id"], kept["version_number"])


def test_of_a_premium_that_follows_in_parts_what_is_paid_is_booked():
    (part,) = understood("payments.serve_policy", "insurance.purchased", premium="900.00", premium_paid="300.00")
    (whole,) = understood("payments.serve_policy", "insurance.purchased", premium="900.00", premium_paid=None)
    assert (part.amount, whole.amount, whole.attempt) == (Decimal(300), Decimal(900), 1)
    assert str(whole.order_id) == STORED["insurance.purchased"]["data"]["order_id"]


def test_an_offer_nobody_accepted_promises_nothing():
    assert understood("payments.follow_loan", "financing.approved", is_accepted=False) == []


def test_what_a_bank_collected_itself_is_not_passed_on():
    assert understood("payments.serve_loan", LoanPaymentReceived.type, request_id=None) == []


def test_an_order_that_no_trade_in_covers_is_owed_whole():
    (order,) = understood("payments.copy_orders", "order.created", amount_payable=None, total_amount="100.00")
    (covered,) = understood("payments.copy_orders", "order.updated", amount_payable="60.00", total_amount="100.00")
    assert (order.amount, covered.amount) == (Decimal(100), Decimal(60))


def test_a_cancelled_order_is_marked_and_its_account_closed():
    (status,) = understood("payments.copy_orders", "order.cancelled")
    (account,) = understood("payments.serve_checkout", "order.cancelled", refund_follows=True)
    assert (status.status, account.refund_follows) == ("cancelled", True)


@pytest.mark.parametrize("name", ["test_drive.started", "test_drive.ended"])
def test_a_drive_in_a_car_that_is_not_for_sale_is_nothing_to_the_catalogue(name):
    assert understood("catalog.follow_test_drives", name, product_id=None) == []

"""The check of the books finds every kind of corruption, names the rows, and calls clean books clean."""

import json
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

import catalog.tests.make
import financing.tests.make
import resources.tests.make
import showroom.tests.make
from config.databases import APPS
from core.ids import uuid7
from insurance.public import estimate
from insurance.tests.make import OSAGO
from messaging.models import EventStream, OutboxEvent
from messaging.subscriptions import subscriptions
from messaging.testing import drain_outbox
from messaging.transport.cursors import pause, resume
from notifications.models import Notification
from orders.models import Order
from orders.services import Actor, ProductLine, place_order
from payments.commands import Means
from payments.models import Payment
from payments.providers.sandbox import SandboxProvider
from payments.services import capture_payment, create_payment
from resources.models import Allocation
from showroom.models import Drive, DriveCar

pytestmark = pytest.mark.django_db(databases=[*APPS])


@dataclass(frozen=True)
class Dealership:
    """A car sold on credit with a policy, another one held, a full happening, a resource in use."""

    product: UUID
    sold: UUID
    held: UUID
    payment: UUID
    happening: UUID
    resource: UUID


def order(product_id, **options):
    buyer = uuid7()
    made = place_order(
        customer_id=buyer,
        actor=Actor(buyer, frozenset({"client"})),
        lines=[ProductLine(product_id, 1)],
        now=timezone.now(),
        **options,
    )
    drain_outbox()
    return Order.objects.get(pk=made.id)


def pay(found):
    """Take cash, by somebody of its own: what one person may believe in a day is limited."""
    manager = uuid7()
    payment = create_payment(
        order_id=found.id,
        means=Means("cash"),
        amount=found.amount_due - found.loan_amount,
        actor_id=manager,
        is_staff=True,
        now=timezone.now(),
    )
    capture_payment(payment_id=payment.id, actor_id=manager, now=timezone.now())
    drain_outbox()
    return payment


@pytest.fixture(scope="module")
def dealership(lasting):
    """Every test spoils it in a way of its own, and is undone."""
    financing.tests.make.programme()
    product = catalog.tests.make.product(stock=3, price=Decimal("2000000.00"))
    drain_outbox()
    loan = financing.tests.make.ASKED
    sold = order(product.id, financing=loan, insurance=[OSAGO], policies=[("OSAGO", estimate(OSAGO))])
    payment = pay(sold)
    assert Order.objects.get(pk=sold.id).status == "paid"
    happening = showroom.tests.make.happening(capacity=2)
    for _ in range(2):
        showroom.tests.make.registration(happening)
    resource = resources.tests.make.resource(quantity=2)
    for _ in range(2):
        resources.tests.make.allocation(resource, 1, 2)
    held = order(product.id)
    drain_outbox()
    return Dealership(product.id, sold.id, held.id, payment.id, happening.id, resource.id)


def corrupt(alias, *statements):
    """Write past every service, trigger and foreign key, as a bad restore or a hand in the database would."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for sql, *parameters in statements:
            cursor.execute(sql, parameters)
            assert cursor.rowcount, f"nothing was corrupted by {sql}"
        cursor.execute("SET LOCAL session_replication_role = origin")


def without_checks(alias, table):
    """Drop a table's CHECKs, as if an older version of it had not had them."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", [table])
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def check(*, fails):
    out, err = StringIO(), StringIO()
    try:
        call_command("check_books", "--json", "--wait", "0", stdout=out, stderr=err)
        code = 0
    except SystemExit as end:
        code = end.code
    report = json.loads(out.getvalue())
    assert (code, report["clean"]) == ((1, False) if fails else (0, True)), report
    return report


def found():
    """(kind, ids) of everything that disagrees."""
    report = check(fails=True)
    return [(item["kind"], set(item["ids"].values())) for items in report["disagreements"].values() for item in items]


def assert_found(kind, *ids):
    seen = found()
    assert any(one == kind and {str(item) for item in ids} <= names for one, names in seen), seen


def value(alias, sql, *parameters):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def test_clean_books_are_clean(dealership):
    report = check(fails=False)
    assert report["under_way"] == 0
    out = StringIO()
    call_command("check_books", "--wait", "0", stdout=out)
    assert "books are clean" in out.getvalue()
    assert "BAD" not in out.getvalue()


def test_what_a_paused_handler_has_not_read_is_under_way(dealership):
    name = next(one.name for one in subscriptions().values() if one.alias == "payments" and "orders" in one.sources)
    pause(name, "orders", reason="a look at it")
    order(dealership.product)
    report = check(fails=False)
    assert (report["paused"], report["under_way"]) == ([name], 1)
    out = StringIO()
    call_command("check_books", "--wait", "30", stdout=out)  # nobody waits for what only people can move
    assert f"paused and behind: {name}" in out.getvalue()
    resume(name, "orders")
    drain_outbox()
    report = check(fails=False)
    assert (report["paused"], report["under_way"]) == ([], 0)


def test_the_report_for_people_names_the_rows_too(dealership):
    corrupt("catalog", ("UPDATE catalog_product SET on_hand = on_hand + 1 WHERE id = %s", dealership.product))
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("check_books", "--wait", "0", stdout=out)
    assert end.value.code == 1
    assert f"stock_on_hand: product_id {dealership.product}" in out.getvalue()
    assert out.getvalue().rstrip().endswith("1 disagreements")


# Stock ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("column", "kind"), [("on_hand = on_hand + 1", "stock_on_hand"), ("reserved = reserved + 1", "stock_reserved")]
)
def test_stock_that_is_off_by_one(dealership, column, kind):
    corrupt("catalog", (f"UPDATE catalog_product SET {column} WHERE id = %s", dealership.product))
    assert_found(kind, dealership.product)


def test_a_movement_that_is_missing(dealership):
    corrupt("catalog", ("DELETE FROM catalog_stockmovement WHERE order_id = %s", dealership.sold))
    assert_found("stock_on_hand", dealership.product)


def test_a_reservation_without_an_order(dealership):
    stranger = uuid7()
    corrupt("catalog", ("UPDATE catalog_reservation SET order_id = %s WHERE order_id = %s", stranger, dealership.held))
    assert_found("stock_without_order", stranger)


def test_a_sold_order_whose_stock_is_free(dealership):
    corrupt("catalog", ("UPDATE catalog_reservation SET status = 'released' WHERE order_id = %s", dealership.sold))
    assert_found("order_without_stock", dealership.sold)


def test_an_order_that_ended_and_keeps_its_stock(dealership):
    corrupt("orders", ("UPDATE orders_order SET status = 'cancelled' WHERE id = %s", dealership.held))
    corrupt("orders", ("UPDATE orders_checkout SET finished_at = now() WHERE order_id = %s", dealership.held))
    assert_found("stock_kept", dealership.held)


def test_an_order_whose_checkout_ended_without_it(dealership):
    corrupt("orders", ("UPDATE orders_checkout SET finished_at = now() WHERE order_id = %s", dealership.held))
    assert_found("order_stuck", dealership.held)


# Money ------------------------------------------------------------------------------------------------------------
def test_an_order_paid_without_money(dealership):
    corrupt(
        "orders",
        ("UPDATE orders_order SET status = 'paid', amount_paid = total_amount WHERE id = %s", dealership.held),
    )
    assert_found("order_paid", dealership.held)


def test_an_order_called_paid_that_is_not(dealership):
    corrupt("orders", ("UPDATE orders_order SET status = 'paid' WHERE id = %s", dealership.held))
    assert_found("order_underpaid", dealership.held)


def test_an_order_that_ended_and_keeps_its_buyers_money(dealership):
    corrupt("orders", ("UPDATE orders_order SET status = 'refunded' WHERE id = %s", dealership.sold))
    assert_found("ended_with_money", dealership.sold)


def test_money_without_an_order(dealership):
    stranger = uuid7()
    corrupt("payments", ("UPDATE payments_payment SET order_id = %s WHERE id = %s", stranger, dealership.payment))
    seen = found()
    assert ("money_without_order", {str(stranger)}) in seen
    assert ("payment_without_order", {str(dealership.payment)}) in seen


def test_a_payment_without_a_ledger_entry(dealership):
    corrupt("payments", ("DELETE FROM payments_ledgerline",), ("DELETE FROM payments_ledgerentry",))
    seen = found()
    assert ("payment_not_in_ledger", {str(dealership.payment)}) in seen
    assert ("charge_not_booked_once", {str(dealership.payment)}) in seen


def test_an_entry_that_does_not_balance(dealership):
    entry = value("payments", "SELECT id FROM payments_ledgerentry")
    corrupt(
        "payments",
        ("UPDATE payments_ledgerline SET amount = amount + 1 WHERE entry_id = %s AND amount > 0", entry),
    )
    assert_found("ledger_unbalanced", entry)


def test_a_refund_that_nobody_made(dealership):
    corrupt("payments", ("UPDATE payments_payment SET refunded_amount = 1 WHERE id = %s", dealership.payment))
    assert_found("refunds_differ", dealership.payment)


def test_a_charge_at_the_provider_that_we_know_nothing_of(dealership, monkeypatch):
    charge = {"kind": "charge", "reference": str(uuid7()), "status": "succeeded", "amount": "10.00"}
    monkeypatch.setattr(SandboxProvider, "read_statement", lambda self: iter([charge]))
    assert_found("charge_unknown", charge["reference"])


def test_a_payment_that_the_provider_knows_nothing_of(dealership, monkeypatch):
    monkeypatch.setattr(SandboxProvider, "read_statement", lambda self: iter([]))
    check(fails=False)
    corrupt("payments", ("UPDATE payments_payment SET provider = 'sandbox' WHERE id = %s", dealership.payment))
    assert_found("charge_differs", dealership.payment)
    assert Payment.objects.get().status == "completed"


# Loans and policies -----------------------------------------------------------------------------------------------
def test_a_schedule_that_does_not_add_up(dealership):
    loan = value("financing", "SELECT id FROM financing_loan")
    without_checks("financing", "financing_loanschedulerow")
    corrupt(
        "financing",
        ("UPDATE financing_loanschedulerow SET principal = principal + 1 WHERE loan_id = %s AND number = 2", loan),
    )
    assert_found("schedule_does_not_add_up", loan)
    assert_found("schedule_balance_breaks", loan)


def test_a_loan_that_is_gone(dealership):
    application = value("financing", "SELECT id FROM financing_application")
    corrupt("financing", ("DELETE FROM financing_loan",))
    assert_found("application_without_loan", application)
    assert_found("order_paid", dealership.sold)


def test_a_loan_of_another_amount(dealership):
    loan = value("financing", "SELECT id FROM financing_loan")
    without_checks("financing", "financing_loan")
    corrupt("financing", ("UPDATE financing_loan SET principal = principal + 1",))
    assert_found("loan_unlike_application", loan)


def test_a_policy_of_another_premium(dealership):
    policy = value("insurance", "SELECT id FROM insurance_policy")
    without_checks("insurance", "insurance_policy")
    corrupt("insurance", ("UPDATE insurance_policy SET premium = premium + 1",))
    assert_found("policy_unlike_quote", policy)


def test_a_quote_of_another_premium(dealership):
    quote = value("insurance", "SELECT id FROM insurance_quote")
    corrupt("insurance", ("UPDATE insurance_quote SET premium = premium + 1",))
    assert_found("quote_premium_differs", quote)


def test_a_policy_of_an_attempt_nobody_made(dealership):
    policy = value("insurance", "SELECT id FROM insurance_policy")
    corrupt("insurance", ("DELETE FROM insurance_issueattempt",))
    assert_found("policy_without_attempt", policy)


# Seats and resources ----------------------------------------------------------------------------------------------
def test_more_guests_than_seats(dealership):
    without_checks("showroom", "showroom_happening")
    corrupt("showroom", ("UPDATE showroom_happening SET capacity = 1 WHERE id = %s", dealership.happening))
    assert_found("overbooked", dealership.happening)


def test_seats_that_are_miscounted(dealership):
    without_checks("showroom", "showroom_happening")
    corrupt("showroom", ("UPDATE showroom_happening SET taken = taken - 1 WHERE id = %s", dealership.happening))
    assert_found("seats_miscounted", dealership.happening)


def test_bookings_that_overlap(dealership):
    corrupt("resources", ("UPDATE resources_resource SET quantity = 1 WHERE id = %s", dealership.resource))
    assert_found("overallocated", dealership.resource)


@dataclass(frozen=True)
class SoldCar:
    """A car that was lent and driven until it was sold."""

    product: UUID
    resource: UUID
    drive: UUID


@pytest.fixture
def sold_car():
    """Sold as it is in the showroom: whoever was to drive it is told, and it is not offered any more."""
    product = catalog.tests.make.product(stock=1, price=Decimal("900000.00"))
    kind = resources.tests.make.kind("Demo car", "car")
    resource = resources.tests.make.resource(type_id=kind.id, product_id=product.id)
    drain_outbox()
    drive = showroom.tests.make.drive(DriveCar.objects.get(pk=resource.id))
    drain_outbox()
    assert Drive.objects.get().status == "confirmed"
    pay(order(product.id))
    check(fails=False)
    told = set(Notification.objects.filter(kind="test_drive.ended").values_list("user_id", flat=True))
    assert (Drive.objects.get().status, told) == ("cancelled", {drive.user_id})
    assert not Allocation.objects.active().filter(resource_id=resource.id).exists()
    return SoldCar(product.id, resource.id, drive.id)


def test_a_sold_car_that_may_still_be_booked(sold_car):
    corrupt("resources", ("UPDATE resources_resource SET is_sold = false WHERE id = %s", sold_car.resource))
    assert_found("sold_car_lent", sold_car.product, sold_car.resource)


def test_a_sold_car_that_is_booked(sold_car):
    corrupt(
        "resources", ("UPDATE resources_allocation SET released_at = NULL WHERE resource_id = %s", sold_car.resource)
    )
    assert_found("sold_car_lent", sold_car.product, sold_car.resource)


def test_a_sold_car_that_somebody_is_to_drive(sold_car):
    corrupt("showroom", ("UPDATE showroom_drive SET status = 'confirmed' WHERE id = %s", sold_car.drive))
    assert_found("sold_car_driven", sold_car.product, sold_car.drive)


# Logs -------------------------------------------------------------------------------------------------------------
def test_an_event_that_is_missing_from_the_log(dealership):
    rows = OutboxEvent.objects.using("orders").order_by("position")
    middle = rows[rows.count() // 2]
    corrupt("orders", ("DELETE FROM messaging_outbox WHERE n = %s", middle.n))
    assert_found("log_positions", "orders")


def test_a_log_shorter_than_its_head(dealership):
    corrupt("catalog", ("UPDATE messaging_feed_head SET position = 0",))
    assert_found("log_positions", "catalog")


def test_a_sequence_with_a_gap(dealership):
    stream = EventStream.objects.using("orders").get(aggregate="order", aggregate_id=str(dealership.sold))
    corrupt(
        "orders",
        (
            "UPDATE messaging_outbox SET seq = 99 WHERE aggregate = 'order' AND aggregate_id = %s AND seq = %s",
            stream.aggregate_id,
            stream.last_seq,
        ),
    )
    report = check(fails=True)
    details = [item["detail"] for item in report["disagreements"]["event logs"]]
    assert any(str(dealership.sold) in detail for detail in details), report


def test_an_event_that_was_counted_and_never_written(dealership):
    corrupt("catalog", ("UPDATE messaging_event_stream SET last_seq = last_seq + 1",))
    assert_found("log_sequence", "catalog")

"""Commission: what a sale earns whoever made it, frozen at the hand-over, taken back with the goods, seen by few."""

from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from catalog.events import ProductCostChanged
from core.clock import dealer_day
from core.db import transaction
from core.errors import FourEyes, InvalidInput, WrongTransition
from core.ids import uuid7
from core.money import CENT
from core.testing import Api
from gateway.approvals import approve, know_card
from gateway.approvals.reading import Wanted, find_requests, served
from gateway.models import Approval
from orders import services
from orders.models import Commission, CommissionRule
from orders.queries.commissions import commission_disagreements, read_month, read_rules
from orders.rules.commissions import SoldPart, reckon_commission, reckon_line
from orders.services import Actor, FreeLine, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
ZONE = "Europe/Moscow"


@pytest.fixture
def salesman():
    return uuid7()


@pytest.fixture(autouse=True)
def books():
    yield
    assert list(commission_disagreements(ZONE)) == []


def handed_over(salesman, *lines, **options):
    return make.completed(manager_id=salesman, lines=list(lines) or [ProductLine(make.product(), 1)], **options)


def earned(order):
    return [(row.kind, row.amount) for row in Commission.objects.filter(order=order).order_by("id")]


def rule(**changes):
    given = {
        "pk": uuid7(),
        "goods": "vehicle",
        "basis": "percent_of_price",
        "value": Decimal(10),
        "least": None,
        "most": None,
    }
    return SimpleNamespace(**(given | changes))


def agreed(answer, person_id=None):
    assert answer.status_code == 202, answer.content.decode()
    approval_id = UUID(answer.json()["approval"]["id"])
    return approve(alias="orders", approval_id=approval_id, person_id=person_id or uuid7(), now=timezone.now())


# Reckoning ------------------------------------------------------------------------------------------------------------
def test_each_line_earns_by_the_rule_of_its_kind(salesman):
    make.legal_entity()
    make.commission_rule("vehicle", "percent_of_gross", "10", least="1000", most="30000")
    make.commission_rule("accessory", "percent_of_price", "3")
    make.commission_rule("service", "fixed", "250")
    lines = [
        ProductLine(make.product(price="1220000.00", cost="900000.00"), 1),
        ProductLine(make.product(price="333.35", kind="accessory", available=9), 2),
        ProductLine(make.product(price="900.00", kind="service", available=9), 3),
        FreeLine("wash", Decimal("500.00"), 1),
    ]
    order = handed_over(salesman, *lines, actor=Actor(salesman, frozenset({"manager"})))
    entry = Commission.objects.get()
    assert [line["amount"] for line in entry.calculation["lines"]] == ["10000.00", "20.00", "750.00", "0.00"]
    assert (entry.amount, entry.kind, entry.manager_id, entry.is_complete) == (
        Decimal("10770.00"),
        "earned",
        salesman,
        True,
    )
    assert entry.calculation["lines"][0]["base"] == "100000.00"
    assert (entry.day, entry.order_id) == (dealer_day(timezone.now()), order.id)


def test_loans_and_policies_earn_their_fixed_sums(salesman):
    make.commission_rule("loan", "fixed", "4000")
    make.commission_rule("policy", "fixed", "700")
    loan = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36}
    order = make.order(
        payment={"method": "card", "token": "tok_success"}, financing=loan, insurance=[{"insurance_type": "osago"}],
        policies=[("OSAGO", Decimal("5000.00"))],
    )  # fmt: skip
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "800000.00"))
    receive(answers.paid(order, amount="205000.00"))
    receive(answers.issued(order))
    receive(answers.disbursed(order, "800000.00"))
    for step in ("in_progress", "ready", "completed"):
        move(order, step, salesman)
    assert earned(order) == [("earned", Decimal("4700.00"))]


def move(order, step, person):
    actor = Actor(person, frozenset({"manager"}))
    services.move_order(order_id=order.id, status=step, actor=actor, now=timezone.now())


def test_what_a_line_loses_counts_against_the_others_and_nobody_owes(salesman):
    make.legal_entity()
    for goods in ("vehicle", "accessory"):
        make.commission_rule(goods, "percent_of_gross", "10")
    car, mats = (
        make.product(price="1220.00", cost="1500.00"),
        make.product(price="244.00", cost="100.00", kind="accessory"),
    )
    order = handed_over(salesman, ProductLine(car, 1), ProductLine(mats, 1))
    calculation = Commission.objects.get().calculation
    assert (calculation["sum"], calculation["amount"]) == ("-40.00", "0.00")
    assert earned(order) == [("earned", Decimal(0))]


@pytest.mark.parametrize(
    ("has_seller", "cost", "lacks"), [(True, None, "gross_unknown"), (False, "900.00", "gross_unknown")]
)
def test_what_is_not_known_earns_nothing_and_says_so(salesman, has_seller, cost, lacks):
    if has_seller:
        make.legal_entity()
    make.commission_rule("vehicle", "percent_of_gross", "10", least="1000")
    order = handed_over(salesman, ProductLine(make.product(cost=cost), 1))
    entry = Commission.objects.get()
    assert (entry.amount, entry.is_complete, entry.calculation["lines"][0]["lacks"]) == (
        Decimal(0),
        False,
        "gross_unknown",
    )
    assert earned(order) == [("earned", Decimal(0))]


def test_a_cost_that_the_salesman_said_earns_nothing(salesman):
    make.legal_entity()
    make.commission_rule("vehicle", "percent_of_gross", "10")
    for said_by, amount, lacks in ((salesman, "0.00", "cost_by_salesman"), (uuid7(), "81957.21", "")):
        car = make.product()
        told = ProductCostChanged(product_id=car, cost=Decimal("100.00"), version_number=2, said_by=said_by)
        services.copy_costs(events=[told])
        order = handed_over(salesman, ProductLine(car, 1))
        line = Commission.objects.get(order=order).calculation["lines"][0]
        assert (line["amount"], line["lacks"]) == (amount, lacks)


def test_money_given_back_by_hand_before_lowers_what_is_reckoned(salesman):
    make.commission_rule("vehicle", "percent_of_price", "1")
    order = make.order()
    payment_id = uuid7()
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False, payment_id=payment_id))
    receive(answers.given_back(order, payment_id, "100000.00"))
    for step in ("in_progress", "ready", "completed"):
        move(order, step, salesman)
    assert earned(order) == [("earned", Decimal("9000.00"))]


AMOUNTS = st.decimals("-1000000", "1000000", places=2)
PERCENT = st.decimals("0", "100", places=2)


@given(pieces=st.lists(st.integers(1, 9), min_size=1, max_size=4), gross=AMOUNTS, percent=PERCENT, bounds=st.lists(
    st.decimals("0", "9999", places=2), max_size=2, unique=True))  # fmt: skip
def test_a_line_cut_in_pieces_never_earns_more(pieces, gross, percent, bounds):
    least, most = (*sorted(bounds), None, None)[:2]
    terms = rule(value=percent, least=least, most=most)
    whole = reckon_line(terms, gross * sum(pieces), sum(pieces))
    parts = sum(reckon_line(terms, gross * each, each) for each in pieces)
    assert whole - len(pieces) * CENT < parts <= whole
    exact = gross * sum(pieces) * percent / 100
    exact = exact if least is None else max(exact, least * sum(pieces))
    exact = exact if most is None else min(exact, most * sum(pieces))
    assert whole == exact.quantize(CENT, rounding=ROUND_FLOOR)


@given(
    st.lists(st.tuples(st.sampled_from(["vehicle", "accessory", "policy", ""]), st.integers(1, 5), AMOUNTS), max_size=6)
)
def test_a_sale_earns_the_sum_of_its_lines_and_never_less_than_nothing(sold):
    rules = {
        "vehicle": rule(basis="percent_of_gross", value=Decimal("12.34"), most=Decimal(500)),
        "accessory": rule(value=Decimal("3.33"), least=Decimal(1)),
        "policy": rule(basis="fixed", value=Decimal("99.99")),
    }
    parts = [SoldPart("", goods, pieces, abs(amount), amount) for goods, pieces, amount in sold]
    found = reckon_commission(parts, rules, "RUB")
    lines = [Decimal(line["amount"]) for line in found.calculation["lines"]]
    assert found.amount == max(sum(lines, Decimal(0)), 0) == Decimal(found.calculation["amount"])
    assert all(line == line.quantize(CENT) for line in lines)


def test_sums_in_roubles_say_nothing_in_another_currency():
    part = SoldPart("", "vehicle", 1, Decimal(100), Decimal(50))
    for terms in (rule(basis="fixed"), rule(least=Decimal(1)), rule(most=Decimal(1))):
        found = reckon_commission([part], {"vehicle": terms}, "USD")
        assert (found.amount, found.is_complete) == (0, False)
    assert reckon_commission([part], {"vehicle": rule()}, "USD").amount == 10


# Whose, and when ------------------------------------------------------------------------------------------------------
def test_the_rule_of_the_day_of_the_hand_over_counts_and_later_ones_change_nothing(salesman):
    today = dealer_day(timezone.now())
    make.commission_rule(value="1000", valid_from=today - timedelta(days=9))
    make.commission_rule(value="2000", valid_from=today)
    make.commission_rule(value="3000", valid_from=today)
    make.commission_rule(value="9000", valid_from=today + timedelta(days=1))
    order = handed_over(salesman)
    assert earned(order) == [("earned", Decimal(3000))]
    assert read_rules(today - timedelta(days=1))["vehicle"].value == 1000
    assert read_rules(today - timedelta(days=10)) == {}


def test_without_rules_nothing_is_written(salesman):
    assert earned(handed_over(salesman)) == []


def test_what_the_salesman_bought_themselves_earns_nothing(salesman):
    make.commission_rule()
    card = uuid7()
    order = make.order(customer_id=card)
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    move(order, "in_progress", salesman)
    know_card("orders", card_id=card, user_id=salesman)
    for step in ("ready", "completed"):
        move(order, step, uuid7())
    assert earned(order) == [("earned", Decimal(0))]
    assert Commission.objects.get().calculation["is_own"]


def take_back(order):
    staff = Actor(uuid7(), frozenset({"manager"}))
    found = services.ask_return(order_id=order.id, reason="too loud", actor=staff, now=timezone.now())
    services.inspect_return(return_id=found.id, result="as new", mileage=9, actor=staff, now=timezone.now())
    return found, staff


def test_a_return_takes_back_everything_once(salesman, settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    make.commission_rule()
    order = handed_over(salesman)
    body = {"order_id": str(order.id), "amount": "-1000.50", "reason": "shared with the desk"}
    agreed(Api("admin").post("/commissions", body))
    found, staff = take_back(order)
    services.refuse_return(return_id=found.id, reason="driven", actor=staff, now=timezone.now())
    assert earned(order) == [("earned", Decimal(5000)), ("corrected", Decimal("-1000.50"))]
    found, staff = take_back(order)
    services.accept_return(return_id=found.id, actor=staff, now=timezone.now())
    for answer in (answers.settled(order, "1000000.00"), answers.released(order), answers.released(order)):
        receive(answer)
    order.refresh_from_db()
    assert (order.status, earned(order)[2:]) == ("returned", [("reversed", Decimal("-3999.50"))])
    late = Api("admin").post("/commissions", body)
    assert (late.status_code, late.json()["code"]) == (409, "wrong_transition")
    [month] = read_month(dealer_day(timezone.now()), salesman)
    assert (month.sales, month.earned, month.reversed, month.total) == (1, 5000, Decimal("-3999.50"), 0)


REWRITES = [
    "UPDATE orders_commission SET amount = 1", "UPDATE orders_commission SET calculation = '[1]'",
    "DELETE FROM orders_commission", "UPDATE orders_commissionrule SET value = 1", "DELETE FROM orders_commissionrule",
]  # fmt: skip


@pytest.mark.parametrize("change", REWRITES)
def test_the_database_refuses_to_rewrite_either(salesman, change):
    make.commission_rule()
    handed_over(salesman)
    with pytest.raises(IntegrityError), transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute(change)


# Correcting -----------------------------------------------------------------------------------------------------------
def test_two_administrators_correct_and_never_the_salesman(salesman):
    make.commission_rule()
    order, one, other = handed_over(salesman), Api("admin"), uuid7()
    body = {"order_id": str(order.id), "amount": "1500.00", "reason": "the second key"}
    waits = one.post("/commissions", body)
    for person in (one.user_id, salesman):
        with pytest.raises(FourEyes):
            agreed(waits, person)
    assert earned(order) == [("earned", Decimal(5000))]
    agreed(waits, other)
    entry = Commission.objects.get(kind="corrected")
    assert (entry.amount, entry.reason, entry.actor_id, entry.agreed_by) == (1500, "the second key", one.user_id, other)
    own = Api("admin", user_id=salesman).post("/commissions", body)
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"amount": "0.00"}, "amount"), ({"amount": "-5000.01"}, "amount"), ({"amount": "1.001"}, "amount"),
     ({"reason": " "}, "reason")],
)  # fmt: skip
def test_bad_corrections_change_nothing(salesman, changes, field):
    make.commission_rule()
    order = handed_over(salesman)
    body = {"order_id": str(order.id), "amount": "1.00", "reason": "why not"}
    refused = Api("admin").post("/commissions", body | changes)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    assert (earned(order), Approval.objects.using("orders").count()) == ([("earned", Decimal(5000))], 1)


def test_nothing_is_corrected_before_the_hand_over():
    actor = Actor(uuid7(), frozenset({"admin"}))
    with pytest.raises(WrongTransition):
        services.correct_commission(
            order_id=make.order().id, amount=Decimal(1), reason="early", actor=actor, now=timezone.now()
        )
    assert (
        Api("admin").post("/commissions", {"order_id": str(uuid7()), "amount": "1", "reason": "x"}).status_code == 404
    )


# Rules ----------------------------------------------------------------------------------------------------------------
def terms(**changes):
    tomorrow = dealer_day(timezone.now()) + timedelta(days=1)
    given = {"goods": "vehicle", "basis": "fixed", "value": "5000.00", "valid_from": str(tomorrow), "reason": "a plan"}
    return given | changes


def test_a_rule_waits_for_a_second_administrator_and_stays():
    one, other = Api("admin"), uuid7()
    waits = one.post("/commission-rules", terms(basis="percent_of_gross", value="7.50", most="90000.00"))
    assert CommissionRule.objects.count() == 0
    agreed(waits, other)
    [shown] = one.get("/commission-rules").json()["results"]
    assert (shown["value"], shown["most"], shown["made_by"], shown["agreed_by"]) == (
        "7.50", "90000.00", str(one.user_id), str(other),
    )  # fmt: skip
    assert one.get(f"/commission-rules/{shown['id']}").json() == shown


@pytest.mark.parametrize(("changes", "field"), [
    ({"valid_from": str(dealer_day(timezone.now()))}, "valid_from"),
    ({"basis": "percent_of_gross", "value": "100.01"}, "value"),
    ({"value": "-1"}, "value"),
    ({"goods": "policy", "basis": "percent_of_price"}, "basis"),
    ({"goods": "loan", "basis": "percent_of_gross"}, "basis"),
    ({"goods": "free"}, "basis"),
    ({"least": "1.00"}, "least"),
    ({"basis": "percent_of_price", "value": "1", "least": "2.00", "most": "1.00"}, "most"),
    ({"reason": ""}, "reason"),
    ({"goods": "boat"}, "goods"),
])  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(changes, field):
    refused = Api("admin").post("/commission-rules", terms(**changes))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    assert Approval.objects.using("orders").count() == 0


def test_a_rule_agreed_to_too_late_changes_nothing_of_what_was():
    day = dealer_day(timezone.now())
    waits = Api("admin").post("/commission-rules", terms())
    approval_id = UUID(waits.json()["approval"]["id"])
    with pytest.raises(InvalidInput):
        approve(alias="orders", approval_id=approval_id, person_id=uuid7(), now=timezone.now() + timedelta(hours=25))
    assert (CommissionRule.objects.count(), read_rules(day + timedelta(days=9))) == (0, {})


# Who sees it ----------------------------------------------------------------------------------------------------------
def test_salesmen_see_their_own_and_administrators_all(salesman):
    make.commission_rule()
    orders = [handed_over(salesman), handed_over(uuid7())]
    mine, admin = Api("manager", user_id=salesman), Api("admin")
    assert [row["order_id"] for row in mine.get("/commissions").json()["results"]] == [str(orders[0].id)]
    assert len(admin.get("/commissions").json()["results"]) == 2
    assert mine.get(f"/commissions?order_id={orders[1].id}").json()["results"] == []
    assert [row["manager_id"] for row in mine.get("/commissions/months").json()] == [str(salesman)]
    assert len(admin.get("/commissions/months").json()) == 2
    assert admin.get("/commissions/months?month=2020-01").json() == []
    assert admin.get("/commissions/months?month=2020-13").status_code == 400
    for who in (Api("client"), Api()):
        assert who.get("/commissions").status_code in (401, 403)
    shown = [who.get(f"/orders/{orders[0].id}").json().get("commission") for who in (mine, admin, Api("manager"))]
    assert shown == ["5000.00", "5000.00", None]
    buyer = Api("client", user_id=orders[0].customer_id).get(f"/orders/{orders[0].id}").json()
    assert "commission" not in buyer
    listed = {row["id"]: row.get("commission") for row in mine.get("/orders").json()["results"]}
    assert listed == {str(orders[0].id): "5000.00", str(orders[1].id): None}


def test_bases_are_for_those_who_may_see_costs(salesman, settings):
    make.commission_rule(basis="percent_of_price", value="1")
    handed_over(salesman)
    [line] = Api("manager", user_id=salesman).get("/commissions").json()["results"][0]["lines"]
    assert (line["base"], line["amount"]) == ("1000000.00", "10000.00")
    settings.COSTS_SEEN_BY = "admins"
    [line] = Api("manager", user_id=salesman).get("/commissions").json()["results"][0]["lines"]
    assert (line.get("base"), line.get("value"), line["amount"]) == (None, None, "10000.00")
    assert Api("admin").get("/commissions").json()["results"][0]["lines"][0]["base"] == "1000000.00"


@pytest.mark.django_db(databases=served())
def test_what_waits_about_a_colleague_is_shown_to_administrators_alone(salesman):
    make.commission_rule()
    order = handed_over(salesman)
    body = {"order_id": str(order.id), "amount": "1500.00", "reason": "the second key"}
    waits = Api("admin").post("/commissions", body).json()["approval"]["id"]
    manager, admin = Api("manager"), Api("admin")
    assert [str(row.id) for _, row in find_requests(Wanted(kind="orders.commission", is_admin=True), limit=9)] == [
        waits
    ]
    assert find_requests(Wanted(kind="orders.commission"), limit=9) == []
    assert admin.get(f"/orders/{order.id}").json()["pending_approvals"] == []
    assert manager.post(f"/approvals/{waits}/approve", {}).status_code == 404
    assert Commission.objects.filter(kind="corrected").count() == 0


def test_the_books_find_a_sale_without_its_commission(salesman):
    order = handed_over(salesman)
    make.commission_rule()
    [found] = commission_disagreements(ZONE)
    assert (found.kind, found.ids) == ("commission", {"order_id": str(order.id)})
    Commission.objects.create(
        order=order, manager_id=salesman, kind="earned", amount=0, currency="RUB", day=dealer_day(timezone.now()),
        calculation={"amount": "0.00"}, at=timezone.now(),
    )  # fmt: skip

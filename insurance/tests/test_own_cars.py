"""Of a car that is ours the catalogue's word counts, whoever asks and whatever they tell."""

from decimal import Decimal
from functools import cache

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.events import ProductCreated, ProductUpdated
from core.clock import dealer_day
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from insurance import services
from insurance.handlers import copy_vehicles, serve_order
from insurance.models import Endorsement, Policy, Quote
from insurance.public import estimate, policy_disagreements, rate
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import published, receive
from orders.events import OrderCreated, OrderLine, OrderUpdated

pytestmark = pytest.mark.django_db(databases=["insurance"])
QUOTES, POLICIES = "/insurance/quotes", "/insurance/policies"
CARD = {"method": "card", "token": "tok_success"}
OURS, OTHER = "XTA210990Y2766391", "XTA210990Y2766390"
NOBODY = {name: value for name, value in make.DRIVER.items() if name != "kbm"}
TOLD = make.OSAGO | {"vehicle_vin": OURS, "engine_power": "249", "drivers": [NOBODY]}
UNTOLD = {name: value for name, value in TOLD.items() if name != "engine_power"}
KASKO = make.KASKO | {"vehicle_vin": OURS, "engine_power": "249", "drivers": [NOBODY]}
PRODUCT = uuid7()
STATE = {
    "product_id": PRODUCT, "sku": "A-1", "name": "Lada Vesta", "kind": "vehicle", "price": Decimal(2_000_000),
    "currency": "RUB", "available": 1, "stock_version": 1, "version_number": 1, "vin": OURS, "make": "Lada",
    "model": "Vesta", "year": 2024, "power_hp": 249,
}  # fmt: skip


def sell(**changes):
    copy_vehicles([ProductCreated(**STATE | changes)])


def correct(**changes):
    copy_vehicles([ProductUpdated(**STATE | {"version_number": 9} | changes)])


@cache
def true_premium():
    """By OSAGO of a car of 249 hp that nobody knows."""
    return estimate(TOLD | {"vehicle_vin": OTHER})


def refused(answer, field, known):
    problem = answer.json()["errors"][0]
    told = (answer.status_code, problem["field"], problem["code"])
    return told == (400, field, "differs_from_catalogue") and known in problem["detail"]


def answer_to(raw):
    """Return what it costs, or why it is refused."""
    try:
        return estimate(raw)
    except InvalidInput as error:
        return error.errors[0]["code"]


# Quotes ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("raw", "field", "known"),
    [
        (TOLD | {"engine_power": "50"}, "engine_power", "249"),
        (TOLD | {"engine_power": "249.01"}, "engine_power", "249"),
        (TOLD | {"vehicle_year": 2010}, "vehicle_year", "2024"),
        (TOLD | {"category": "A"}, "category", "B"),
        (KASKO | {"vehicle_make": "BMW"}, "vehicle_make", "Lada"),
        (KASKO | {"vehicle_year": 2025}, "vehicle_year", "2024"),
        (KASKO | {"coverage_amount": "500000", "vehicle_value": "500000"}, "vehicle_value", "2000000"),
        (TOLD | {"variants": [{"engine_power": "50"}]}, "variants.0.engine_power", "249"),
    ],
)
@pytest.mark.parametrize("role", ["client", "manager"])
def test_what_differs_from_the_catalogue_is_refused(raw, field, known, role):
    sell()
    assert refused(Api(role).post(QUOTES, raw), field, known)
    assert (Quote.objects.count(), published("insurance")) == (0, [])


@pytest.mark.parametrize("raw", [TOLD, UNTOLD, UNTOLD | {"vehicle_make": " LADA"}])
def test_the_catalogue_says_the_power_and_nobody_need_confirm_it(raw):
    sell()
    quote = Api("client").post(QUOTES, raw).json()
    assert (Decimal(quote["premium"]), quote["is_provisional"]) == (true_premium(), False)
    assert Decimal(quote["request"]["engine_power"]) == 249
    bought = Api("manager").post(f"{QUOTES}/{quote['id']}/purchase", {"payment": CARD}).json()
    assert (bought["is_provisional"], bought["unconfirmed"]) == (False, [])


def test_a_class_is_not_the_catalogues_to_say():
    sell()
    assert Api("client").post(QUOTES, TOLD | {"drivers": [make.DRIVER]}).json()["unconfirmed"] == ["drivers.0.kbm"]


def test_a_part_of_a_car_is_insured_as_a_part():
    sell()
    quote = Api("client").post(QUOTES, KASKO | {"coverage_amount": "1000000"}).json()
    assert (quote["coverage_amount"], quote["insured_value"]) == ("1000000.00", "2000000.00")
    whole = {name: value for name, value in KASKO.items() if name != "coverage_amount"}
    assert Api("client").post(QUOTES, whole).json()["coverage_amount"] == "2000000.00"


@pytest.mark.parametrize("changes", [{"vin": OTHER}, {"vin": ""}, {"power_hp": 0}, {"power_hp": None}])
def test_a_car_sold_elsewhere_stays_provisional(changes):
    sell(**changes)
    quote = Api("client").post(QUOTES, TOLD | {"engine_power": "50"}).json()
    assert (quote["is_provisional"], quote["unconfirmed"]) == (True, ["engine_power"])
    assert Api("client").post(QUOTES, UNTOLD).json()["errors"][0]["field"] == "engine_power"


def test_a_car_that_was_sold_and_came_back_is_as_it_is_now():
    sell(is_active=False, power_hp=100)
    sell(product_id=uuid7(), power_hp=249)
    assert refused(Api("client").post(QUOTES, TOLD | {"engine_power": "100"}), "engine_power", "249")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    power=st.none() | st.decimals(1, 5000, places=2),
    year=st.integers(1950, 2026),
    category=st.sampled_from(["A", "B"]),
)
@example(power=Decimal(249), year=2024, category="B")
@example(power=None, year=2024, category="B")
@example(power=Decimal(50), year=2024, category="B")
def test_whatever_is_told_the_premium_is_the_catalogues(power, year, category):
    sell()
    told = UNTOLD | {"vehicle_year": year, "category": category} | ({} if power is None else {"engine_power": power})
    is_true = power in (None, 249) and (year, category) == (2024, "B")
    assert answer_to(told) == (true_premium() if is_true else "differs_from_catalogue")


# Orders and deals -----------------------------------------------------------------------------------------------------
def test_an_order_is_estimated_and_insured_by_the_catalogue():
    sell()
    with pytest.raises(InvalidInput):
        estimate(TOLD | {"engine_power": "50"})
    found = rate(UNTOLD, day=dealer_day(timezone.now()))
    assert (found.premium, found.request["engine_power"]) == (true_premium(), "249")
    correct(power_hp=70)
    again = rate(found.request, day=found.rated_on, revision=found.tariff_revision)
    assert again.premium == found.premium, "the same snapshot always costs the same"
    policy = make.policy(found.request)
    assert (policy.premium, policy.unconfirmed) == (found.premium, ["engine_power"])


def test_what_was_ordered_before_the_car_was_known_is_provisional():
    sell()
    assert make.policy(TOLD | {"engine_power": "50"}).unconfirmed == ["engine_power"]


# Changes, and the next term -------------------------------------------------------------------------------------------
@pytest.fixture
def policy():
    """One of the old days: fifty horsepower were told, and the catalogue was not asked."""
    found = make.policy(TOLD | {"engine_power": "50"})
    sell(vin=found.vehicle_vin)
    return found


@pytest.mark.parametrize("role", ["client", "manager"])
def test_a_change_to_what_the_car_is_not_is_refused(policy, role):
    caller = Api(role, user_id=policy.customer_id if role == "client" else None)
    for name in ("endorse", "price-endorsement"):
        answer = caller.post(f"{POLICIES}/{policy.id}/{name}", {"changes": {"engine_power": "40"}})
        assert refused(answer, "changes.engine_power", "249")
    assert Endorsement.objects.count() == 0


def test_a_change_to_what_the_car_is_is_paid_for_and_confirmed_by_the_catalogue(policy):
    assert policy.unconfirmed == ["engine_power"]
    owner = Api("client", user_id=policy.customer_id)
    body = {"changes": {"engine_power": "249"}, "payment": CARD}
    assert owner.post(f"{POLICIES}/{policy.id}/endorse", body).status_code == 201
    settle(asked(kind="endorsement"))
    changed = Policy.objects.get(pk=policy.id)
    assert (changed.unconfirmed, changed.premium > policy.premium) == ([], True)
    assert list(policy_disagreements()) == []


def test_another_change_leaves_what_the_policy_rests_on(policy):
    owner = Api("client", user_id=policy.customer_id)
    body = {"changes": {"vehicle_plate": "A123BC777"}}
    assert owner.post(f"{POLICIES}/{policy.id}/endorse", body).status_code == 201
    assert Policy.objects.get(pk=policy.id).unconfirmed == ["engine_power"]


def test_a_value_below_the_catalogues_is_not_told_later():
    kasko = make.policy(KASKO)
    sell(vin=kasko.vehicle_vin)
    owner = Api("client", user_id=kasko.customer_id)
    changes = {"coverage_amount": "500000", "vehicle_value": "500000"}
    answer = owner.post(f"{POLICIES}/{kasko.id}/endorse", {"changes": changes})
    assert refused(answer, "changes.vehicle_value", "2000000")


def test_the_next_term_is_by_the_catalogue(policy, time_machine):
    time_machine.move_to(timezone.now().replace(year=policy.end_date.year, month=policy.end_date.month, day=1))
    quote = services.renew_policy(policy_id=policy.id, now=timezone.now())
    assert (quote.asked.engine_power, quote.unconfirmed) == (Decimal(249), ["drivers.0.kbm"])


def ordered(customer_id, *products):
    """An order of products, as insurance hears of it."""
    order_id = uuid7()
    facts = {"order_id": order_id, "number": "1", "customer_id": customer_id} | {"total_amount": 1, "currency": "RUB"}
    receive(serve_order, OrderCreated(**facts, lines=[line(one) for one in products], version_number=1))
    return facts


def line(product_id):
    return OrderLine(name="x", quantity=1, unit_price=Decimal(1), line_total=Decimal(1), product_id=product_id)


def test_a_quote_for_an_order_is_for_a_car_of_it():
    sell()
    client, other = Api("client"), uuid7()
    sell(product_id=other, vin=OTHER)
    facts = ordered(client.user_id, PRODUCT)
    raw = TOLD | {"order_id": str(facts["order_id"])}
    for caller in (client, Api("manager")):
        told = caller.post(QUOTES, raw | {"vehicle_vin": OTHER})
        problem = told.json()["errors"][0]
        assert (told.status_code, problem["field"], problem["code"]) == (400, "vehicle_vin", "not_the_orders")
    assert (Quote.objects.count(), published("insurance")) == (0, [])
    assert client.post(QUOTES, raw).status_code == 201
    receive(serve_order, OrderUpdated(**facts, lines=[line(other), line(None)], version_number=2))
    assert client.post(QUOTES, raw).json()["errors"][0]["code"] == "not_the_orders"
    assert client.post(QUOTES, raw | {"vehicle_vin": OTHER}).status_code == 201


def test_of_an_order_of_other_things_nothing_is_known():
    """Mats and a registration say nothing of the car, nor does an order from before its products were noted."""
    client = Api("client")
    for products in ([uuid7()], [None], []):
        order_id = ordered(client.user_id, *products)["order_id"]
        assert client.post(QUOTES, TOLD | {"order_id": str(order_id)}).status_code == 201
    order_id = uuid7()
    services.copy_order(order_id=order_id, customer_id=client.user_id)
    assert client.post(QUOTES, TOLD | {"order_id": str(order_id)}).status_code == 201


def test_a_car_without_a_vin_is_known_by_the_line_that_names_it():
    """Its VIN comes with its papers; its power is the catalogue's all the same."""
    sell(vin="")
    client = Api("client")
    weaker = TOLD | {"vehicle_vin": OTHER, "engine_power": "70"}
    assert client.post(QUOTES, weaker).status_code == 201
    order_id = str(ordered(client.user_id, PRODUCT)["order_id"])
    assert refused(client.post(QUOTES, weaker | {"order_id": order_id}), "engine_power", "249")
    made = client.post(QUOTES, UNTOLD | {"vehicle_vin": OTHER, "order_id": order_id})
    assert Decimal(made.json()["premium"]) == true_premium()

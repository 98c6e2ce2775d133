"""Judge what an order says of its loan and its policies when it is placed: by type, name, depth and price."""

from typing import get_args, get_type_hints

import msgspec
import pytest

from core.testing import Api
from financing.models import FinancingType
from financing.rules.decisions import Employment
from gateway.responses.rendering import MAX_DEPTH
from orders.api.inputs import FinancingInput
from orders.models import CheckoutLeg, Order
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders", "insurance"])
LOAN = {
    "down_payment": "200000.00", "term_months": 36, "financing_type": "car_loan", "employment_status": "employed",
    "monthly_income": "200000.00",
}  # fmt: skip
OSAGO = {
    "insurance_type": "osago", "vehicle_make": "LADA", "vehicle_model": "Vesta", "vehicle_year": 2025,
    "vehicle_vin": "XTA210990Y2766389", "engine_power": 106, "region": "Москва",
    "drivers": [{"birth_date": "1985-05-20", "licence_since": "2008-06-01"}],
}  # fmt: skip


@pytest.fixture(params=["fast_path", "drf"])
def way(request, settings):
    settings.FAST_PATH_ON = request.param == "fast_path"


def place(**terms):
    return Api("client").post("/orders", {"items": [{"product_id": str(make.product()), "quantity": 1}], **terms})


def complaint(answer):
    assert answer.status_code == 400, answer.json()
    assert not Order.objects.exists()
    return answer.json()["errors"][0]["field"], answer.json()["errors"][0]["code"]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", sorted(LOAN))
def test_a_loan_without_what_a_bank_needs_is_refused_at_once(name):
    lacking = {key: value for key, value in LOAN.items() if key != name}
    assert complaint(place(financing=lacking)) == (f"financing.{name}", "required")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ({"financing": LOAN | {"colour": "red"}}, ("financing.colour", "unknown_field")),
        ({"financing": LOAN | {"term_months": "a year"}}, ("financing.term_months", "invalid")),
        ({"financing": LOAN | {"term_months": 999}}, ("financing.term_months", "out_of_range")),
        ({"financing": LOAN | {"monthly_income": None}}, ("financing.monthly_income", "invalid")),
        ({"financing": LOAN | {"monthly_income": "-1"}}, ("financing.monthly_income", "invalid")),
        ({"financing": LOAN | {"financing_type": "gift"}}, ("financing.financing_type", "invalid")),
        ({"financing": LOAN | {"vehicle_price": "900000.00"}}, ("financing.vehicle_price", "not_the_orders")),
        ({"financing": LOAN | {"down_payment": "1000000.00"}}, ("financing.down_payment", "max_value")),
        ({"insurance": [OSAGO | {"colour": "red"}]}, ("insurance.0.colour", "unknown_field")),
        ({"insurance": [OSAGO, {"insurance_type": "osago"}]}, ("insurance.1.vehicle_make", "required")),
        ({"insurance": [OSAGO | {"vehicle_vin": "?"}]}, ("insurance.0.vehicle_vin", "invalid_vin")),
        ({"insurance": [OSAGO | {"drivers": [{"licence_since": "2008-06-01"}]}]},
         ("insurance.0.drivers.0.birth_date", "required")),
        ({"trade_in": {"amount": "1.00", "colour": "red"}}, ("trade_in.colour", "unknown_field")),
    ],
)  # fmt: skip
def test_what_nobody_could_use_is_refused_by_its_path(terms, found):
    assert complaint(place(**terms)) == found


@pytest.mark.parametrize("named", [{}, {"vehicle_price": "1000000.00"}])
def test_the_price_is_the_orders_own(named):
    answer = place(financing=LOAN | named)
    assert answer.status_code == 201, answer.json()
    asked = CheckoutLeg.objects.get(kind="loan").request
    assert (asked["vehicle_price"], asked["down_payment"]) == ("1000000.00", "200000.00")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("levels", [MAX_DEPTH, 950, 5_000])
@pytest.mark.parametrize("where", ["financing", "insurance"])
@pytest.mark.parametrize("number", ["", "4111111111111111"])
def test_a_poison_order_is_refused_at_the_door(levels, where, number):
    buried = ('{"more":' * levels) + f'"{number}"' + "}" * levels
    body = f'{{"items": [{{"product_id": "{make.product()}", "quantity": 1}}], "{where}": {buried}}}'
    answer = Api("client").post("/orders", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not Order.objects.exists()


def test_the_names_at_the_edge_are_those_of_financing():
    hints = get_type_hints(FinancingInput)
    assert set(get_args(hints["financing_type"])) == set(FinancingType.values)
    assert set(get_args(hints["employment_status"])) == {one.value for one in Employment}
    assert msgspec.json.schema(FinancingInput)

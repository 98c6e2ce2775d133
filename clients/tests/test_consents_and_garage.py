from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.utils import timezone

from clients.models import Activity, Client, Consent, Vehicle
from clients.tests import make
from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from insurance.events import PolicyPurchased
from messaging.testing import capture_events
from orders.events import OrderCompleted, OrderReturned, SoldVehicle

pytestmark = pytest.mark.django_db(databases=["clients", "orders", "insurance"])
VIN = "XTA210930Y2696785"
CAR = SoldVehicle(vin=VIN, name="LADA")
GIVEN = {"kind": "marketing", "is_given": True, "source": "paper"}


def test_the_latest_word_on_a_consent_counts_and_the_history_stays():
    card, manager = make.client(), Api("manager")
    with capture_events("clients") as told:
        first = manager.post(f"/clients/{card.id}/consents", GIVEN)
        manager.post(f"/clients/{card.id}/consents", GIVEN | {"is_given": False, "note": "by phone"})
    assert (first.status_code, told) == (201, ["client.consent.recorded"] * 2)
    assert first.json()["recorded_by"] == str(manager.user_id)
    assert manager.get(f"/clients/{card.id}").json()["consents"] == {"marketing": False}
    rows = manager.get(f"/clients/{card.id}/consents?kind=marketing").json()["results"]
    assert [row["is_given"] for row in rows] == [False, True]


@pytest.mark.parametrize("change", [{"is_given": False}, {"note": "x"}, {"kind": "sms"}])
def test_the_history_of_consents_is_only_added_to(change):
    consent = make.consent(make.client())
    with pytest.raises(IntegrityError, match="only added to"), transaction("clients"):
        Consent.objects.filter(pk=consent.pk).update(**change)
    with pytest.raises(IntegrityError, match="only added to"), transaction("clients"):
        Consent.objects.filter(pk=consent.pk).delete()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "owls"},
        {"source": "dream"},
        {"is_given": None},
        {"at": "2999-01-01T00:00:00Z"},
    ],
)
def test_bad_consents_are_refused(change):
    card = make.client()
    with capture_events("clients") as told:
        assert Api("manager").post(f"/clients/{card.id}/consents", GIVEN | change).status_code == 400
    assert (Consent.objects.count(), told) == (0, [])


def test_a_car_is_entered_by_hand_once_and_leaves():
    card, manager = make.client(), Api("manager")
    path = f"/clients/{card.id}/vehicles"
    answer = manager.post(path, {"vin": "xta 210930 y2696785", "name": "LADA", "plate": "A001AA77"})
    assert (answer.status_code, answer.json()["vin"], answer.json()["source"]) == (201, VIN, "manual")
    again = manager.post(path, {"vin": VIN})
    assert (again.status_code, again.json()["code"]) == (409, "vehicle_exists")
    assert manager.delete(f"{path}/{answer.json()['id']}").status_code == 204
    assert manager.delete(f"{path}/{answer.json()['id']}").status_code == 404
    assert manager.get(f"{path}?is_here=true").json()["results"] == []
    back = manager.post(path, {"vin": VIN}).json()
    assert (back["id"], back["left_at"], back["name"]) == (answer.json()["id"], None, "LADA")


@pytest.mark.parametrize("vin", ["", "X", "OOO210930Y2696785", "X" * 17])
def test_a_bad_vin_is_refused(vin):
    card = make.client()
    assert Api("manager").post(f"/clients/{card.id}/vehicles", {"vin": vin}).status_code == 400
    assert not Vehicle.objects.exists()


def events_of_a_car(customer_id):
    return [
        PolicyPurchased(
            policy_id=uuid7(),
            customer_id=customer_id,
            insurance_type="osago",
            premium=Decimal("5.00"),
            currency="RUB",
            start_date=date(2026, 1, 1),
            end_date=date(2026, 12, 31),
            vehicle_vin=VIN,
        ),
        OrderCompleted(
            order_id=uuid7(), number="A-1", customer_id=customer_id, vehicles=[SoldVehicle(vin=VIN, name="LADA")]
        ),
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_bought_and_insured_cars_are_in_the_garage_once_as_sold(deliver, order):
    card = make.user_client()
    told = events_of_a_car(card.user_id)
    for place in order:
        deliver(told[place])
    (row,) = Api("manager").get(f"/clients/{card.id}/vehicles").json()["results"]
    assert (row["vin"], row["name"], row["source"]) == (VIN, "LADA", "order")


def sold(customer_id, order_id):
    return OrderCompleted(order_id=order_id, number="A-1", customer_id=customer_id, vehicles=[CAR])


def given_back(customer_id, order_id):
    told = {"order_id": order_id, "number": "A-1", "customer_id": customer_id, "vehicles": [CAR]}
    return OrderReturned(**told, return_id=uuid7(), reason="too loud")


def garage(card):
    return [row["vin"] for row in Api("manager").get(f"/clients/{card.id}/vehicles?is_here=true").json()["results"]]


def test_a_car_that_is_given_back_leaves_the_garage_and_may_be_bought_again(deliver):
    card, other, order_id = make.user_client(), make.user_client(), uuid7()
    again, theirs = sold(card.user_id, uuid7()), sold(other.user_id, uuid7())
    deliver(sold(card.user_id, order_id), theirs)
    assert (garage(card), garage(other)) == ([VIN], [VIN])
    deliver(given_back(card.user_id, order_id))
    assert (garage(card), garage(other)) == ([], [VIN])
    (row,) = Activity.objects.filter(customer_id=card.user_id, kind="order_returned")
    assert (row.subject_id, row.data) == (order_id, {"number": "A-1", "reason": "too loud"})
    deliver(again)
    assert garage(card) == [VIN]
    call_command("replay_events", handler="clients.fill_garage", stdout=StringIO(), stderr=StringIO())
    assert (garage(card), garage(other)) == ([VIN], [VIN])


def test_a_car_that_was_taken_out_by_hand_is_not_back_because_its_sale_is_told_again(deliver):
    card = make.user_client()
    deliver(sold(card.user_id, uuid7()))
    assert Api("manager").delete(f"/clients/{card.id}/vehicles/{Vehicle.objects.get().id}").status_code == 204
    call_command("replay_events", handler="clients.fill_garage", stdout=StringIO(), stderr=StringIO())
    assert garage(card) == []


def test_a_car_given_back_leaves_the_garage_of_the_merged_card_too(deliver):
    card, older = make.user_client(), make.client(type="person")
    Api("manager").post(f"/clients/{older.id}/vehicles", {"vin": VIN})
    make.merge(card, older)
    assert garage(card) == [VIN]
    deliver(given_back(card.user_id, uuid7()))
    assert garage(card) == []


def test_an_erased_client_gets_no_garage(deliver):
    card = make.user_client()
    Client.objects.filter(pk=card.pk).update(erased_at=timezone.now())
    deliver(*events_of_a_car(card.user_id))
    assert not Vehicle.objects.exists()


@pytest.mark.parametrize(("who", "status"), [(Api(), 401), (Api("client"), 403)])
def test_only_managers_see_consents_and_cars(who, status):
    card = make.client()
    vehicle = make.vehicle(card)
    calls = [
        ("get", "consents", None),
        ("post", "consents", GIVEN),
        ("get", "vehicles", None),
        ("post", "vehicles", {"vin": "WAUZZZ8V5KA123456"}),
        ("delete", f"vehicles/{vehicle.id}", None),
    ]
    with capture_events("clients") as told:
        answers = [who.request(method, f"/clients/{card.id}/{path}", body).status_code for method, path, body in calls]
    assert (answers, told) == ([status] * 5, [])
    assert (Consent.objects.count(), Vehicle.objects.get().left_at) == (0, None)


def test_nobodys_consents_and_cars_are_404():
    manager, nobody = Api("manager"), uuid7()
    vehicle = make.vehicle(make.client())
    other = make.client()
    assert manager.get(f"/clients/{nobody}/consents").status_code == 404
    assert manager.post(f"/clients/{nobody}/consents", GIVEN).status_code == 404
    assert manager.get(f"/clients/{nobody}/vehicles").status_code == 404
    assert manager.post(f"/clients/{nobody}/vehicles", {"vin": VIN}).status_code == 404
    assert manager.delete(f"/clients/{other.id}/vehicles/{vehicle.id}").status_code == 404
    assert manager.get(f"/clients/{other.id}/vehicles?color=red").status_code == 400


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"inn": "7707083894"}, "inn"),
        ({"inn": "7707083893", "type": "person"}, "inn"),
        ({"kpp": "77360100"}, "kpp"),
        ({"kpp": "773601001", "type": "person"}, "kpp"),
        ({"ogrn": "1027700132196"}, "ogrn"),
        ({"preferred_channel": "owl"}, "preferred_channel"),
    ],
)
def test_wrong_numbers_of_an_organisation_are_refused(fields, field):
    answer = Api("manager").post("/clients", {"name": "Sber", "type": "organization"} | fields)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert not Client.objects.exists()


def test_an_organisation_has_its_numbers():
    numbers = {"inn": "7707083893", "kpp": "773601001", "ogrn": "1027700132195", "preferred_channel": "email"}
    about = {"name": "Sber", "type": "organization", "phone": "8 495 500-55-50"}
    answer = Api("manager").post("/clients", about | numbers)
    assert answer.status_code == 201
    assert answer.json() | numbers | {"phone": "+74955005550"} == answer.json()
    find = lambda query: len(Api("manager").get(f"/clients?{query}").json()["results"])  # noqa: E731
    assert find("inn=7707083893") == find("phone=84955005550") == find("search=500-55-50") == 1
    assert Api("manager").patch(f"/clients/{answer.json()['id']}", {"type": "person"}).status_code == 400

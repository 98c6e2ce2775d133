"""Programmes of banks."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.errors import InvalidInput, StaleVersion
from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.errors import ProgrammeExists
from financing.models import Programme
from financing.plugin import demo
from financing.tests import make

pytestmark = pytest.mark.django_db(databases=["financing"])

NEW = {
    "bank": "Sever",
    "name": "Car loan",
    "financing_type": "car_loan",
    "base_rate": "17.9",
    "min_amount": "50000",
    "max_amount": "5000000",
    "valid_from": "2020-01-01",
    "rates": [{"from_months": 12, "annual_rate": "14.9"}, {"from_months": 37, "annual_rate": "15.9"}],
}


def test_a_manager_opens_a_programme():
    asked = Api("manager").post("/financing/programmes", NEW)
    assert not Programme.objects.exists()
    make.agreed(asked)
    response = Api("manager").get(f"/financing/programmes/{Programme.objects.get().id}")
    shown = response.json()
    assert (shown["base_rate"], shown["version"], response["ETag"]) == ("17.9000", 1, '"1"')
    assert [row["annual_rate"] for row in shown["rates"]] == ["14.9000", "15.9000"]


@pytest.mark.parametrize(("caller", "status"), [(Api(), 401), (Api("client"), 403)])
def test_others_do_not(caller, status):
    known = make.programme()
    assert caller.post("/financing/programmes", NEW).status_code == status
    assert caller.patch(f"/financing/programmes/{known.id}", {"base_rate": "1"}).status_code == status
    assert list(Programme.objects.values_list("base_rate", flat=True)) == [Decimal("15")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"base_rate": "-1"}, "base_rate"),
        ({"max_amount": "10"}, "max_amount"),
        ({"min_term_months": 97}, "max_term_months"),
        ({"approve_dti_percent": "90"}, "review_dti_percent"),
        ({"valid_to": "2019-12-31"}, "valid_to"),
        ({"residual_percent": "10"}, "residual_percent"),
        ({"financing_type": "gift"}, "financing_type"),
        ({"rates": [{"from_months": 0, "annual_rate": "1"}]}, "rates.0.from_months"),
        ({"rates": [{"from_months": 3, "annual_rate": "1"}] * 2}, "rates"),
        ({"bank": ""}, "bank"),
    ],
)
def test_contradictions_are_refused(changes, field):
    response = Api("manager").post("/financing/programmes", NEW | changes)
    assert response.status_code == 400, response.content
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Programme.objects.exists()


def test_the_same_programme_twice_is_refused():
    manager = Api("manager")
    make.agreed(manager.post("/financing/programmes", NEW))
    assert manager.post("/financing/programmes", NEW).json()["code"] == "programme_exists"


def test_a_change_makes_a_new_version():
    manager, known = Api("manager"), make.programme(rates={3: Decimal(14)})
    asked = manager.patch(f"/financing/programmes/{known.id}", {"base_rate": "16", "rates": []}, If_Match='"1"')
    known.refresh_from_db()
    assert (known.base_rate, known.version) == (Decimal(15), 1)
    make.agreed(asked)
    response = manager.get(f"/financing/programmes/{known.id}")
    assert (response.json()["version"], response.json()["rates"]) == (2, [])
    stale = manager.patch(f"/financing/programmes/{known.id}", {"base_rate": "1"}, If_Match='"1"')
    assert stale.status_code == 412
    assert manager.patch(f"/financing/programmes/{uuid7()}", {}).status_code == 404
    known.refresh_from_db()
    assert (known.base_rate, known.version) == (Decimal(16), 2)


def test_a_name_and_a_last_day_are_one_persons_to_change():
    manager, known = Api("manager"), make.programme()
    changed = manager.patch(f"/financing/programmes/{known.id}", {"name": "Spring", "valid_to": "2030-01-01"})
    assert (changed.status_code, changed.json()["name"]) == (200, "Spring")


def test_the_service_refuses_what_the_form_would():
    known = make.programme()
    now = timezone.now()
    with pytest.raises(StaleVersion):
        services.change_programme(programme_id=known.id, changes={}, expected_version=frozenset({7}), now=now)
    with pytest.raises(InvalidInput):
        services.change_programme(programme_id=known.id, changes={"max_amount": Decimal(1)}, now=now)
    with pytest.raises(ProgrammeExists):
        make.programme(bank=known.bank, name=known.name)


def test_anyone_sees_what_is_on_offer_and_managers_the_rest():
    current = make.programme()
    over = make.programme(valid_to=date(2020, 12, 31))
    later = make.programme(valid_from=date(2999, 1, 1))
    shown = Api().get("/financing/programmes").json()["results"]
    assert [row["id"] for row in shown] == [str(current.id)]
    assert Api().get(f"/financing/programmes/{over.id}").status_code == 404
    everything = {row["id"] for row in Api("manager").get("/financing/programmes").json()["results"]}
    assert everything == {str(item.id) for item in (current, over, later)}


def test_the_list_filters_and_orders():
    dear, cheap = make.programme(base_rate=Decimal(20)), make.programme(base_rate=Decimal(10))
    leasing = make.programme(financing_type="leasing", base_rate=Decimal(5))
    found = Api().get("/financing/programmes?financing_type=car_loan&ordering=-base_rate").json()["results"]
    assert [row["id"] for row in found] == [str(dear.id), str(cheap.id)]
    assert len(Api().get("/financing/programmes?financing_type=leasing").json()["results"]) == 1
    assert leasing.rate_for(12) == 5
    for bad in ("ordering=name", "financing_type=gift", "color=red"):
        assert Api().get(f"/financing/programmes?{bad}").status_code == 400


@pytest.mark.parametrize("size", [5, 50])
def test_a_page_costs_the_same_whatever_its_size(size):
    for _ in range(size):
        make.programme(rates={3: Decimal(1), 12: Decimal(2)})
    with CaptureQueriesContext(connections["financing"]) as queries:
        assert len(Api().get(f"/financing/programmes?page_size={size}").json()["results"]) == size
    assert len(queries) == 2


def test_the_rate_goes_by_term():
    known = make.programme(base_rate=Decimal(20), rates={12: Decimal(10), 36: Decimal(15)})
    assert [known.rate_for(months) for months in (11, 12, 35, 36, 96)] == [20, 10, 10, 15, 15]


def test_demo_programmes_are_made_once_and_cover_every_kind():
    now = timezone.now()
    demo.create_demo(now=now)
    demo.create_demo(now=now)
    assert sorted(Programme.objects.values_list("financing_type", flat=True)) == ["car_loan", "installment", "leasing"]


@pytest.mark.parametrize("limits", [["101"], ["-1"], ["x"], "50"])
def test_a_residual_table_is_made_of_shares(limits):
    answer = Api("manager").patch(f"/financing/programmes/{make.programme().id}", {"residual_limits": limits})
    assert answer.status_code == 400, answer.content


def test_a_residual_table_is_shown_and_kept():
    programme = make.programme()
    assert programme.residual_limits == ["50", "45", "40", "35", "30"]
    make.agreed(Api("manager").patch(f"/financing/programmes/{programme.id}", {"residual_limits": ["55", 45.5]}))
    shown = Api("manager").get(f"/financing/programmes/{programme.id}").json()
    assert shown["residual_limits"] == ["55.00", "45.50"]
    with pytest.raises(InvalidInput):
        services.change_programme(programme_id=programme.id, changes={"residual_limits": ["a"]}, now=timezone.now())

from datetime import date
from uuid import UUID

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from messaging.models import OutboxEvent
from payments.models import LegalEntity
from payments.plugin.demo import create_demo
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])
ENTITY = make.ENTITY


def admin() -> Api:
    return Api("admin")


def told() -> list[str]:
    return [row.data["name"] for row in OutboxEvent.objects.using("payments").filter(type="legal_entity.changed")]


def test_an_admin_keeps_the_entities_that_sell():
    made = admin().post("/legal-entities", ENTITY)
    assert made.status_code == 201, made.json()
    assert made.json()["is_default"] is True
    assert made.json()["regimes"] == ENTITY["regimes"]
    path = f"/legal-entities/{made.json()['id']}"
    assert Api("manager").get(path).json()["inn"] == ENTITY["inn"]
    changed = admin().patch(path, {"regimes": [*ENTITY["regimes"], {"since": "2020-01-01", "regime": "simplified"}]})
    assert [row["since"] for row in changed.json()["regimes"]] == ["2020-01-01", "2025-01-01"]
    assert told() == [ENTITY["name"]] * 2


def test_one_is_written_anew():
    entity = make.legal_entity()
    changed = admin().put(f"/legal-entities/{entity.id}", ENTITY | {"director": "Петров П. П."})
    assert (changed.status_code, changed.json()["director"], changed.json()["version"]) == (200, "Петров П. П.", 2)
    assert Api("manager").get("/legal-entities").json()["results"] == [changed.json()]


def test_a_change_of_nothing_tells_nothing():
    entity = make.legal_entity()
    assert admin().patch(f"/legal-entities/{entity.id}", {"name": entity.name}).json()["version"] == 1
    assert len(told()) == 1


def test_one_sells_by_default():
    first = make.legal_entity()
    second = make.legal_entity(code="ДВА", is_default=True)
    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)
    refused = admin().patch(f"/legal-entities/{second.id}", {"is_default": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "legal_entity_is_default")
    assert admin().delete(f"/legal-entities/{second.id}").status_code == 409
    assert admin().delete(f"/legal-entities/{first.id}").status_code == 204
    assert admin().get(f"/legal-entities/{first.id}").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"inn": "7707083894"}, "inn"),
        ({"kpp": "77010100"}, "kpp"),
        ({"kpp": ""}, "kpp"),
        ({"ogrn": "1027700132196"}, "ogrn"),
        ({"bik": "44525225"}, "bik"),
        ({"account": "40602810700000000026"}, "account"),
        ({"correspondent_account": "30101810400000000226"}, "correspondent_account"),
        ({"regimes": []}, "regimes.non_field_errors"),
        ({"regimes": [{"since": "2025-01-01", "regime": "general"}] * 2}, "regimes"),
        ({"regimes": [{"since": "2025-01-01", "regime": "offshore"}]}, "regimes.0.regime"),
        ({"code": "toolong1"}, "code"),
    ],
)
def test_what_is_mistyped_is_named_and_nothing_is_kept(wrong, field):
    refused = admin().post("/legal-entities", ENTITY | wrong)
    assert refused.status_code == 400
    assert field in [error["field"] for error in refused.json()["errors"]]
    assert not LegalEntity.objects.exists()
    assert told() == []


def test_a_sole_trader_has_no_kpp():
    trader = {"inn": "500100732259", "kpp": "", "ogrn": "304500116000157"}
    assert admin().post("/legal-entities", ENTITY | trader).status_code == 201


def test_two_entities_never_share_the_numbers_of_their_papers():
    make.legal_entity()
    refused = admin().post("/legal-entities", ENTITY)
    assert (refused.status_code, refused.json()["code"]) == (409, "code_taken")


@pytest.mark.parametrize(("role", "status"), [("client", 403), ("manager", 403)])
def test_others_write_nothing(role, status):
    assert Api(role).post("/legal-entities", ENTITY).status_code == status
    assert Api(role).delete(f"/legal-entities/{uuid7()}").status_code == status


def test_regimes_are_rows_of_days():
    entity = make.legal_entity()
    assert isinstance(entity.id, UUID)
    assert [day for day, _regime in entity.dated_regimes] == [date(2025, 1, 1)]


def test_the_demo_adds_two_that_obey_every_rule_and_only_once():
    assert create_demo(timezone.now()) == 2
    assert create_demo(timezone.now()) == 0
    assert [entity.code for entity in LegalEntity.objects.filter(is_default=True)] == ["АС"]

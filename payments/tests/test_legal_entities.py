"""Legal entities of the dealer: what two people have to agree to, what is mistyped, and the history of accounts."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from core.db import transaction
from core.errors import FourEyes
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import approve
from gateway.models import Approval
from messaging.models import OutboxEvent
from payments.models import LegalEntity, OrderCopy
from payments.plugin.demo import create_demo
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])
ENTITY = make.ENTITY
OTHER = "40702810000000000010"
"""Another account of the same bank."""


def admin() -> Api:
    return Api("admin")


def agree(request: dict[str, Any], person: UUID) -> None:
    approve(alias="payments", approval_id=UUID(request["id"]), person_id=person, now=timezone.now())


def agreed(answer: Any) -> Any:
    """The entity as it is once a second person has agreed to what an answer says waits."""
    assert answer.status_code == 202, answer.json()
    agree(answer.json()["approval"], uuid7())
    return admin().get("/legal-entities").json()["results"][-1]


def told() -> list[str]:
    return [row.data["name"] for row in OutboxEvent.objects.using("payments").filter(type="legal_entity.changed")]


def test_an_admin_names_who_sells_and_a_second_person_agrees():
    asked = admin().post("/legal-entities", ENTITY)
    assert (LegalEntity.objects.exists(), told()) == (False, [])
    assert "40602810700000000025" in asked.json()["approval"]["evidence"], "whoever agrees sees to which account"
    made = agreed(asked)
    assert (made["is_default"], made["regimes"]) == (True, ENTITY["regimes"])
    path = f"/legal-entities/{made['id']}"
    assert Api("manager").get(path).json()["inn"] == ENTITY["inn"]
    changed = agreed(
        admin().patch(path, {"regimes": [*ENTITY["regimes"], {"since": "2020-01-01", "regime": "simplified"}]})
    )
    assert [row["since"] for row in changed["regimes"]] == ["2020-01-01", "2025-01-01"]
    assert told() == [ENTITY["name"]] * 2


def test_nobody_names_another_account_alone():
    entity, maker = make.legal_entity(), admin()
    asked = maker.patch(f"/legal-entities/{entity.id}", {"account": OTHER})
    request = asked.json()["approval"]
    assert request["evidence"].endswith(f": {entity.account} → {OTHER}")
    with pytest.raises(FourEyes):
        agree(request, maker.user_id)
    assert LegalEntity.objects.get().account == entity.account
    assert agreed(asked)["account"] == OTHER


def test_what_is_agreed_to_late_changes_only_what_was_asked():
    entity, maker = make.legal_entity(), admin()
    path = f"/legal-entities/{entity.id}"
    asked = maker.put(path, ENTITY | {"is_default": True, "account": OTHER})
    make.legal_entity(code="ДВА", is_default=True)
    maker.patch(path, {"director": "Петров П. П."})
    agree(asked.json()["approval"], uuid7())
    entity.refresh_from_db()
    assert (entity.account, entity.is_default, entity.director) == (OTHER, False, "Петров П. П.")


def test_long_names_hide_nothing_from_whoever_agrees():
    make.legal_entity()
    entity = make.legal_entity(code="ДВА")
    regimes = [{"since": f"20{year}-01-01", "regime": "simplified_5"} for year in range(10, 30)]
    changes = {"name": "Я" * 255, "bank_name": "Б" * 255, "regimes": regimes, "account": OTHER, "is_default": True}
    evidence = admin().patch(f"/legal-entities/{entity.id}", changes).json()["approval"]["evidence"]
    assert OTHER in evidence
    assert "False → True" in evidence
    assert "2010-01-01 simplified_5" in evidence
    assert len(evidence) < 1000


def test_a_wrong_account_waits_for_nobody():
    entity = make.legal_entity()
    wrong = admin().patch(f"/legal-entities/{entity.id}", {"account": "40702810000000000011"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "account")
    assert not Approval.objects.using("payments").exists()


def test_the_history_says_who_named_which_account_and_who_agreed():
    entity, maker = make.legal_entity(), admin()
    request = maker.patch(f"/legal-entities/{entity.id}", {"account": OTHER}).json()["approval"]
    second = uuid7()
    agree(request, second)
    maker.patch(f"/legal-entities/{entity.id}", {"director": "Петров П. П."})
    newest, oldest = Api("manager").get(f"/legal-entities/{entity.id}/history").json()
    assert (newest["facts"]["account"], oldest["facts"]["account"]) == (OTHER, entity.account)
    assert (newest["made_by"], newest["agreed_by"]) == (str(maker.user_id), str(second))
    assert "director" not in newest["facts"]
    assert Api("client").get(f"/legal-entities/{entity.id}/history").status_code == 403


@pytest.mark.parametrize("change", [
    "UPDATE payments_legalentityrevision SET facts = '{}'", "DELETE FROM payments_legalentityrevision",
])  # fmt: skip
def test_the_database_refuses_to_change_the_history(change):
    make.legal_entity()
    with pytest.raises(IntegrityError), transaction("payments"), connections["payments"].cursor() as cursor:
        cursor.execute(change)


@pytest.mark.parametrize(("status", "answer"), [("paid", 409), ("returning", 409), ("completed", 204)])
def test_one_with_orders_open_sells_on(status, answer):
    make.legal_entity()
    entity = make.legal_entity(code="ДВА")
    item = {"name": "Lada", "amount": "1.00", "unit_price": "1.00", "seller_id": str(entity.id)}
    order = make.order()
    OrderCopy.objects.filter(pk=order.id).update(status=status, receipt=[item])
    refused = admin().delete(f"/legal-entities/{entity.id}")
    assert refused.status_code == answer
    if answer == 409:
        assert (refused.json()["code"], refused.json()["order_number"]) == ("legal_entity_sells", "2026-000001")
        other = {"inn": "7714000009", "kpp": "771401001", "ogrn": ""}
        assert admin().patch(f"/legal-entities/{entity.id}", other).json()["code"] == "legal_entity_sells"
        assert LegalEntity.objects.get(pk=entity.pk).inn == ENTITY["inn"]


def test_one_is_written_anew():
    entity = make.legal_entity()
    changed = admin().put(f"/legal-entities/{entity.id}", ENTITY | {"director": "Петров П. П.", "is_default": True})
    assert (changed.status_code, changed.json()["director"], changed.json()["version"]) == (200, "Петров П. П.", 2)
    assert Api("manager").get("/legal-entities").json()["results"] == [changed.json()]
    waits = admin().put(f"/legal-entities/{entity.id}", ENTITY | {"account": OTHER})
    assert (waits.status_code, LegalEntity.objects.get().account) == (202, ENTITY["account"])


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
        (
            {"regimes": [{"since": f"20{year}-01-01", "regime": "general"} for year in range(10, 31)]},
            "regimes",
        ),
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
    assert agreed(admin().post("/legal-entities", ENTITY | trader))["inn"] == trader["inn"]


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

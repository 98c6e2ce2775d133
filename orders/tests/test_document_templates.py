"""Versions of the words of papers: written by managers, refused with the line of a mistake, frozen once in force."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connections
from django.utils import timezone

from core.clock import dealer_day
from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from orders.models import DocumentTemplate, PaperKind, PaperLanguage, TemplateState
from orders.queries.paper_preview import preview_html, preview_pdf
from orders.rules.paper_fields import NEEDED
from orders.services.templates import find_template, install_templates, read_shipped
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])
WORDS = {"kind": "consent", "language": "ru", "title": "Согласие", "text": "# Согласие\n{{ buyer.name }}"}


@pytest.fixture
def manager():
    return Api("manager")


@pytest.fixture
def draft(manager):
    return manager.post("/document-templates", WORDS).json()


def today():
    return dealer_day(timezone.now())


def enforce(manager, draft, day):
    return manager.post(f"/document-templates/{draft['id']}/enforce", {"valid_from": day.isoformat()})


def test_a_manager_writes_a_version_and_puts_it_in_force(manager, draft):
    assert (draft["number"], draft["state"]) == (1, "draft")
    changed = manager.patch(f"/document-templates/{draft['id']}", {"text": "# Другое\n{{ buyer.name }}"})
    assert changed.json()["version"] == 2
    in_force = enforce(manager, draft, today()).json()
    assert (in_force["state"], in_force["valid_from"]) == ("in-force", today().isoformat())
    assert manager.post("/document-templates", WORDS).json()["number"] == 2
    assert find_template(kind="consent", language="ru", now=timezone.now()).number == 1


def test_a_later_version_waits_for_its_day(manager, draft):
    enforce(manager, draft, today())
    later = manager.post("/document-templates", WORDS).json()
    assert enforce(manager, later, today() + timedelta(days=5)).status_code == 200
    in_a_week = timezone.now() + timedelta(days=7)
    assert find_template(kind="consent", language="ru", now=timezone.now()).number == 1
    assert find_template(kind="consent", language="ru", now=in_a_week).number == 2
    assert manager.post(f"/document-templates/{later['id']}/retire").status_code == 200
    assert find_template(kind="consent", language="ru", now=in_a_week).number == 1


def test_a_mistake_is_told_with_its_line_and_nothing_is_kept(manager):
    answer = manager.post("/document-templates", WORDS | {"text": "# Да\n{{ buyer.nmae }}"}, Accept_Language="ru")
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, "text", "unknown_field")
    assert answer.json()["line"] == 2
    assert error["detail"].startswith("Строка 2: Поля «buyer.nmae» нет")
    assert not DocumentTemplate.objects.exists()


def test_what_is_in_force_never_changes(manager, draft):
    enforce(manager, draft, today())
    path = f"/document-templates/{draft['id']}"
    for answer in (manager.patch(path, {"title": "x"}), manager.delete(path), enforce(manager, draft, today())):
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_transition")
    for change in ("SET text = 'x'", "SET valid_from = NULL", "SET state = 'draft'", "SET number = 9"):
        with pytest.raises(IntegrityError), transaction("orders"), connections["orders"].cursor() as cursor:
            cursor.execute(f"UPDATE orders_documenttemplate {change}")
    with pytest.raises(IntegrityError), transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute("DELETE FROM orders_documenttemplate")


def test_days_that_cannot_be(manager, draft):
    assert enforce(manager, draft, today() - timedelta(days=1)).json()["errors"][0]["code"] == "past"
    enforce(manager, draft, today())
    other = manager.post("/document-templates", WORDS).json()
    assert enforce(manager, other, today()).json()["errors"][0]["code"] == "taken"
    assert DocumentTemplate.objects.get(pk=other["id"]).state == TemplateState.DRAFT


def test_a_draft_goes_and_an_outdated_edit_is_refused(manager, draft):
    path = f"/document-templates/{draft['id']}"
    assert manager.patch(path, {"title": "x"}, If_Match='"7"').status_code == 412
    assert manager.delete(path).status_code == 204
    assert manager.get(path).status_code == 404


def test_who_may_not(draft):
    for api, status in ((Api(), 401), (Api("client"), 403)):
        assert api.get("/document-templates").status_code == status
        assert api.post("/document-templates", WORDS).status_code == status
        assert api.get("/document-templates/fields?kind=consent").status_code == status
        assert api.post(f"/document-templates/{draft['id']}/retire").status_code == status
    assert Api("manager").get(f"/document-templates/{uuid7()}").status_code == 404


def test_previews_show_test_data(manager, draft):
    path = f"/document-templates/{draft['id']}/preview"
    shown = manager.get(path)
    assert (shown["Content-Type"], "<h1>Согласие</h1>" in shown.content.decode()) == ("text/html; charset=utf-8", True)
    assert "Иванов Пётр Сергеевич" in shown.content.decode()
    printed = manager.get(f"{path}?form=pdf")
    assert printed.status_code == 200, printed.content
    assert "Иванов Пётр Сергеевич" in extract_text(printed.content)
    assert manager.get(f"{path}?form=doc").status_code == 400
    unkept = {"kind": "consent", "language": "ru", "text": "{{ seller.name }}"}
    assert "ООО" in manager.post("/document-templates/preview", unkept).content.decode()
    assert manager.post("/document-templates/preview", unkept | {"form": "pdf"})["Content-Type"] == "application/pdf"
    wrong = manager.post("/document-templates/preview", unkept | {"text": "{% for x in y %}"})
    assert wrong.json()["errors"][0]["code"] == "loop"


def test_the_fields_of_a_kind_are_told(manager):
    told = manager.get("/document-templates/fields?kind=sale-new").json()
    assert {"path": "buyer.name", "meaning": "покупатель", "sample": "Иванов Пётр Сергеевич", "by_hand": False} in told[
        "fields_of_kind"
    ]
    assert told["lists"] == {
        name: ["name", "vin", "quantity", "price", "sum", "vat_rate", "vat", "list_price", "untaxed_by"]
        for name in ("lines", "goods", "policies")
    }
    assert manager.get("/document-templates/fields?kind=none").status_code == 400


def test_lists_are_filtered(manager, draft):
    install_templates(now=timezone.now())
    assert manager.get("/document-templates?kind=consent&state=draft").json()["results"][0]["id"] != draft["id"]
    assert len(manager.get("/document-templates?language=en&page_size=50").json()["results"]) == len(PaperKind)


def test_a_version_is_shown_from_its_draft_to_its_end(manager):
    words = WORDS | {"text": "Я, {{ buyer.name }}, согласен."}
    path = f"/document-templates/{manager.post('/document-templates', words).json()['id']}"
    assert manager.patch(path, {"title": "Согласие покупателя"}).json()["title"] == "Согласие покупателя"
    assert manager.get("/document-templates").json()["results"] == [manager.get(path).json()]
    in_force = manager.post(f"{path}/enforce", {"valid_from": today().isoformat()})
    assert (in_force.status_code, in_force.json()["state"]) == (200, "in-force")
    later = f"/document-templates/{manager.post('/document-templates', words).json()['id']}"
    manager.post(f"{later}/enforce", {"valid_from": (today() + timedelta(days=5)).isoformat()})
    assert manager.post(f"{later}/retire").json()["state"] == "retired"


# What is shipped ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", PaperLanguage)
@pytest.mark.parametrize("kind", PaperKind)
def test_shipped_words_pass_the_check_and_name_what_their_kind_needs(kind, language):
    title, text = read_shipped(kind, language)
    assert title in extract_text(preview_pdf(kind=kind, language=language, title=title, text=text)) or title
    assert "<h1>" in preview_html(kind=kind, text=text)
    for path in NEEDED[kind]:
        assert path in text, path


def test_they_come_in_force_once_and_later_ones_as_drafts(capsys):
    call_command("install_papers")
    call_command("install_papers")
    assert capsys.readouterr().out.splitlines() == [
        "28 templates put in force, 0 kept as drafts",
        "0 templates put in force, 0 kept as drafts",
    ]


def test_words_of_ones_own_stay_and_what_is_shipped_waits_beside_them(manager, draft):
    assert install_templates(now=timezone.now()) == (27, 1)
    assert DocumentTemplate.objects.get(is_shipped=True, state="draft").number == 2
    enforce(manager, draft, today())
    assert find_template(kind="consent", language="ru", now=timezone.now()).number == 1

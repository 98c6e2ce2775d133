"""Whoever reads another person's papers leaves a trace, by whatever door; the owner, and whoever is refused, none."""

import ast
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

import financing.tests.make
import insurance.tests.make
import orders.tests.make
from accounts import services as accounts
from accounts.models import User
from accounts.tests import make
from clients.models import ClientImport
from core.ids import uuid7
from core.testing import Api, tampering
from financing.models import Loan
from financing.services import disburse_loan
from gateway.access import readings
from gateway.models import KnownAs, Reading
from messaging.people import personal
from messaging.upkeep import retention
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=project.APPS)

ANSWERS = {"HttpResponse", "StreamingHttpResponse", "FileResponse", "csv_file", "table_file", "streamed"}
"""What a view answers with a file by; DRF's Response, pages and redirects hold no file."""
NOTED = {"hand_over", "record_reading"}
OF_NOBODY = {
    "catalog.admin.imports.refused_file": "a price list",
    "catalog.api.feeds._send": "the catalogue",
    "catalog.api.views.refused_rows": "a price list",
    "core.importing.screens.progress_view": "how far an import is",
    "financing.api.views.schedule_file": "a calculation for nobody",
    "core.screens.letters.show_letter": "a letter to nobody, in development",
    "orders.admin.commissions.months": "what a salesman earned, for them and administrators",
    "orders.admin.figures.sales_figures": "sales by day, manager, make and kind",
    "orders.api.templates._shown": "a deal that never was",
    "payments.admin.books.download": "sums by day",
    "storefront.views.crawlers.robots": "what programs may read",
    "payments.api.books._csv": "lines of the books, which name nobody",
    "storefront.views.credit.schedule_file": "a calculation for nobody",
}
"""Answers that tell of nobody, and what they are."""


# Every door -----------------------------------------------------------------------------------------------------------
def answering(tree, module):
    """(name, what it calls) of every function of a module that answers with content of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
            if any(get_name(call) in ANSWERS and holds_something(call) for call in calls):
                yield f"{module}.{node.name}", {get_name(call) for call in calls}


def holds_something(call):
    return bool(call.args) or any(given.arg in ("content", "content_type") for given in call.keywords)


def get_name(call):
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def doors():
    found = {}
    folders = [*project.APPS, "storefront", "core", "gateway/accounting", "gateway/responses/lists"]
    paths = [path for folder in folders for path in (project.BASE_DIR / folder).rglob("*.py")]
    for path in paths:
        parts = path.relative_to(project.BASE_DIR).with_suffix("").parts
        if not {"tests", "migrations"} & set(parts):
            found |= dict(answering(ast.parse(path.read_text()), ".".join(parts)))
    return found


def test_every_answer_that_is_a_file_is_noted_or_tells_of_nobody():
    silent = {name for name, called in doors().items() if not called & NOTED}
    assert silent == set(OF_NOBODY), "answer by gateway.access.readings.hand_over, or say why nobody is told of"


def test_papers_are_read_for_hand_over_alone():
    """Read private files in a view's answer by `hand_over` alone, and nowhere else."""
    for path in project.BASE_DIR.rglob("*.py"):
        parts = path.relative_to(project.BASE_DIR).parts
        if {"tests", ".venv"} & set(parts) or {"services", "queries"} & set(parts) or parts[0] == "core":
            continue
        text = path.read_text()
        if any(f"{name}(" in text for name in ("read_document", "read_paper", "issue_document", "read_export")):
            assert "hand_over(" in text, path


# Each door by name --------------------------------------------------------------------------------------------------
def order_paper(owner):
    order = orders.tests.make.order(customer_id=owner)
    return "orders", "invoice", order.id, f"/orders/{order.id}/documents/invoice"


def policy(owner):
    made = insurance.tests.make.policy(customer_id=owner)
    return "insurance", "policy", made.id, f"/insurance/policies/{made.id}/document"


def claim_paper(owner):
    claim = insurance.tests.make.claim(insurance.tests.make.policy(customer_id=owner))
    insurance.tests.make.papers(claim, "photo")
    paper = claim.documents.get()
    return "insurance", "claim_paper", paper.id, f"/insurance/claims/{claim.id}/documents/{paper.id}"


def application_paper(owner):
    financing.tests.make.programme()
    application = financing.tests.make.application(of=financing.tests.make.order(customer_id=owner))
    paper = financing.tests.make.paper(application_id=application.id)
    address = f"/financing/applications/{application.id}/documents/{paper.id}"
    return "financing", "application_paper", paper.id, address


def loan_schedule(owner):
    financing.tests.make.programme()
    order, attempt = financing.tests.make.order(customer_id=owner), uuid7()
    financing.tests.make.requested(order, attempt_id=attempt)
    disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    loan = Loan.objects.get(customer_id=owner)
    return "financing", "loan_schedule", loan.id, f"/financing/loans/{loan.id}/schedule/pdf"


DOORS = [order_paper, policy, claim_paper, application_paper, loan_schedule]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    private = settings.STORAGES["private"]
    options = private["OPTIONS"] | {"location": tmp_path / "private"}
    settings.STORAGES = settings.STORAGES | {"private": private | {"OPTIONS": options}}


def noted(app):
    return list(Reading.objects.using(app).order_by("pk"))


@pytest.mark.parametrize("door", DOORS)
def test_staff_who_read_leave_a_trace(door):
    owner, manager = uuid7(), Api("manager")
    app, kind, subject_id, address = door(owner)
    assert manager.get(address, X_Request_Id="a-request").status_code == 200
    (one,) = noted(app)
    assert (one.kind, one.subject_id, one.owner_id) == (kind, subject_id, owner)
    assert (one.reader_id, one.reader_role, one.request_id) == (manager.user_id, "manager", "a-request")
    assert one.reader_address == manager.client.defaults["REMOTE_ADDR"]
    assert abs(timezone.now() - one.at) < timedelta(minutes=5)


@pytest.mark.parametrize("door", DOORS)
def test_the_owner_and_whoever_is_refused_leave_none(door):
    owner = uuid7()
    app, _, _, address = door(owner)
    assert Api("client", user_id=owner).get(address).status_code == 200
    assert Api("client").get(address).status_code == 404
    assert Api().get(address).status_code == 401
    gone = address.replace(address.split("/")[-1 if app == "orders" else 3], str(uuid7()))
    assert Api("manager").get(gone).status_code == 404
    assert noted(app) == []


def test_no_trace_no_paper(monkeypatch):
    owner = uuid7()
    *_, address = claim_paper(owner)

    def full(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(readings.Reading.objects, "using", full)
    assert Api("manager").get(address).status_code == 500


def test_staff_read_papers_of_their_own_card_without_a_trace():
    manager, card = Api("manager"), uuid7()
    *_, address = order_paper(card)
    KnownAs.objects.using("orders").create(card_id=card, user_id=manager.user_id)
    assert manager.get(address).status_code == 200
    assert noted("orders") == []


def test_the_screen_of_managers_leaves_a_trace():
    manager = User.objects.create_superuser(email="boss@example.com", password="correct-horse-battery")
    browser = Browser()
    browser.force_login(manager, backend="accounts.backends.EmailBackend")
    _, kind, paper_id, _ = application_paper(uuid7())
    address = reverse("admin:financing_applicationdocument_download", args=[paper_id])
    assert browser.get(address).status_code == 200
    (one,) = noted("financing")
    assert (one.kind, one.subject_id, one.reader_id, one.reader_role) == (kind, paper_id, manager.pk, "admin")


def test_the_pages_leave_a_trace_when_staff_open_an_order_of_another():
    manager, visitor = make.user("manager"), Visitor()
    visitor.client.force_login(manager, backend="accounts.backends.EmailBackend")
    _, _, order_id, _ = order_paper(uuid7())
    assert visitor.get(reverse("storefront:order-paper", args=[order_id, "invoice"])).status_code == 200
    assert [one.reader_id for one in noted("orders")] == [manager.pk]


def test_an_administrator_who_downloads_an_export_leaves_a_trace():
    person, boss = make.user(), make.user("admin")
    export = accounts.request_export(user_id=person.id, requested_by=boss.id, now=timezone.now())
    while accounts.gather_exports(now=timezone.now()):
        pass
    address = f"/users/{person.id}/exports/{export.id}/download"
    assert make.api(person).get(address).status_code == 200
    assert noted("accounts") == []
    assert make.api(boss).get(address).status_code == 200
    (one,) = noted("accounts")
    assert (one.kind, one.owner_id, one.reader_id, one.reader_role) == ("personal_data", person.id, boss.id, "admin")


def test_lists_of_clients_leave_a_trace_that_names_nobody():
    manager = Api("manager")
    run = ClientImport.objects.create(filename="list.csv", actor="", created_at=timezone.now())
    assert manager.get("/clients/export/csv").status_code == 200
    assert manager.get(f"/clients/imports/{run.id}/refused-rows").status_code == 200
    assert manager.get(f"/clients/imports/{uuid7()}/refused-rows").status_code == 404
    found = [(one.kind, one.owner_id, one.reader_id) for one in noted("clients")]
    assert found == [(kind, None, manager.user_id) for kind in ("client_list", "refused_rows")]


# Who sees it --------------------------------------------------------------------------------------------------------
def test_the_person_is_told_who_and_in_what_role_and_no_more():
    owner, manager = uuid7(), Api("manager")
    _, kind, subject_id, address = order_paper(owner)
    manager.get(address)
    (told,) = personal.export("orders", owner)[personal.READINGS]
    at = told.pop("at")
    assert abs(timezone.now() - at) < timedelta(minutes=5)
    assert told == {
        "kind": kind, "subject_id": subject_id, "reader_id": manager.user_id, "reader_role": "manager",
    }  # fmt: skip
    assert personal.export("orders", manager.user_id)[personal.READINGS] == []


def test_administrators_see_all_of_it_and_managers_none():
    owner, reader = uuid7(), Api("manager")
    *_, address = order_paper(owner)
    reader.get(address)
    boss, browser = make.user("admin"), Browser()
    browser.force_login(boss, backend="accounts.backends.EmailBackend")
    page = browser.get("/admin/gateway/reading/", {"person": str(owner)}).content.decode()
    assert str(reader.user_id) in page
    assert "orders.invoice" in page
    other = browser.get("/admin/gateway/reading/", {"person": str(uuid7())}).content.decode()
    assert str(reader.user_id) not in other
    assert browser.get("/admin/gateway/reading/", {"person": "x"}).status_code == 400
    browser.force_login(make.user("manager"), backend="accounts.backends.EmailBackend")
    assert browser.get("/admin/gateway/reading/").status_code == 403


def test_erasing_leaves_that_it_was_read_and_three_years_later_nothing():
    owner, reader = uuid7(), Api("manager")
    *_, address = order_paper(owner)
    reader.get(address)
    personal.erase("orders", owner)
    personal.erase("orders", reader.user_id)
    (one,) = noted("orders")
    assert (one.owner_id, one.reader_id, one.reader_address) == (owner, reader.user_id, "")
    retention.purge("orders", now=timezone.now() + timedelta(days=3 * 365 - 1))
    assert len(noted("orders")) == 1
    with tampering("orders"):
        Reading.objects.using("orders").update(at=timezone.now() - timedelta(days=3 * 365 + 1))
    assert retention.purge("orders", now=timezone.now())["readings"] == 1
    assert noted("orders") == []

"""Issued papers on an order's own page: who sees them, who signs them, and managers who issue them."""

import re

import pytest
from django.conf import settings
from django.utils import timezone

from gateway.approvals import know_card
from gateway.models import Reading
from orders.models import DocumentSignature, IssuedDocument, QualifiedSigning
from orders.services.buyer_papers import check_buyer_papers, enter_buyer_papers
from orders.services.issuing import issue_paper
from orders.tests.make import PASSPORT
from orders.tests.pdf import extract_text
from storefront.tests import make
from storefront.tests.make import Visitor
from storefront.tests.test_papers import ordered, text
from storefront.visitor import get_actor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders", "payments"])
DETAILS = {"car.handover_day": "30.11.2026", "car.defects": "a chip", "car.mileage": "42000"}


class Asking:
    """A request, as far as `get_actor` looks at one."""

    def __init__(self, user):
        self.user = user


def issued(order, visitor, kind="invoice"):
    actor = get_actor(Asking(visitor.user))
    return issue_paper(order_id=order.id, kind=kind, language="en", details={}, actor=actor, now=timezone.now())


@pytest.fixture
def order(buyer):
    return ordered(buyer, car=make.car(vin="XTAGFK330PY000001"))


@pytest.fixture
def path(order):
    return f"/orders/{order.id}/documents/"


def with_passport(order, manager):
    actor, now = get_actor(Asking(manager.user)), timezone.now()
    enter_buyer_papers(order_id=order.id, data=PASSPORT, actor=actor, now=now)
    check_buyer_papers(order_id=order.id, actor=actor, now=now)


@pytest.mark.django_db(databases=list(settings.APPS))
def test_an_order_leads_to_its_documents_and_so_does_the_board(order, buyer, manager, path):
    assert f'href="{path}"' in text(buyer.get(f"/orders/{order.id}/"))
    assert f'href="{path}"' in text(manager.get("/board/"))
    assert "No documents have been issued yet." in text(buyer.get(path))


def test_a_buyer_reads_what_was_issued_and_issues_nothing_there(order, buyer, path):
    paper = issued(order, buyer)
    page = text(buyer.get(path))
    assert paper.number in page
    assert "Issue a document" not in page
    buyer.post(path, kind="sale-goods", step="issue", language="en")
    assert IssuedDocument.objects.count() == 1
    shown = buyer.get(f"{path}{paper.id}/")
    assert (shown.status_code, shown["Content-Type"]) == (200, "application/pdf")
    assert paper.number in extract_text(shown.content)


def test_a_manager_issues_what_the_form_holds(order, manager, path):
    with_passport(order, manager)
    form = text(manager.get(f"{path}?kind=sale-used"))
    assert {"car.handover_day", "car.defects", "car.mileage"} <= set(re.findall(r'name="([a-z_.]+)"', form))
    answer = manager.post(path, kind="sale-used", step="issue", language="en", **DETAILS)
    assert (answer.status_code, answer["Location"]) == (302, path)
    paper = IssuedDocument.objects.get()
    assert "a chip" in extract_text(manager.get(f"{path}{paper.id}/").content)
    assert Reading.objects.using("orders").filter(subject_id=paper.id).exists(), "the buyer sees that staff read it"


def test_a_preview_keeps_nothing(order, manager, path):
    with_passport(order, manager)
    shown = manager.post(path, kind="sale-used", step="preview", language="en", **DETAILS)
    assert shown["Content-Type"] == "application/pdf"
    assert "a chip" in extract_text(shown.content)
    assert not IssuedDocument.objects.exists()


def test_what_lacks_is_named_in_words(order, manager, path):
    page = text(manager.post(path, kind="sale-used", step="issue", language="en"))
    assert "Missing: buyer, " in page
    assert "buyer.passport" not in page
    assert not IssuedDocument.objects.exists()


def test_a_manager_signs_for_the_dealership_and_the_page_says_who_has_not(order, buyer, manager, path):
    paper = issued(order, manager, "sale-goods")
    assert "Sign for the dealership" in text(manager.get(path))
    assert "Sign for the dealership" not in text(buyer.get(path))
    own = Visitor("manager")
    know_card("orders", card_id=order.customer_id, user_id=own.user.id)
    assert "Sign for the dealership" not in text(own.get(path))
    manager.post(path, document=paper.id, step="sign")
    assert [each.side for each in DocumentSignature.objects.all()] == ["seller"]
    page = text(buyer.get(path))
    assert ("not signed yet" in page, 'tag-good">signed ' in page) == (True, True)
    assert "Send me a code" in page


def test_a_buyer_whose_identity_nobody_checked_is_told_so(order, buyer, manager, path, settings):
    settings.SMS_URL = "http://127.0.0.1:9/"
    paper = issued(order, manager, "sale-goods")
    page = text(buyer.post(path, document=paper.id, step="code"))
    assert "passport" in page
    page = text(buyer.post(path, document=paper.id, step="sign", code="12"))
    assert not DocumentSignature.objects.exists()


def test_a_newer_paper_is_the_one_to_sign(order, buyer, manager, path):
    old = issued(order, manager, "sale-goods")
    with_passport(order, manager)
    new = issued(order, manager, "sale-goods")
    assert old.pk != new.pk
    page = text(manager.get(path))
    assert page.count("Sign for the dealership") == 1
    assert "a newer one was issued" in page


def test_another_order_has_not_this_paper(order, buyer, manager):
    paper, other = issued(order, buyer), ordered(manager)
    assert manager.get(f"/orders/{other.id}/documents/{paper.id}/").status_code == 404
    assert manager.post(f"/orders/{other.id}/documents/", document=paper.id, step="sign").status_code == 404


def test_however_many_papers_the_page_asks_as_often(order, buyer, manager, path, django_assert_max_num_queries):
    for kind in ("invoice", "sale-goods"):
        issued(order, manager, kind)
    with_passport(order, manager)
    for kind in ("consent", "sale-goods"):
        issued(order, manager, kind)
    with django_assert_max_num_queries(4, using="orders"):
        assert text(buyer.get(path)).count("Download") == 4


def test_a_tax_paper_is_sent_to_the_provider_once_and_the_page_says_what_came_of_it(
    order, manager, buyer, path, settings
):
    settings.SIGNING_PROVIDER = "sandbox"
    paper = issued(order, manager, "sale-goods")
    assert "Ask for a qualified signature" in text(buyer.get(path))
    manager.post(path, document=paper.id, step="ask")
    asked = QualifiedSigning.objects.get()
    assert (asked.side, asked.state) == ("seller", "requested")
    page = text(manager.get(path))
    assert "asked for a qualified signature" in page
    assert "Ask for a qualified signature" not in page
    manager.post(path, document=paper.id, step="ask")
    assert QualifiedSigning.objects.count() == 1
    QualifiedSigning.objects.update(state="refused", failure_code="another_signer", settled_at=timezone.now())
    page = text(manager.get(path))
    assert "the certificate is somebody else" in page
    assert "Ask for a qualified signature" in page
    settings.SIGNING_PROVIDER = "none"
    assert "Ask for a qualified signature" not in text(manager.get(path))

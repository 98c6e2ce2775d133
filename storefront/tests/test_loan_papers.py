"""Sending an application's papers: what is asked for, what came, what a manager said of it, and what is not taken."""

from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.ids import uuid7
from financing import services
from financing.models import ApplicationDocument
from financing.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "financing", "orders"])
PDF, OTHER_PDF = b"%PDF-1.4 a passport", b"%PDF-1.4 another one"


def text(response):
    return response.content.decode()


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "private": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    }


@pytest.fixture
def borrower():
    return Visitor("client")


@pytest.fixture
def application(borrower):
    make.programme(required_documents=["passport", "income_certificate"])
    return make.application(of=make.order(customer_id=borrower.user.id))


def get_path(application):
    return f"/credit/applications/{application.id}/papers/"


def send(visitor, application, *, content=PDF, kind="passport", name="scan.pdf"):
    file = SimpleUploadedFile(name, content, content_type="application/pdf")
    return visitor.post(get_path(application), kind=kind, file=file)


def review(paper, *, is_accepted, note=""):
    services.review_document(
        application_id=paper.application_id, document_id=paper.id, is_accepted=is_accepted, manager_id=uuid7(),
        note=note, now=timezone.now(),
    )  # fmt: skip


def test_what_is_asked_for_came_and_was_said_of_it_is_shown(borrower, application):
    page = text(borrower.get(get_path(application)))
    assert page.count("not sent yet") == 2
    assert "at most 10.0\u00a0MB" in page
    assert f'href="{get_path(application)}"' in text(borrower.get(f"/credit/applications/{application.id}/"))
    sent = send(borrower, application)
    assert (sent.status_code, sent["Location"]) == (302, get_path(application))
    page = text(borrower.get(get_path(application)))
    assert (page.count("not sent yet"), "waits to be looked at" in page, "scan.pdf" in page) == (1, True, True)
    assert borrower.get(get_path(application)).context["form"]["kind"].value() == "income_certificate"
    review(ApplicationDocument.objects.get(), is_accepted=False, note="The photograph is <blurred>.")
    page = text(borrower.get(get_path(application)))
    assert "The photograph is &lt;blurred&gt;." in page
    assert page.count("not accepted") == 2
    for kind, content in (("passport", OTHER_PDF), ("income_certificate", PDF + b" too")):
        send(borrower, application, kind=kind, content=content)
    for paper in ApplicationDocument.objects.exclude(status="rejected"):
        review(paper, is_accepted=True)
    assert "All of it is accepted." in text(borrower.get(get_path(application)))


def test_an_offer_is_not_taken_before_its_papers_and_leads_to_them(borrower, application):
    answer = borrower.post(f"/credit/applications/{application.id}/accept/")
    assert answer["Location"] == get_path(application)
    assert "missing or have not been accepted" in text(borrower.get(get_path(application)))
    application.refresh_from_db()
    assert application.status == "approved"


def test_ones_own_paper_is_given_back_as_it_was_sent(borrower, application):
    send(borrower, application)
    paper = ApplicationDocument.objects.get()
    answer = borrower.get(f"{get_path(application)}{paper.id}/")
    assert (answer.content, answer["Content-Type"]) == (PDF, "application/pdf")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert borrower.get(f"{get_path(application)}{UUID(int=0)}/").status_code == 404


def test_the_same_file_twice_is_one_paper(borrower, application):
    assert [send(borrower, application).status_code for _ in range(2)] == [302, 302]
    assert ApplicationDocument.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"content": b"GIF89a", "name": "scan.pdf"}, 415, "are accepted"),
        ({"content": b"%PDF" + b"x" * 200}, 413, "too large"),
        ({"content": b""}, 400, "empty"),
        ({"kind": "diary"}, 400, "Select a valid choice"),
    ],
)
def test_what_is_not_taken_is_said_on_the_page_and_nothing_is_kept(
    borrower, application, settings, fields, status, said
):
    settings.CREDIT_FILE_MAX_BYTES = 100
    refused = send(borrower, application, **({"kind": "income_certificate"} | fields))
    assert (refused.status_code, said in text(refused)) == (status, True)
    if "kind" not in fields:
        assert refused.context["form"]["kind"].value() == "income_certificate"
    assert not ApplicationDocument.objects.exists()


def test_a_form_without_a_file_is_refused(borrower, application):
    refused = borrower.post(get_path(application), kind="passport")
    assert (refused.status_code, "This field is required" in text(refused)) == (400, True)


def test_an_application_that_is_over_takes_none(borrower, application):
    services.withdraw_application(application_id=application.id, now=timezone.now())
    assert "no more papers are taken" in text(borrower.get(get_path(application)))
    assert send(borrower, application).status_code == 409
    assert not ApplicationDocument.objects.exists()


def test_others_papers_are_nobodys_business(borrower, application):
    send(borrower, application)
    paper = ApplicationDocument.objects.get()
    stranger = Visitor("client")
    for address in (get_path(application), f"{get_path(application)}{paper.id}/"):
        assert stranger.get(address).status_code == 404
        assert Visitor().get(address)["Location"].startswith("/sign-in/")
    assert send(stranger, application, content=OTHER_PDF).status_code == 404
    assert send(Visitor(), application)["Location"].startswith("/sign-in/")
    mine = make.application(of=make.order(customer_id=stranger.user.id))
    assert stranger.get(f"{get_path(mine)}{paper.id}/").status_code == 404
    assert ApplicationDocument.objects.count() == 1


def test_the_page_costs_the_same_queries_whatever_was_sent(borrower, application):
    def queries():
        with CaptureQueriesContext(connections["financing"]) as seen:
            assert borrower.get(get_path(application)).status_code == 200
        return len(seen)

    send(borrower, application)
    few = queries()
    for number in range(6):
        send(borrower, application, content=PDF + bytes([number]))
    assert queries() == few

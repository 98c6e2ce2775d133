"""Papers of an application: by their bytes, for its own people, wanted by programmes and looked at by managers."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.events import UserDeleted
from core.files.papers import opened
from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.models import ApplicationDocument, Loan
from financing.plugin import personal
from financing.tests import make
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/applications"
JPEG = b"\xff\xd8\xff\xe0 a photograph"
WANTED = ["passport", "income_certificate"]


@pytest.fixture(autouse=True)
def private_files(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "private": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path, "base_url": None},
        }
    }
    return tmp_path


@pytest.fixture(autouse=True)
def _on_offer():
    make.programme(required_documents=WANTED)


@pytest.fixture
def application():
    return make.application()


@pytest.fixture
def owner(application):
    return Api("client", user_id=application.customer_id)


def upload(caller, application_id, content=make.PDF, name="scan.pdf", kind="passport"):
    data = {"file": SimpleUploadedFile(name, content), "kind": kind}
    return caller.client.post(f"/api/v1{PATH}/{application_id}/documents", data, headers=caller.headers)


def kept(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def review(application, document, **body):
    return Api("manager").post(f"{PATH}/{application.id}/documents/{document.id}/review", body)


# Sending ---------------------------------------------------------------------------------------------------------
def test_a_paper_is_kept_and_given_back(application, owner, private_files):
    answer = upload(owner, application.id, JPEG, name="../../etc/passport.jpg")
    shown = answer.json()
    assert answer.status_code == 201, shown
    assert (shown["kind"], shown["name"], shown["content_type"], shown["status"]) == (
        "passport", "passport.jpg", "image/jpeg", "submitted",
    )  # fmt: skip
    (stored,) = kept(private_files)
    assert opened(stored.read_bytes()) == JPEG
    found = owner.get(f"{PATH}/{application.id}/documents/{shown['id']}")
    assert (found.content, found["Content-Type"], found["X-Content-Type-Options"]) == (JPEG, "image/jpeg", "nosniff")
    assert found["Content-Disposition"].startswith("attachment")
    assert [row["id"] for row in owner.get(f"{PATH}/{application.id}/documents").json()] == [shown["id"]]
    assert upload(owner, application.id, JPEG).json()["id"] == shown["id"]
    assert len(kept(private_files)) == 1


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"MZ a program", "passport", 415),
        (b"<svg onload=alert(1)>", "passport", 415),
        (b"", "passport", 400),
        (JPEG, "selfie", 400),
        (JPEG + b"x" * 2000, "passport", 413),
    ],
)
def test_other_files_are_refused_whatever_their_name(
    application, owner, settings, private_files, content, kind, status
):
    settings.CREDIT_FILE_MAX_BYTES = 1000
    assert upload(owner, application.id, content, kind=kind).status_code == status
    assert not ApplicationDocument.objects.exists()
    assert kept(private_files) == []


def test_papers_are_for_the_owner_and_managers(application, owner):
    document = upload(Api("manager"), application.id).json()
    stranger = Api("client")
    assert upload(Api(), application.id).status_code == 401
    assert upload(stranger, application.id).status_code == 404
    assert upload(owner, uuid7()).status_code == 404
    for path in ("documents", f"documents/{document['id']}"):
        assert Api().get(f"{PATH}/{application.id}/{path}").status_code == 401
        assert stranger.get(f"{PATH}/{application.id}/{path}").status_code == 404
        assert owner.get(f"{PATH}/{application.id}/{path}").status_code == 200
    other = make.application(of=make.order(customer_id=owner.user_id))
    assert owner.get(f"{PATH}/{other.id}/documents/{document['id']}").status_code == 404
    assert owner.get(f"{PATH}/{application.id}/documents/{uuid7()}").status_code == 404
    assert ApplicationDocument.objects.count() == 1


def test_what_is_over_takes_no_papers(application, owner):
    services.withdraw_application(application_id=application.id, now=timezone.now())
    answer = upload(owner, application.id)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_transition")
    refused = make.application(of=make.order(customer_id=owner.user_id), **make.REFUSED)
    assert upload(owner, refused.id).status_code == 201


def test_there_are_not_too_many(application, owner, monkeypatch):
    monkeypatch.setattr("financing.services.papers.MAX_PAPERS", 1)
    upload(owner, application.id)
    assert upload(owner, application.id, JPEG).json()["errors"][0]["code"] == "too_many"


# Wanted and looked at --------------------------------------------------------------------------------------------
def test_an_offer_is_accepted_once_every_wanted_paper_is(application, owner):
    shown = owner.get(f"{PATH}/{application.id}").json()
    assert (shown["required_documents"], shown["missing_documents"]) == (WANTED, WANTED)
    passport = make.paper(application_id=application.id)
    assert owner.get(f"{PATH}/{application.id}").json()["missing_documents"] == ["income_certificate"]
    income = make.paper(application_id=application.id, kind="income_certificate", content=JPEG)
    with capture_events("financing") as told:
        refused = owner.post(f"{PATH}/{application.id}/accept")
        assert (refused.status_code, refused.json()["code"]) == (409, "documents_missing")
        assert refused.json()["missing"] == WANTED
        assert review(application, passport, accepted=True).json()["status"] == "accepted"
        turned_down = review(application, income, accepted=False, note="Blurred.").json()
        assert (turned_down["status"], turned_down["note"]) == ("rejected", "Blurred.")
        assert owner.post(f"{PATH}/{application.id}/accept").json()["missing"] == ["income_certificate"]
    assert told == []
    assert owner.get(f"{PATH}/{application.id}").json()["missing_documents"] == ["income_certificate"]
    assert review(application, income, accepted=True).status_code == 200
    assert owner.post(f"{PATH}/{application.id}/accept").json()["status"] == "accepted"


def test_a_checkout_goes_on_with_the_last_paper():
    application = make.requested(make.order())
    assert application.status == "approved"
    papers = [make.paper(application_id=application.id, kind=kind, content=make.PDF + kind.encode()) for kind in WANTED]
    with capture_events("financing") as told:
        review(application, papers[0], accepted=True)
        assert told == []
        review(application, papers[1], accepted=True)
    assert told == ["financing.accepted"]
    application.refresh_from_db()
    assert application.status == "accepted"
    assert application.offers.get().status == "taken"


@pytest.mark.parametrize("auto_accept", [True, False])
def test_a_checkout_does_not_go_on_by_itself_past_its_time_or_unasked(auto_accept, time_machine):
    application = make.requested(make.order(), auto_accept=auto_accept)
    papers = [make.paper(application_id=application.id, kind=kind, content=make.PDF + kind.encode()) for kind in WANTED]
    if auto_accept:
        time_machine.move_to(timezone.now() + timedelta(days=31))
    for paper in papers:
        review(application, paper, accepted=True)
    application.refresh_from_db()
    assert application.status == "approved"


def test_only_managers_look_at_papers(application, owner):
    document = make.paper(application_id=application.id)
    path = f"{PATH}/{application.id}/documents/{document.id}/review"
    assert Api().post(path, {"accepted": True}).status_code == 401
    assert owner.post(path, {"accepted": True}).status_code == 403
    manager = Api("manager")
    assert manager.post(path, {}).status_code == 400
    assert manager.post(path, {"accepted": False}).json()["errors"][0]["field"] == "note"
    missing = f"{PATH}/{application.id}/documents/{uuid7()}/review"
    assert manager.post(missing, {"accepted": True}).status_code == 404
    assert manager.post(f"{PATH}/{uuid7()}/documents/{document.id}/review", {"accepted": True}).status_code == 404
    document.refresh_from_db()
    assert (document.status, document.reviewed_by) == ("submitted", None)
    services.withdraw_application(application_id=application.id, now=timezone.now())
    assert manager.post(path, {"accepted": True}).json()["code"] == "wrong_transition"


def test_a_programme_names_papers_that_exist():
    answer = Api("manager").patch(
        f"/financing/programmes/{make.programme().id}", {"required_documents": ["birth_certificate"]}
    )
    assert answer.status_code == 400


# Forgetting ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(databases=["financing"], transaction=True)
def test_papers_go_with_the_person_unless_a_loan_stands_on_them(private_files):
    make.programme(base_rate=1)
    order = make.order()
    attempt = uuid7()
    lent = make.requested(order, attempt_id=attempt)
    services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    assert Loan.objects.exists()
    ApplicationDocument.objects.create(
        application=lent, kind="passport", name="a", content_type="image/jpeg", size=1, sha256="a",
        path="applications/lent.jpg", uploaded_by=uuid7(), created_at=timezone.now(),
    )  # fmt: skip
    mine = make.application(of=make.order(customer_id=order.customer_id))
    make.paper(application_id=mine.id)
    theirs = make.application()
    make.paper(application_id=theirs.id, content=JPEG)
    personal.forget_person(UserDeleted(user_id=order.customer_id))
    assert set(ApplicationDocument.objects.values_list("application_id", flat=True)) == {lent.id, theirs.id}
    (left,) = kept(private_files)
    assert opened(left.read_bytes()) == JPEG

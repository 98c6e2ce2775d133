"""Papers of a claim: by their bytes, for the claim's own people, and what is missing."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from core.clock import dealer_day
from core.files.papers import opened
from core.ids import uuid7
from core.testing import Api
from insurance import services
from insurance.errors import NotCovered
from insurance.models import ClaimDocument
from insurance.services import LossReport
from insurance.tests import make
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/claims"
JPEG = b"\xff\xd8\xff\xe0 a photograph"
PDF = b"%PDF-1.4 a paper"


@pytest.fixture(autouse=True)
def private_files(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "private": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path, "base_url": None},
        }
    }
    return tmp_path


@pytest.fixture
def claim():
    return make.claim(kind="collision")


@pytest.fixture
def owner(claim):
    return Api("client", user_id=claim.customer_id)


def upload(caller, claim_id, content=JPEG, name="car.jpg", **fields):
    data = {"file": SimpleUploadedFile(name, content)} | fields
    return caller.client.post(f"/api/v1{PATH}/{claim_id}/documents", data, headers=caller.headers)


def test_a_photograph_is_kept_and_given_back(claim, owner, private_files):
    answer = upload(owner, claim.id, name="../../etc/car.jpg")
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["kind"], shown["name"], shown["content_type"], shown["size"]) == (
        "photo", "car.jpg", "image/jpeg", len(JPEG),
    )  # fmt: skip
    (stored,) = [path for path in private_files.rglob("*") if path.is_file()]
    assert opened(stored.read_bytes()) == JPEG
    found = owner.get(f"{PATH}/{claim.id}/documents/{shown['id']}")
    assert (found.content, found["Content-Type"]) == (JPEG, "image/jpeg")
    assert found["Content-Disposition"].startswith("attachment")
    assert [row["id"] for row in owner.get(f"{PATH}/{claim.id}/documents").json()] == [shown["id"]]
    assert upload(owner, claim.id).json()["id"] == shown["id"]
    assert ClaimDocument.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "fields", "status"),
    [
        (b"MZ a program", {}, 415),
        (b"<svg onload=alert(1)>", {}, 415),
        (b"", {}, 400),
        (JPEG, {"kind": "selfie"}, 400),
        (JPEG + b"x" * 2000, {}, 413),
    ],
)
def test_other_files_are_refused_whatever_their_name(claim, owner, settings, content, fields, status):
    settings.CLAIM_FILE_MAX_BYTES = 1000
    assert upload(owner, claim.id, content, **fields).status_code == status
    assert not ClaimDocument.objects.exists()


def test_no_file_is_no_paper(claim, owner):
    assert owner.client.post(f"/api/v1{PATH}/{claim.id}/documents", {}, headers=owner.headers).status_code == 400


def test_papers_are_for_the_owner_and_managers(claim, owner):
    document = upload(Api("manager"), claim.id).json()
    other = Api("client")
    assert upload(Api(), claim.id).status_code == 401
    assert upload(other, claim.id).status_code == 404
    assert upload(owner, uuid7()).status_code == 404
    for path in ("documents", f"documents/{document['id']}"):
        assert Api().get(f"{PATH}/{claim.id}/{path}").status_code == 401
        assert other.get(f"{PATH}/{claim.id}/{path}").status_code == 404
        assert owner.get(f"{PATH}/{claim.id}/{path}").status_code == 200
    assert owner.get(f"{PATH}/{claim.id}/documents/{uuid7()}").status_code == 404
    assert ClaimDocument.objects.count() == 1


def test_the_days_to_settle_begin_when_nothing_is_missing(claim, owner):
    upload(owner, claim.id)
    shown = owner.get(f"{PATH}/{claim.id}").json()
    assert (shown["missing_documents"], shown["due_date"]) == ([["police_report", "european_protocol"]], None)
    upload(owner, claim.id, PDF, kind="police_report")
    shown = owner.get(f"{PATH}/{claim.id}").json()
    assert shown["missing_documents"] == []
    assert shown["due_date"] == str(dealer_day(timezone.now()) + timedelta(days=30))


def test_nothing_is_granted_before_the_papers_are_there(claim):
    manager = Api("manager")
    manager.post(f"{PATH}/{claim.id}/assess", {"amount": "50000"})
    refused = manager.post(f"{PATH}/{claim.id}/approve")
    assert (refused.status_code, refused.json()["code"], len(refused.json()["missing"])) == (
        409, "documents_missing", 2,
    )  # fmt: skip
    upload(manager, claim.id)
    upload(manager, claim.id, PDF, kind="european_protocol")
    assert manager.post(f"{PATH}/{claim.id}/approve").json()["status"] == "approved"


def test_the_insured_is_asked_for_papers(claim, owner):
    manager = Api("manager")
    with capture_events("insurance") as told:
        shown = manager.post(f"{PATH}/{claim.id}/request-documents").json()
    assert (shown["status"], told) == ("documents_requested", ["claim.documents_requested"])
    assert manager.post(f"{PATH}/{claim.id}/request-documents", {"documents": ["registration"]}).status_code == 200
    assert manager.post(f"{PATH}/{claim.id}/request-documents", {"documents": ["song"]}).status_code == 400
    assert owner.post(f"{PATH}/{claim.id}/request-documents").status_code == 403
    assert Api().post(f"{PATH}/{claim.id}/request-documents").status_code == 401
    assert manager.post(f"{PATH}/{uuid7()}/request-documents").status_code == 404
    other = make.claim()
    assert manager.post(f"{PATH}/{other.id}/request-documents").json()["errors"][0]["code"] == "required"


def test_a_report_is_taken_back_by_its_own_people(claim, owner):
    assert Api().post(f"{PATH}/{claim.id}/withdraw").status_code == 401
    assert Api("client").post(f"{PATH}/{claim.id}/withdraw").status_code == 404
    assert owner.post(f"{PATH}/{claim.id}/withdraw").json()["status"] == "withdrawn"
    assert owner.post(f"{PATH}/{claim.id}/withdraw").status_code == 409
    report = {
        "policy_id": claim.policy_id,
        "occurred_at": claim.occurred_at,
        "description": "x",
        "amount": claim.amount,
    }
    assert services.open_claim(**report, now=timezone.now() + timedelta(days=1)).status == "opened"


def test_a_driver_the_policy_does_not_name():
    kasko, osago = make.policies(make.KASKO, make.OSAGO)
    stranger = LossReport(driver_birth_date=dealer_day(timezone.now()) - timedelta(days=9999))
    with pytest.raises(NotCovered):
        make.claim(kasko, report=stranger)
    assert make.claim(osago, report=stranger).has_recourse is True

"""End what the law lets us keep of somebody who left when its time is over, column by column, and not before."""

from datetime import timedelta
from io import StringIO

import pytest
from dateutil.relativedelta import relativedelta
from django.conf import settings as project
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone

import financing.tests.make
import insurance.tests.make
import orders.tests.make
from clients.models import ClientImport, ClientRowError, ConsentProof
from clients.plugin.personal import THREE_YEARS
from core.files.papers import examine, read_paper
from core.ids import uuid7
from financing.models import ApplicationDocument, Loan
from financing.services import disburse_loan
from insurance.models import Policy
from messaging.people import classified, endings, personal
from messaging.people.endings import Ending, EndlessEnding
from orders.models import BuyerPapers, Document, DocumentFile, DocumentSignature, IssuedDocument
from orders.services import Actor
from orders.services.buyer_papers import enter_buyer_papers
from orders.services.issuing import issue_paper

pytestmark = pytest.mark.django_db(databases=project.APPS)
NOW = timezone.now()
MANAGER = Actor(uuid7(), frozenset({"manager"}))


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    private = settings.STORAGES["private"]
    options = private["OPTIONS"] | {"location": tmp_path / "private"}
    settings.STORAGES = settings.STORAGES | {"private": private | {"OPTIONS": options}}
    settings.MEDIA_ROOT = tmp_path / "media"


def a_contract(person):
    order = orders.tests.make.completed(customer_id=person)
    orders.tests.make.printed(order, kind="contract", buyer="Anna")
    a_signed_paper(order)
    return relativedelta(years=6, month=1, day=1, hour=12)


def a_signed_paper(order):
    enter_buyer_papers(order_id=order.id, data=orders.tests.make.PASSPORT, actor=MANAGER, now=timezone.now())
    paper = issue_paper(order_id=order.id, kind="consent", language="ru", details={}, actor=MANAGER, now=timezone.now())
    DocumentSignature.objects.create(
        document=paper, side="buyer", method="code", signer_id=order.customer_id, signer_name="Anna", address="::1",
        sha256=paper.sha256, text_sha256=paper.text_sha256, signed_at=NOW,
    )  # fmt: skip


def a_borrowers_passport(person):
    financing.tests.make.programme()
    order, attempt = financing.tests.make.order(customer_id=person), uuid7()
    application = financing.tests.make.requested(order, attempt_id=attempt)
    disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    paper = examine(name="scan.pdf", content=financing.tests.make.PDF, max_bytes=1_000_000)
    with paper.stored("applications") as kept:
        path = kept.take()
    application.documents.create(
        kind="passport",
        name=paper.name,
        content_type=paper.content_type,
        size=paper.size,
        sha256=paper.sha256,
        path=path,
        uploaded_by=person,
        created_at=NOW,
    )
    Loan.objects.update(status="written_off", updated_at=NOW)
    return relativedelta(years=5, hours=1)


def a_policy(person):
    policy = insurance.tests.make.policy(customer_id=person)
    Policy.objects.update(status="expired")
    return relativedelta(policy.end_date, NOW.date()) + relativedelta(years=5, days=2)


def a_list(person):
    run = ClientImport.objects.create(filename="list.csv", created_at=NOW, status="completed", finished_at=NOW)
    run.file.save("list.csv", ContentFile(b"name\nAnna"))
    ClientRowError.objects.create(source=run, row=1, line=2, field="phone", code="invalid", detail="+7900")
    return relativedelta(days=30, hours=1)


def a_consent(person):
    ConsentProof.objects.create(
        user_id=person, door="loan", text_version="1", language="ru", address="198.51.100.7", at=NOW
    )
    return THREE_YEARS


def names():
    return {document.facts["buyer"]["name"] for document in Document.objects.all()} - {""}


def papers():
    return {bool(read_paper(paper.path)) for paper in ApplicationDocument.objects.all()}


KEPT = {
    ("orders", "document.facts"): (a_contract, names),
    ("orders", "documentfile.content"): (a_contract, DocumentFile.objects.all),
    ("orders", "buyerpapers.data"): (a_contract, BuyerPapers.objects.all),
    **{
        ("orders", f"issueddocument.{name}"): (a_contract, IssuedDocument.objects.exclude(facts_digest="").all)
        for name in ("text", "content", "facts_digest", "details")
    },
    **{
        ("orders", f"documentsignature.{name}"): (a_contract, DocumentSignature.objects.exclude(signer_name="").all)
        for name in ("signer_name", "phone", "address", "user_agent", "certificate", "cms", "code_hash")
    },
    ("financing", "applicationdocument.name"): (a_borrowers_passport, papers),
    ("financing", "applicationdocument.path"): (a_borrowers_passport, papers),
    ("financing", "applicationdocument.sha256"): (a_borrowers_passport, papers),
    ("insurance", "policy.vehicle_vin"): (a_policy, Policy.objects.exclude(vehicle_vin="").all),
    ("clients", "clientimport.file"): (a_list, ClientImport.objects.exclude(file="").all),
    ("clients", "clientrowerror.detail"): (a_list, ClientRowError.objects.all),
    ("clients", "consentproof.address"): (a_consent, ConsentProof.objects.exclude(address="").all),
}
"""Every kept column: how something comes to stand in it and when it is over, and what still stands there."""
OF_LEAVERS = sorted(key for key in KEPT if key[0] != "clients")


def test_every_kept_column_has_an_end_that_is_tried_here():
    said = {
        (model._meta.app_label, f"{model._meta.model_name}.{name}")
        for (model, name), standing in classified._said.items()
        if "; kept," in standing
    }
    ended = {
        (app, name)
        for app in endings.ending_apps()
        for names in endings.get_endings(app).values()
        for name in names.split(", ")
    }
    assert said == set(KEPT) == ended


@pytest.mark.parametrize(("app", "column"), sorted(KEPT))
def test_it_ends_when_its_time_is_over_and_not_before(app, column, django_capture_on_commit_callbacks):
    person, (make, standing) = uuid7(), KEPT[app, column]
    time = make(person)
    assert standing()
    personal.erase(app, person)
    early = NOW + time - timedelta(days=3)
    assert set(endings.end_due(app, now=early).values()) == {0}
    assert standing(), "the law wants it"
    later = NOW + time + timedelta(days=3)
    due = endings.count_due(app, now=later)
    assert next(count for names, count in due.items() if column in names.split(", "))
    assert standing(), "counting ends nothing"
    steps = []
    with django_capture_on_commit_callbacks(using=app, execute=True):
        assert endings.end_due(app, now=later, tick=lambda name, count: steps.append(count)) == due
    assert not standing()
    assert sum(steps) == sum(due.values())
    assert set(endings.end_due(app, now=later).values()) == {0}


@pytest.mark.parametrize(("app", "column"), OF_LEAVERS)
def test_nothing_of_those_who_have_not_left_ends(app, column):
    make, standing = KEPT[app, column]
    time = make(uuid7())
    assert set(endings.end_due(app, now=NOW + time + timedelta(days=900)).values()) == {0}
    assert standing()


def test_a_job_that_was_broken_off_goes_on_and_steps_are_small(monkeypatch):
    monkeypatch.setattr(endings, "BATCH", 1)
    persons = [uuid7() for _ in range(3)]
    for person in persons:
        insurance.tests.make.policy(customer_id=person)
        Policy.objects.update(status="expired")
        personal.erase("insurance", person)
    (whole,) = endings.get_endings("insurance")
    ended = []

    def then_break(rows):
        if ended:
            raise KeyboardInterrupt
        ended.append(rows.update(vehicle_vin=""))

    monkeypatch.setitem(endings._endings["insurance"], "policy.vehicle_vin", Ending(whole.due, then_break))
    later = NOW + timedelta(days=365 * 7)
    with pytest.raises(KeyboardInterrupt):
        endings.end_due("insurance", now=later)
    assert ended == [1]
    monkeypatch.setitem(endings._endings["insurance"], "policy.vehicle_vin", whole)
    assert endings.end_due("insurance", now=later) == {"policy.vehicle_vin": 2}


def test_an_ending_that_ends_nothing_is_found_out(monkeypatch):
    a_policy(person := uuid7())
    personal.erase("insurance", person)
    (whole,) = endings.get_endings("insurance")
    idle = Ending(whole.due, lambda rows: None)
    monkeypatch.setitem(endings._endings["insurance"], "policy.vehicle_vin", idle)
    with pytest.raises(EndlessEnding):
        endings.end_due("insurance", now=NOW + timedelta(days=365 * 7))


def test_the_command_counts_first_and_then_ends(time_machine):
    a_policy(person := uuid7())
    personal.erase("insurance", person)
    time_machine.move_to(NOW + timedelta(days=365 * 7))
    said = []
    for options in (["--dry-run"], [], []):
        out = StringIO()
        call_command("end_kept_data", "insurance", *options, stdout=out)
        said.append(out.getvalue().strip())
    assert said == [f"insurance: {count} of policy.vehicle_vin" for count in (1, 1, 0)]

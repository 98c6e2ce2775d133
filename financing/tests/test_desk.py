"""The underwriter's desk in the admin: the queue, the explanation, the buttons, and who may press them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from core.testing import tampering
from financing import services
from financing.approvals import DEBIT, MORATORIUM
from financing.models import Application, ApplicationDocument, Loan, LoanPayment, Override
from financing.public import loan_disagreements
from financing.services import BY_ACCOUNT
from financing.tests import make
from gateway.approvals import approve_waiting
from gateway.models import Approval
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["accounts", "financing"])
ADMIN = "/admin/financing"


def browser(*roles):
    user = get_user_model().objects.create(email=f"{uuid7()}@example.com", roles=list(roles))
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    client.user_id = user.pk
    return client


@pytest.fixture
def manager():
    return browser("manager")


@pytest.fixture(autouse=True)
def _on_offer(settings, tmp_path):
    settings.LOAN_FOUR_EYES_ABOVE = 1_000_000
    settings.STORAGES = settings.STORAGES | {
        "private": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path, "base_url": None},
        }
    }
    make.programme()


def get_path(row, button=""):
    return f"{ADMIN}/{row._meta.model_name}/{row.pk}/{button or 'change'}/"


def press(client, row, button, **said):
    return client.post(get_path(row, button), said | {"_form_submitted": "on"})


def page(client, row):
    answer = client.get(get_path(row))
    assert answer.status_code == 200
    return answer.content.decode()


def buttons(client, row):
    shown = page(client, row)
    names = {
        "application": ("approve_one", "counter", "refuse", "override"),
        "override": ("confirm", "turn_down"),
        "loan": (
            "repay_early",
            "give_back",
            "restructure",
            "suspend",
            "collect",
            "stop_collecting",
            "write_off",
        ),
        "loanpayment": ("confirm", "refuse", "reverse"),
        "applicationdocument": ("accept", "turn_down", "download"),
    }[row._meta.model_name]
    return [name for name in names if f"{row.pk}/{name}/" in shown]


def status(row):
    row.refresh_from_db()
    return row.status


# The queue and the explanation -----------------------------------------------------------------------------------
def test_the_queue_tells_what_waits_and_for_how_long(manager):
    now = timezone.now()
    old = make.application(now=now - timedelta(hours=30), **make.DTI_REVIEW)
    new = make.application(**make.DTI_REVIEW)
    proposed = make.application(**make.REFUSED)
    make.override(proposed)
    papers = make.application()
    make.paper(application_id=papers.id)

    def listed(query):
        shown = manager.get(f"{ADMIN}/application/?queue={query}").content.decode()
        return {one.pk for one in (old, new, proposed, papers) if str(one.pk) in shown}

    assert listed("review") == {old.pk, new.pk}
    assert listed("old") == {old.pk}
    assert listed("second") == {proposed.pk}
    assert listed("papers") == {papers.pk}
    assert listed("") == {old.pk, new.pk, proposed.pk, papers.pk}
    cells = manager.get(f"{ADMIN}/application/?queue=old").content.decode()
    assert ">30<" in cells.replace(" ", "").replace("\n", "")


def test_a_page_explains_the_decision(manager):
    application = make.application(**make.DTI_REVIEW)
    shown = page(manager, application)
    check = next(one for one in application.decision["checks"] if one["code"] == "dti")
    nearest = application.decision["counter_offer"]
    for part in (
        check["value"],
        check["limit"],
        "Too much of the income",
        "version of the programme",
        "income a month",
    ):
        assert part in shown
    assert str(nearest["term_months"]) in shown
    assert nearest["monthly_payment"] in shown


def test_what_applicants_write_is_text_on_the_page(manager):
    application = make.application(**make.REFUSED)
    make.override(application)
    with tampering("financing"):
        Override.objects.update(reason="<script>alert(1)</script>")
    application.decision["checks"][0]["value"] = "<b>x</b>"
    application.save()
    shown = page(manager, application)
    assert "<script>alert(1)" not in shown
    assert "<b>x</b>" not in shown


# Deciding --------------------------------------------------------------------------------------------------------
def test_buttons_are_those_the_state_allows(manager):
    review, refused, approved = (make.application(**changes) for changes in (make.DTI_REVIEW, make.REFUSED, {}))
    assert buttons(manager, review) == ["approve_one", "counter", "refuse"]
    assert buttons(manager, refused) == ["counter", "override"]
    assert buttons(manager, approved) == []


def test_an_application_is_approved_on_other_terms(manager):
    application = make.application(**make.DTI_REVIEW)
    with capture_events("financing") as told:
        press(manager, application, "approve_one", amount="900000", annual_rate="17.5")
    assert (status(application), told) == ("approved", ["financing.approved"])
    assert (application.approved_amount, application.annual_rate) == (900_000, Decimal("17.5"))
    assert application.decided_by == manager.user_id
    as_asked = make.application(**make.DTI_REVIEW)
    press(manager, as_asked, "approve_one")
    as_asked.refresh_from_db()
    assert as_asked.approved_amount == 1_500_000


def test_an_application_is_refused_with_a_sentence(manager):
    application = make.application(**make.DTI_REVIEW)
    press(manager, application, "refuse")
    assert status(application) == "under_review"
    press(manager, application, "refuse", reason="Unclear papers.")
    assert (status(application), application.note) == ("rejected", "Unclear papers.")


def test_the_nearest_terms_are_offered(manager):
    application = make.application(**make.REFUSED)
    press(manager, application, "counter")
    assert status(application) == "approved"
    assert application.term_months == application.decision["counter_offer"]["term_months"]


def test_an_override_needs_its_reason_and_the_second_person(manager):
    application = make.application(**make.REFUSED)
    press(manager, application, "override")
    assert not Override.objects.exists()
    press(manager, application, "override", reason="A customer of ten years.")
    override = Override.objects.get()
    assert (status(application), override.status) == ("rejected", "proposed")
    assert "A customer of ten years." in page(manager, application)
    assert buttons(manager, override) == ["confirm", "turn_down"]
    answer = manager.post(get_path(override, "confirm"), {"_form_submitted": "on"}, follow=True)
    assert "another manager" in answer.content.decode()
    assert (status(application), status(override)) == ("rejected", "proposed")
    second = browser("manager")
    with capture_events("financing") as told:
        press(second, override, "confirm", note="Agreed.")
    assert (status(application), status(override), told) == ("approved", "confirmed", ["financing.approved"])
    assert (override.answered_by, override.note) == (second.user_id, "Agreed.")
    assert buttons(second, override) == []
    assert list(loan_disagreements()) == []


def test_a_proposal_is_turned_down(manager):
    override = make.override(make.application(**make.REFUSED))
    press(manager, override, "turn_down", reason="Too much.")
    assert (status(override), override.note) == ("rejected", "Too much.")


def test_papers_are_opened_and_judged(manager):
    application = make.application()
    paper = make.paper(application_id=application.id)
    assert f"{ADMIN}/applicationdocument/{paper.pk}/download/" in page(manager, application)
    answer = manager.get(get_path(paper, "download"))
    assert (answer.content, answer["Content-Type"]) == (make.PDF, "application/pdf")
    assert answer["Content-Disposition"].startswith("attachment")
    press(manager, paper, "turn_down", reason="Blurred.")
    assert (status(paper), paper.note) == ("rejected", "Blurred.")
    press(manager, paper, "accept")
    assert (status(paper), paper.reviewed_by) == ("accepted", manager.user_id)
    assert manager.get(f"{ADMIN}/applicationdocument/{uuid7()}/download/").status_code == 404
    ApplicationDocument.objects.update(path="applications/gone.pdf")
    assert manager.get(get_path(paper, "download")).status_code == 404


# Loans -----------------------------------------------------------------------------------------------------------
@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    """Let one person's word do at every step: tests/value say who must agree to what is forgiven."""
    settings.PENALTY_FOUR_EYES_ABOVE = 100_000_000


@pytest.fixture
def loan():
    order, attempt = make.order(), uuid7()
    make.requested(order, attempt_id=attempt)
    services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    return Loan.objects.get()


def grown_late(loan, time_machine):
    time_machine.move_to(timezone.now() + timedelta(days=45))
    for _ in services.accrue_loans(now=timezone.now()):
        pass
    assert status(loan) == "overdue"


def test_a_loan_is_repaid_early_and_given_back(manager, loan):
    assert buttons(manager, loan) == ["repay_early", "give_back", "restructure", "suspend"]
    press(manager, loan, "repay_early", strategy="reduce_term")
    assert not LoanPayment.objects.exists()
    press(manager, loan, "repay_early", amount="500000", strategy="reduce_term")
    make.debited(LoanPayment.objects.get(), timezone.now())
    loan.refresh_from_db()
    assert (loan.balance, loan.schedule_version) == (1_000_000, 2)
    payment = LoanPayment.objects.get()
    assert (payment.created_by, payment.strategy) == (manager.user_id, "reduce_term")
    press(manager, loan, "give_back")
    assert status(loan) == "active"
    make.debited(LoanPayment.objects.get(status="pending"), timezone.now())
    assert (status(loan), loan.balance) == ("closed", 0)
    assert buttons(manager, loan) == []
    assert list(loan_disagreements()) == []


def test_a_loan_gets_new_terms(manager, loan):
    press(manager, loan, "restructure", term_months="60")
    assert loan.versions.count() == 1
    press(manager, loan, "restructure", term_months="60", annual_rate="12", reason="Lost the job.")
    loan.refresh_from_db()
    assert (loan.annual_rate, loan.schedule_version) == (12, 2)
    version = loan.versions.get(number=2)
    assert (version.reason, version.made_by) == ("Lost the job.", manager.user_id)


def test_credit_holidays_wait_for_a_second_person(manager, loan):
    press(manager, loan, "suspend", months="7", ground="income", evidence="A certificate.")
    assert not Approval.objects.using("financing").exists()
    press(manager, loan, "suspend", months="3", ground="income", evidence="A certificate.")
    loan.refresh_from_db()
    assert (loan.stage, loan.schedule_version) == ("", 1)
    [asked] = Approval.objects.using("financing").filter(kind="financing.moratorium")
    approve_waiting(MORATORIUM, loan.id, person_id=uuid7(), now=timezone.now())
    loan.refresh_from_db()
    assert (str(asked.asked_by), loan.stage, loan.schedule_version) == (str(manager.user_id), "moratorium", 2)
    assert buttons(manager, loan) == ["repay_early", "give_back", "restructure"]
    assert list(loan_disagreements()) == []


def test_a_late_loan_is_handed_to_collection_and_back(loan, time_machine):
    grown_late(loan, time_machine)
    manager = browser("manager")
    press(manager, loan, "collect")
    assert not loan.stages.exists()
    press(manager, loan, "collect", reason="Three months of silence.")
    loan.refresh_from_db()
    assert (loan.stage, loan.stages.get().made_by) == ("collection", manager.user_id)
    assert {"suspend", "stop_collecting"} <= set(buttons(manager, loan))
    assert "collect" not in buttons(manager, loan)
    press(manager, loan, "stop_collecting", reason="They called.")
    loan.refresh_from_db()
    assert (loan.stage, loan.stages.count()) == ("", 2)


def test_only_an_overdue_loan_is_written_off(loan, time_machine):
    grown_late(loan, time_machine)
    manager = browser("manager")
    assert "write_off" in buttons(manager, loan)
    press(manager, loan, "write_off")
    assert status(loan) == "overdue"
    press(manager, loan, "write_off", reason="Bankrupt.")
    assert (status(loan), loan.written_off_amount, loan.entries.get(kind="write_off").reason) == (
        "written_off", 1_500_000, "Bankrupt.",
    )  # fmt: skip
    assert list(loan_disagreements()) == []


def test_a_payment_that_bounced_is_taken_back(manager, loan):
    payment = services.pay_loan(
        loan_id=loan.id, amount=Decimal(1000), means=BY_ACCOUNT, actor_id=uuid7(), now=timezone.now()
    )
    assert buttons(manager, payment) == ["confirm", "refuse"]
    make.debited(payment, timezone.now())
    assert buttons(manager, payment) == ["reverse"]
    press(manager, payment, "reverse", reason="Bounced.")
    assert (status(payment), payment.reversed_by, payment.reason) == ("reversed", manager.user_id, "Bounced.")
    assert buttons(manager, payment) == []
    assert list(loan_disagreements()) == []


def test_what_a_service_refuses_is_said_on_the_page(manager, loan):
    answer = manager.post(get_path(loan, "write_off"), {"reason": "x", "_form_submitted": "on"}, follow=True)
    assert answer.status_code == 403
    sent = {"amount": "0.5", "day": str(dealer_day(timezone.now()) - timedelta(days=1)), "strategy": "reduce_term"}
    answer = manager.post(get_path(loan, "repay_early"), sent | {"_form_submitted": "on"}, follow=True)
    assert "between today and the last payment" in answer.content.decode()
    assert status(loan) == "active"


def test_the_banks_paper_about_a_debit_is_brought_by_one_and_agreed_to_by_another(manager, loan):
    payment = services.pay_loan(
        loan_id=loan.id, amount=Decimal(1000), means=BY_ACCOUNT, actor_id=uuid7(), now=timezone.now()
    )
    assert str(payment.pk) in manager.get(f"{ADMIN}/loanpayment/?attention=yes").content.decode()
    press(manager, payment, "confirm", reference="D-7", day=str(payment.value_date), evidence="Statement of today.")
    assert (status(payment), loan.deposit) == ("pending", 0)
    assert approve_waiting(DEBIT, payment.pk, person_id=uuid7(), now=timezone.now())
    loan.refresh_from_db()
    assert (status(payment), payment.reference, payment.answered_by, loan.deposit) == (
        "received", "D-7", manager.user_id, 1000,
    )  # fmt: skip
    assert str(payment.pk) not in manager.get(f"{ADMIN}/loanpayment/?attention=yes").content.decode()


def test_a_bank_that_debited_nothing_is_written_down(manager, loan):
    payment = services.pay_loan(
        loan_id=loan.id, amount=Decimal(1000), means=BY_ACCOUNT, actor_id=uuid7(), now=timezone.now()
    )
    press(manager, payment, "refuse", reason="No money on it.")
    assert (status(payment), payment.failure_detail, payment.answered_by) == (
        "failed", "No money on it.", manager.user_id,
    )  # fmt: skip


def test_the_portfolio_is_shown_by_lateness(loan, time_machine):
    grown_late(loan, time_machine)
    manager = browser("manager")
    assert f"{ADMIN}/loan/portfolio" in manager.get(f"{ADMIN}/loan/").content.decode()
    shown = manager.get(f"{ADMIN}/loan/portfolio/").content.decode()
    for part in ("1-30", "1500000.00", str(loan.overdue_amount)):
        assert part in shown


# Who may ---------------------------------------------------------------------------------------------------------
def test_clients_and_strangers_press_nothing(loan):
    application = make.application(**make.DTI_REVIEW)
    override = make.override(make.application(**make.REFUSED))
    paper = make.paper(application_id=application.id)
    debit = services.pay_loan(
        loan_id=loan.id, amount=Decimal(1000), means=BY_ACCOUNT, actor_id=uuid7(), now=timezone.now()
    )
    pressed = [
        (application, "approve_one"), (application, "counter"), (application, "refuse"), (override, "confirm"),
        (override, "turn_down"), (paper, "accept"), (paper, "download"), (loan, "repay_early"), (loan, "restructure"),
        (loan, "give_back"), (loan, "write_off"), (debit, "confirm"), (debit, "refuse"),
    ]  # fmt: skip
    for caller in (Client(), browser("client")):
        for row, button in pressed:
            answer = press(caller, row, button, reason="Mine.", amount="1", strategy="reduce_term", term_months="60")
            assert answer.status_code in (302, 403), (button, answer.status_code)
            assert "login" in answer.get("Location", "login")
        assert caller.get(f"{ADMIN}/loan/portfolio/").status_code in (302, 403)
    found = Application.objects.get(pk=application.pk)
    assert (found.status, status(override), status(paper), status(loan)) == (
        "under_review", "proposed", "submitted", "active",
    )  # fmt: skip
    assert (LoanPayment.objects.count(), status(debit)) == (1, "pending")

"""Banks hear what became of their offers: accepted, declined, withdrawn; repeated until they take it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.models import OrderState
from financing.tests import make, sandboxes
from messaging.models import ExternalCall
from sandbox.lenders.store import FAULTS
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/applications"
INCOME = {fault: f"200000.{kopecks}" for kopecks, fault in FAULTS.items()} | {"none": "200000.00"}


@pytest.fixture(scope="module")
def sandbox():
    with sandboxes.running() as found:
        yield found


@pytest.fixture(autouse=True)
def banks(sandbox, settings):
    settings.BANKS_URL, settings.PROVIDER_TIMEOUT_S = sandbox[0], 2
    settings.BREAKER_FAILURES = 1_000_000
    return sandbox[1]


@pytest.fixture(autouse=True)
def _on_offer():
    for connection in ("vega", "third"):
        make.programme(bank=f"Bank {connection}", connection=connection)


def offered(fault="none", **changes):
    return sandboxes.answered(make.application(monthly_income=INCOME[fault], **changes))


def told(banks, application):
    return [(row["bank"], row["decision"]) for row in banks.notices(str(application.id))]


def notices(application):
    return dict(application.offers.values_list("connection", "notice"))


def accept(application, connection):
    offer = application.offers.get(connection=connection)
    client = Api("client", user_id=application.customer_id)
    return client.post(f"{PATH}/{application.id}/accept", {"offer_id": str(offer.id)})


def test_the_bank_whose_offer_is_taken_hears_so_and_the_others_that_theirs_is_not(banks):
    application = offered()
    assert accept(application, "third").status_code == 200
    assert notices(application) == {"vega": "waiting", "third": "waiting"}
    assert told(banks, application) == []
    sandboxes.asked_once_more()
    assert told(banks, application) == [("third", "accepted"), ("vega", "declined")]
    assert notices(application) == {"vega": "told", "third": "told"}
    row = banks.notices(str(application.id))[0]
    application.refresh_from_db()
    assert row["version"] == application.version
    shown = Api("client", user_id=application.customer_id).get(f"{PATH}/{application.id}/offers").json()["results"]
    assert {one["notice"] for one in shown} == {"told"}
    assert all(one["told_at"] for one in shown)


def test_a_checkout_that_accepts_beforehand_tells_them_too(banks):
    application = make.requested(make.order())
    sandboxes.answered(application)
    assert application.status == "accepted"
    sandboxes.asked_once_more()
    assert sorted(decision for _, decision in told(banks, application)) == ["accepted", "declined"]


def test_a_busy_bank_is_told_again_under_the_same_key(banks):
    application = offered("flaky")
    accept(application, "vega")
    for expected in ("waiting", "waiting", "told"):
        sandboxes.asked_once_more()
        assert notices(application)["vega"] == expected
    (row,) = [row for row in banks.notices(str(application.id)) if row["bank"] == "vega"]
    assert row["tries"] == 3


def test_a_bank_that_is_never_reached_is_left_to_a_person(settings, banks):
    application = offered()
    settings.BANKS_URL = nowhere()
    accept(application, "vega")
    for _ in range(16):
        sandboxes.asked_once_more()
    assert notices(application) == {"vega": "failed", "third": "failed"}
    assert not ExternalCall.objects.using("financing").filter(finished_at=None).exists()
    application.refresh_from_db()
    assert application.status == "accepted"


def test_a_bank_that_knows_nothing_of_it_says_so(banks):
    application = offered()
    application.offers.filter(connection="vega").update(connection="unheard-of")
    accept(application, "unheard-of")
    sandboxes.asked_once_more()
    assert notices(application) == {"unheard-of": "failed", "third": "told"}


ENDS = {
    "withdrawn": lambda found: services.withdraw_application(application_id=found.id, now=timezone.now()),
    "expired": lambda found: services.expire_offer(application_id=found.id, now=timezone.now()),
    "order cancelled": lambda found: services.close_order(
        order_id=found.order_id, state=OrderState.CANCELLED, now=timezone.now()
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_offers_of_an_application_that_ends_are_declined(banks, end):
    application = offered()
    ENDS[end](application)
    sandboxes.asked_once_more()
    assert told(banks, application) == [("third", "declined"), ("vega", "declined")]
    assert set(application.offers.values_list("status", flat=True)) == {"let_go"}


def test_what_was_taken_and_given_up_is_withdrawn(banks):
    order, attempt = make.order(), uuid7()
    application = sandboxes.answered(make.requested(order, attempt_id=attempt))
    services.cancel_attempt(order_id=order.order_id, attempt_id=attempt, reason="stock", now=timezone.now())
    for _ in range(2):
        sandboxes.asked_once_more()
    decisions = [decision for _, decision in told(banks, application)]
    assert sorted(decisions) == ["accepted", "declined", "withdrawn"]
    assert notices(application) == {"vega": "told", "third": "told"}


def test_a_late_word_on_an_earlier_notice_changes_nothing(banks):
    order, attempt = make.order(), uuid7()
    application = sandboxes.answered(make.requested(order, attempt_id=attempt))
    taken = application.offers.get(status="taken")
    services.cancel_attempt(order_id=order.order_id, attempt_id=attempt, reason="stock", now=timezone.now())
    now = timezone.now() + timedelta(seconds=1)
    services.record_notice(offer_id=taken.id, decision="accepted", is_told=True, now=now)
    taken.refresh_from_db()
    assert (taken.status, taken.notice, taken.told_at) == ("let_go", "waiting", None)


def test_a_loan_that_is_undone_is_withdrawn_from_its_bank(banks):
    order, attempt = make.order(), uuid7()
    application = sandboxes.answered(make.requested(order, attempt_id=attempt))
    services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    services.cancel_attempt(order_id=order.order_id, attempt_id=attempt, reason="cancelled", now=timezone.now())
    sandboxes.asked_once_more()
    assert sorted(decision for _, decision in told(banks, application)) == ["accepted", "declined", "withdrawn"]


def test_our_own_decisions_are_told_to_nobody():
    make.programme()
    application = make.application(programme_id=str(make.programme().id))
    services.accept_offer(application_id=application.id, customer_id=application.customer_id, now=timezone.now())
    assert notices(application) == {"": ""}
    assert not ExternalCall.objects.using("financing").exists()


def test_the_sandbox_takes_no_nonsense(banks, sandbox):
    import httpx2

    application = offered()
    path = f"{sandbox[0]}/banks/vega/applications/{application.id}/decision"
    assert httpx2.post(path, json={"decision": "accepted"}).status_code == 400
    for body in ({"decision": "maybe"}, [1], "x"):
        assert httpx2.post(path, json=body, headers={"Idempotency-Key": "n"}).status_code == 400
    assert banks.notices(str(application.id)) == []

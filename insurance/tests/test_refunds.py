"""Give back of a premium never more than is held of it, and exactly what its insurer has not earned."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from insurance import services
from insurance.models import MoneyRequest
from insurance.queries.books import policy_disagreements
from insurance.queries.refunds import refund_estimate
from insurance.services.money import held_for
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.models import OutboxEvent
from messaging.testing import capture_events, drain_outbox, make_due

pytestmark = pytest.mark.django_db(databases=["insurance"])
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
CARD = {"method": "card", "token": "tok_success"}


def bought_alone(now):
    quote = make.quote(now=now)
    policy = services.purchase_quote(quote_id=quote.id, payment=CARD, now=now)
    settle(asked(kind="premium", policy=policy))
    return again(policy)


def again(policy):
    policy.refresh_from_db()
    return policy


def endorse(policy, now, deductible):
    changed = services.endorse_policy(
        policy_id=policy.id, changes={"deductible": deductible}, actor_id=uuid7(), payment=CARD, now=now
    )
    if changed.money_id is not None and changed.applied_at is None:
        settle(MoneyRequest.objects.get(pk=changed.money_id))


def reinstate(policy, now):
    services.reinstate_policy(policy_id=policy.id, payment=CARD, now=now)
    charge = asked(kind="reinstatement", policy=policy, state="asked")
    if charge is not None:
        settle(charge)


def revoke(policy, now):
    """Undo the purchase; return what its order gives back of the premium by itself."""
    services.revoke_policies(order_id=policy.order_id, attempt_id=policy.attempt_id, reason="cancelled", now=now)
    told = OutboxEvent.objects.using("insurance").filter(type="insurance.revoked").order_by("n").last()
    return held_for(again(policy)).by_order - Decimal(told.data["earned"])


def cancel(policy, now):
    services.cancel_policy(policy_id=policy.id, now=now)


STEPS = {
    "dearer": lambda policy, now: endorse(policy, now, "0.00"),
    "cheaper": lambda policy, now: endorse(policy, now, "30000.00"),
    "as before": lambda policy, now: endorse(policy, now, "10000.00"),
    "cancel and reinstate": lambda policy, now: (cancel(policy, now), reinstate(policy, now)),
    "schedule and keep": lambda policy, now: (
        services.cancel_policy(policy_id=policy.id, last_date=policy.end_date - timedelta(days=1), now=now),
        services.keep_policy(policy_id=policy.id, now=now),
    ),
}


@given(
    is_alone=st.booleans(),
    steps=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 120)), max_size=5),
    end=st.sampled_from(["cancel", "undo", "cancel and undo", "schedule and undo", "run out and undo"]),
    after=st.integers(0, 40),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_refunds_together_are_the_premium_less_what_was_earned(is_alone, steps, end, after):
    now = START
    policy = bought_alone(now) if is_alone else make.policy(now=now)
    for step, days in steps:
        now = min(now + timedelta(days=days), START + timedelta(days=300))
        STEPS[step](again(policy), now)
        assert held_for(again(policy)).total == policy.premium
    now += timedelta(days=after)
    if end.startswith("cancel"):
        cancel(policy, now)
    if end.startswith("schedule"):
        services.cancel_policy(policy_id=policy.id, last_date=policy.end_date - timedelta(days=1), now=now)
    if end.startswith("run out"):
        services.expire_policy(policy_id=policy.id, now=now + timedelta(days=400))
    by_the_order = revoke(policy, now) if end.endswith("undo") and not is_alone else Decimal(0)
    taken, refunded = _moved(again(policy))
    refunded += by_the_order
    assert 0 <= refunded <= taken
    held = held_for(policy)
    assert min(held.by_order, held.alone) >= 0
    assert taken - refunded == policy.premium - (policy.refund_amount or 0)
    if end in ("undo", "schedule and undo") and not is_alone:
        assert refunded == taken
    assert list(policy_disagreements()) == []


def _moved(policy):
    """Return what came in for a policy and what went back, its order's part included."""
    rows = policy.money_requests.exclude(kind="refund", state="failed")
    came = rows.exclude(kind="refund").aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    back = rows.filter(kind="refund").aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    return came + (policy.quote.premium if policy.paying_order_id else 0), back


# Cancelling on a day to come ---------------------------------------------------------------------------------------
def test_a_policy_ends_on_the_day_its_insured_chose():
    policy = make.policy(now=START)
    last = policy.start_date + timedelta(days=99)
    with capture_events("insurance") as told:
        set_for = services.cancel_policy(policy_id=policy.id, last_date=last, reason="sold", now=START)
    assert (set_for.status, set_for.cancel_date, set_for.refund_amount, told) == ("cancel_scheduled", last, None, [])
    lost_at = datetime(last.year, last.month, last.day, 20, 59, tzinfo=UTC)
    assert set_for.covers(lost_at, last)
    late = lost_at + timedelta(hours=9)
    for _ in range(2):
        services.cancel_when_due(policy_id=policy.id, last_date=last, now=late)
    ended = again(policy)
    assert (ended.status, ended.cancelled_at) == ("cancelled", datetime(2026, 6, 8, 21, tzinfo=UTC))
    assert ended.refund_amount == (policy.premium * 265 / 365).quantize(Decimal("0.01"))
    assert ended.covers(lost_at, last)
    assert not ended.covers(late, last + timedelta(days=1))
    assert MoneyRequest.objects.get().amount == ended.refund_amount


def test_what_will_come_back_is_shown_until_it_does():
    policy = make.policy(now=START)
    owner = Api("client", user_id=policy.customer_id)
    last = policy.start_date + timedelta(days=99)
    services.cancel_policy(policy_id=policy.id, last_date=last, now=START)
    path = f"/insurance/policies/{policy.id}"
    estimate = (policy.premium * 265 / 365).quantize(Decimal("0.01"))
    for shown in (owner.get(path).json(), owner.get("/insurance/policies").json()["results"][0]):
        assert (shown["refund_amount"], shown["refund_estimate"]) == (None, str(estimate))
    services.cancel_when_due(policy_id=policy.id, last_date=last, now=START + timedelta(days=100))
    shown = owner.get(path).json()
    assert (shown["refund_amount"], shown["refund_estimate"]) == (str(estimate), None)


def test_instalments_due_by_then_count_as_paid_by_then():
    policy = make.policy(make.KASKO | {"instalments": 2}, now=START)
    second = policy.instalments.get(number=2)
    before, after = (
        services.cancel_policy(policy_id=policy.id, last_date=second.due_date + days, now=START)
        for days in (timedelta(days=-1), timedelta(days=29))
    )
    term = (policy.end_date - policy.start_date).days + 1
    left = (policy.end_date - before.cancel_date).days
    early = (policy.premium * left / term).quantize(Decimal("0.01")) - second.amount
    assert refund_estimate(before) == max(early, Decimal(0))
    left = (policy.end_date - after.cancel_date).days
    assert refund_estimate(after) == (policy.premium * left / term).quantize(Decimal("0.01"))


def test_its_alarm_ends_it_and_one_set_before_is_void(time_machine):
    time_machine.move_to(START, tick=False)
    policy = make.policy(now=START)
    days = [policy.start_date + timedelta(days=count) for count in (10, 20)]
    for day in days:
        services.cancel_policy(policy_id=policy.id, last_date=day, now=START)
    services.cancel_when_due(policy_id=policy.id, last_date=days[0], now=START + timedelta(days=11))
    assert again(policy).status == "cancel_scheduled"
    make_due("insurance")
    drain_outbox("insurance")
    assert again(policy).status == "cancelled"


def test_a_cancellation_to_come_is_taken_back():
    policy = make.policy()
    owner, last = Api("client", user_id=policy.customer_id), dealer_day(timezone.now()) + timedelta(days=30)
    path = f"/insurance/policies/{policy.id}"
    assert owner.post(f"{path}/keep").status_code == 409
    shown = owner.post(f"{path}/cancel", {"last_date": str(last)}).json()
    assert (shown["status"], shown["cancel_date"]) == ("cancel_scheduled", str(last))
    assert Api("client").post(f"{path}/keep").status_code == 404
    assert Api().post(f"{path}/keep").status_code == 401
    assert owner.post(f"{path}/keep").json()["status"] == "active"
    services.cancel_when_due(policy_id=policy.id, last_date=last, now=timezone.now() + timedelta(days=31))
    assert again(policy).status == "active"
    assert not MoneyRequest.objects.exists()


@pytest.mark.parametrize(
    ("role", "sent", "code"),
    [
        ("client", {"last_date": "2020-01-01"}, "out_of_range"),
        ("client", {"last_date": "2099-01-01"}, "out_of_range"),
        ("client", {"last_date": "soon"}, "invalid"),
        ("client", {"event_date": "2026-01-01"}, "invalid"),
        ("manager", {"event_date": "2020-01-01"}, "out_of_range"),
        ("manager", {"event_date": "2099-01-01"}, "out_of_range"),
    ],
)
def test_impossible_days_change_nothing(role, sent, code):
    policy = make.policy()
    caller = Api("manager") if role == "manager" else Api("client", user_id=policy.customer_id)
    refused = caller.post(f"/insurance/policies/{policy.id}/cancel", sent)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, code)
    assert again(policy).status == "active"


def test_after_a_death_the_premium_counts_from_the_day_of_the_event():
    policy = make.policy(make.OSAGO, now=START)
    event = policy.start_date + timedelta(days=99)
    ended = services.cancel_policy(policy_id=policy.id, event_date=event, now=START + timedelta(days=200))
    assert ended.refund_amount == (policy.premium * Decimal("0.77") * 265 / 365).quantize(Decimal("0.01"))
    assert ended.covers(START + timedelta(days=150), event + timedelta(days=50))


# What a total loss leaves --------------------------------------------------------------------------------------------
def total_loss(policy, now):
    claim = make.claim(policy, now=now)
    make.papers(claim, "police_report", "registration")
    found = services.Assessment(amount=Decimal(1_900_000), is_total_loss=True, kind="theft")
    services.assess_claim(claim_id=claim.id, found=found, now=now)
    for _ in range(2):
        services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=now)
    services.pay_claim(claim_id=claim.id, now=now)
    return claim


def test_a_total_loss_ends_the_policy_and_earns_its_premium():
    policy = make.policy()
    claim = total_loss(policy, timezone.now() + timedelta(days=1))
    assert again(policy).status == "active"
    with capture_events("insurance") as told:
        settle(asked(kind="payout", claim=claim))
    assert told == ["insurance.cancelled", "claim.paid"]
    ended = again(policy)
    assert (ended.status, ended.refund_amount, ended.cancel_reason) == ("cancelled", 0, "total_loss")
    refused = Api("manager").post(f"/insurance/policies/{policy.id}/reinstate")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_reinstated")
    assert not MoneyRequest.objects.filter(kind="refund").exists()
    assert revoke(policy, timezone.now()) == 0
    assert list(policy_disagreements()) == []


def test_osago_outlives_a_loss_that_it_pays_for():
    policy = make.policy(make.OSAGO)
    claim = make.claim(policy, amount="400000")
    make.papers(claim, "photo", "european_protocol")
    found = services.Assessment(amount=Decimal(400_000), kind="collision")
    services.assess_claim(claim_id=claim.id, found=found, now=timezone.now())
    services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())
    services.pay_claim(claim_id=claim.id, now=timezone.now())
    settle(asked(kind="payout", claim=claim))
    assert again(policy).status == "active"


# Purchases undone -----------------------------------------------------------------------------------------------------
def test_claims_that_were_granted_stay_with_the_insurer_of_an_undone_purchase():
    policy = make.policy()
    claim = make.claim(policy, amount="50000")
    services.assess_claim(claim_id=claim.id, found=services.Assessment(amount=Decimal(50_000)), now=timezone.now())
    services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())
    assert revoke(policy, timezone.now()) == again(policy).refund_amount == policy.premium - 40_000


def test_a_repayment_that_comes_after_the_purchase_was_undone_goes_back():
    policy = make.policy()
    cancel(policy, timezone.now())
    services.reinstate_policy(policy_id=policy.id, payment=CARD, now=timezone.now())
    revoke(policy, timezone.now())
    charge = asked(kind="reinstatement")
    settle(charge)
    assert again(policy).status == "cancelled"
    back = asked(kind="refund")
    assert (back.amount, back.order_id) == (charge.amount, None)
    assert list(policy_disagreements()) == []

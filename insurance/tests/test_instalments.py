"""Premiums in parts: the schedule, each payment, the days of grace, suspension, the end, and what comes back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import dealer_day
from core.errors import DomainError
from core.ids import uuid7
from core.testing import Api
from insurance import handlers, services
from insurance.errors import InstalmentOverdue, NotCovered, NothingDue
from insurance.models import Instalment, MoneyRequest, Policy
from insurance.public import estimate, rate
from insurance.queries.books import policy_disagreements
from insurance.queries.refunds import refund_on_day
from insurance.rules.rating import InvalidRisk, first_part, split_premium
from insurance.services.money import held_for
from insurance.tests import make
from insurance.tests.answers import asked
from messaging.testing import capture_events
from payments.events import ChargeSettled
from payments.services import store_method

pytestmark = pytest.mark.django_db(databases=["insurance"])
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
CARD = {"method": "card", "token": "tok_success"}
STORED = {"method": "card", "payment_method_id": str(uuid7())}
THREE = make.KASKO | {"instalments": 3}
SECOND_DUE = datetime(2026, 6, 30, 9, tzinfo=UTC)


def in_three(now=START):
    return make.policy(THREE, now=now)


def again(policy):
    return Policy.objects.select_related("quote").get(pk=policy.pk)


def states(policy):
    return [part.state for part in policy.instalments.all()]


def settle(now, *, is_paid=True, code=""):
    """Answer as payments about the newest instalment asked for."""
    request = asked(kind="instalment")
    services.settle_charge(request_id=request.id, is_paid=is_paid, code=code, detail=code, now=now)


def pay(policy, now):
    services.pay_instalment(policy_id=policy.id, payment=CARD, now=now)
    settle(now)
    return again(policy)


def attend(policy, now, times=2):
    for _ in range(times):
        services.attend_instalment(policy_id=policy.id, now=now)
    return again(policy)


def assert_books_agree():
    """But for what the books say of the day they are read on: these policies live on days of their own."""
    by_today = {"instalment_forgotten", "policy_past_its_end"}
    assert [item for item in policy_disagreements() if item.kind not in by_today] == []


# Rating ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("count", "factor"), [(1, "1"), (2, "1.03"), (3, "1.05")])
def test_the_coefficient_stands_in_the_breakdown(count, factor):
    facts = rate(make.KASKO | {"instalments": count}, day=date(2026, 3, 1))
    factors = {item["code"]: item["value"] for item in facts.breakdown}
    assert Decimal(factors["instalments"]) == Decimal(factor)
    product = Decimal(1)
    for item in facts.breakdown:
        product *= Decimal(item["value"])
    assert product.quantize(Decimal("0.01")) == facts.premium
    assert len(facts.later) == count - 1
    assert facts.due_now + sum(Decimal(part["amount"]) for part in facts.later) == facts.premium


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"instalments": 4}, "invalid_choice"), ({"instalments": 0}, "out_of_range"),
     ({"instalments": 3, "term_months": 6}, "out_of_range")],
)  # fmt: skip
def test_parts_that_nobody_offers_are_refused(changes, code):
    refused = Api("client").post("/insurance/quotes", make.KASKO | changes)
    assert refused.status_code == 400, refused.json()
    field = refused.json()["errors"][0]
    assert field["field"] == "instalments"
    assert code in (field["code"], "out_of_range")


def test_osago_is_paid_at_once():
    refused = Api("client").post("/insurance/quotes", make.OSAGO | {"instalments": 2})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "instalments")


@given(
    premium=st.decimals("0.12", "9999999", places=2),
    count=st.integers(1, 4),
    months=st.integers(1, 12),
    start=st.dates(date(2024, 1, 1), date(2028, 12, 31)),
)
@settings(max_examples=200)
def test_parts_make_the_premium_and_their_days_rise(premium, count, months, start):
    if count > 1 and count * 3 > months:
        with pytest.raises(InvalidRisk):
            split_premium(premium, count, start, months)
        return
    parts = split_premium(premium, count, start, months)
    assert sum(part.amount for part in parts) == premium
    assert parts[0].amount == first_part(premium, count)
    assert max(part.amount for part in parts) - min(part.amount for part in parts) < Decimal("0.01") * count
    days = [part.due_date for part in parts]
    assert days == sorted(set(days))
    assert days[0] == start


# Buying ---------------------------------------------------------------------------------------------------------------
def test_a_purchase_pays_the_first_part_and_knows_the_rest():
    with capture_events("insurance") as told:
        policy = in_three()
    assert "insurance.purchased" in told
    parts = list(policy.instalments.all())
    assert [part.due_date for part in parts] == [date(2026, 3, 1), date(2026, 6, 30), date(2026, 10, 31)]
    assert states(policy) == ["paid", "planned", "planned"]
    assert sum(part.amount for part in parts) == policy.premium
    assert held_for(policy).by_order == parts[0].amount == first_part(policy.premium, 3)
    assert_books_agree()


def test_an_order_asks_for_the_first_part_only():
    assert estimate(THREE) == first_part(rate(THREE, day=dealer_day(START)).premium, 3) < estimate(make.KASKO) / 2


def test_a_policy_bought_by_itself_asks_for_its_first_part():
    quote = make.quote(now=START, instalments=2)
    policy = services.purchase_quote(quote_id=quote.id, payment=CARD, now=START)
    premium = asked(kind="premium")
    assert premium.amount == first_part(policy.premium, 2)
    services.settle_charge(request_id=premium.id, is_paid=True, code="", detail="", now=START)
    assert (again(policy).status, states(policy)) == ("active", ["paid", "planned"])
    assert_books_agree()


# Paying ---------------------------------------------------------------------------------------------------------------
def test_an_instalment_is_paid_once_and_told():
    policy = in_three()
    services.pay_instalment(policy_id=policy.id, payment=CARD, now=START)
    asked_for = asked(kind="instalment")
    answer = ChargeSettled(
        request_id=asked_for.id, payment_id=uuid7(), purpose="policy", subject_id=policy.id,
        customer_id=policy.customer_id, is_paid=True, amount=asked_for.amount, currency="RUB",
    )  # fmt: skip
    with capture_events("insurance") as told:
        handlers.receive_payments(answer)
        handlers.receive_payments(answer)
    assert told == ["insurance.instalment_paid"]
    assert states(policy) == ["paid", "paid", "planned"]
    assert_books_agree()


def test_a_refused_payment_leaves_it_due_with_the_reason():
    policy = in_three()
    services.pay_instalment(policy_id=policy.id, payment=CARD, now=START)
    settle(START, is_paid=False, code="insufficient_funds")
    part = policy.instalments.get(number=2)
    assert (part.state, part.code) == ("planned", "insufficient_funds")
    assert states(pay(policy, START)) == ["paid", "paid", "planned"]


def test_money_that_comes_twice_goes_back():
    policy = in_three()
    services.pay_instalment(policy_id=policy.id, payment=CARD, now=START)
    first = asked(kind="instalment")
    settle(START, is_paid=False, code="timeout")
    pay(policy, START)
    services.settle_charge(request_id=first.id, is_paid=True, code="", detail="", now=START)
    assert asked(kind="refund").amount == first.amount
    assert states(policy) == ["paid", "paid", "planned"]
    assert_books_agree()


def test_the_api_pays_shows_and_refuses():
    policy = in_three(now=datetime.now(UTC))
    owner, path = Api("client", user_id=policy.customer_id), f"/insurance/policies/{policy.id}"
    assert [part["state"] for part in owner.get(path).json()["instalments"]] == ["paid", "planned", "planned"]
    assert owner.post(f"{path}/pay-instalment", {"payment": {"method": "barter"}}).status_code == 400
    assert Api().post(f"{path}/pay-instalment", {"payment": CARD}).status_code == 401
    assert Api("client").post(f"{path}/pay-instalment", {"payment": CARD}).status_code == 404
    assert not MoneyRequest.objects.exists()
    assert owner.post(f"{path}/pay-instalment", {"payment": CARD}).status_code == 200
    under_way = owner.post(f"{path}/pay-instalment", {"payment": CARD})
    assert (under_way.status_code, under_way.json()["code"]) == (409, "instalment_under_way")
    settle(datetime.now(UTC))
    pay(policy, datetime.now(UTC))
    nothing = owner.post(f"{path}/pay-instalment", {"payment": CARD})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_due")
    assert MoneyRequest.objects.count() == 2


@pytest.mark.django_db(databases=["insurance", "payments"])
def test_a_stored_method_is_chosen_and_forgotten():
    policy = in_three(now=datetime.now(UTC))
    kept = store_method(customer_id=policy.customer_id, method="card", token="tok_success", now=START)
    stored = {"method": "card", "payment_method_id": str(kept.id)}
    owner, path = Api("client", user_id=policy.customer_id), f"/insurance/policies/{policy.id}/autopay"
    assert owner.post(path, {"payment": CARD}).status_code == 400
    assert Api().post(path, {"payment": stored}).status_code == 401
    assert Api("client").post(path, {"payment": stored}).status_code == 404
    assert again(policy).autopay_method_id is None
    assert owner.post(path, {"payment": stored}).json()["autopay_method_id"] == stored["payment_method_id"]
    assert owner.post(path, {"payment": None}).json()["autopay_method_id"] is None
    whole = make.policy()
    refused = Api("manager").post(f"/insurance/policies/{whole.id}/autopay", {"payment": stored})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "unknown_payment_method")
    with pytest.raises(NothingDue):
        services.choose_autopay(policy_id=whole.id, payment=stored, now=START)


# By due dates ---------------------------------------------------------------------------------------------------------
def test_the_insured_are_reminded_once_and_a_stored_method_is_charged_once_a_day():
    policy = in_three()
    services.choose_autopay(policy_id=policy.id, payment=STORED, now=START)
    with capture_events("insurance") as told:
        attend(policy, SECOND_DUE - timedelta(days=6))
    assert told == ["insurance.instalment_due"]
    assert not MoneyRequest.objects.exists()
    with capture_events("insurance") as told:
        attend(policy, SECOND_DUE)
    assert told == ["insurance.premium_requested"]
    settle(SECOND_DUE, is_paid=False, code="insufficient_funds")
    attend(policy, SECOND_DUE + timedelta(hours=3))
    assert MoneyRequest.objects.count() == 1
    with capture_events("insurance") as told:
        attend(policy, SECOND_DUE + timedelta(days=1))
    assert told == ["insurance.instalment_overdue", "insurance.premium_requested"]
    settle(SECOND_DUE + timedelta(days=1))
    assert states(policy) == ["paid", "paid", "planned"]
    assert attend(policy, SECOND_DUE + timedelta(days=30)).status == "active"


def test_the_job_looks_at_what_is_due_and_at_nothing_else():
    late, early = in_three(), in_three(now=START + timedelta(days=60))
    make.policy(now=START)
    assert services.collect_premiums(now=SECOND_DUE - timedelta(days=30)) == 0
    assert services.collect_premiums(now=SECOND_DUE) == 1
    assert late.instalments.get(number=2).reminded_at == SECOND_DUE
    assert early.instalments.get(number=2).reminded_at is None


def test_in_the_days_of_grace_a_loss_waits_for_the_instalment():
    policy = in_three()
    lost_at = SECOND_DUE + timedelta(days=5)
    attend(policy, lost_at)
    claim = services.open_claim(
        policy_id=policy.id, occurred_at=lost_at, description="A tree.", amount=Decimal(90_000), now=lost_at
    )
    found = services.Assessment(amount=Decimal(90_000))
    services.assess_claim(claim_id=claim.id, found=found, now=lost_at)
    refused = Api("manager").post(f"/insurance/claims/{claim.id}/approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "premium_unpaid")
    assert refused.json()["due_date"] == "2026-06-30"
    pay(policy, SECOND_DUE + timedelta(days=14))
    assert services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=lost_at).status == "approved"


def test_after_the_grace_nothing_is_covered_until_it_is_paid():
    policy = in_three()
    assert attend(policy, SECOND_DUE + timedelta(days=14)).status == "active"
    off_at = SECOND_DUE + timedelta(days=15)
    with capture_events("insurance") as told:
        assert attend(policy, off_at).status == "suspended"
    assert told == ["insurance.suspended"]
    with pytest.raises(NotCovered):
        services.open_claim(
            policy_id=policy.id,
            occurred_at=SECOND_DUE + timedelta(days=3),
            description="A tree.",
            amount=Decimal(1),
            now=off_at,
        )
    refused = Api("manager").post(f"/insurance/policies/{policy.id}/endorse", {"changes": {"deductible": "0"}})
    assert refused.status_code == 409
    paid_at = SECOND_DUE + timedelta(days=20)
    with capture_events("insurance") as told:
        back = pay(policy, paid_at)
    assert told[-2:] == ["insurance.instalment_paid", "insurance.resumed"]
    assert back.status == "active"
    covered = [SECOND_DUE, SECOND_DUE + timedelta(days=3), paid_at - timedelta(seconds=1), paid_at]
    assert [back.covers(moment, dealer_day(moment)) for moment in covered] == [True, False, False, True]
    assert_books_agree()


def test_cover_stops_at_midnight_of_the_dealership():
    policy = in_three()
    attend(policy, SECOND_DUE + timedelta(days=15))
    last = datetime(2026, 6, 30, 20, 59, 59, tzinfo=UTC)
    moments = [last, last + timedelta(seconds=1)]
    assert [again(policy).covers(moment, dealer_day(moment)) for moment in moments] == [True, False]


def test_a_payment_begun_in_time_is_waited_for():
    policy = in_three()
    begun = SECOND_DUE + timedelta(days=14, hours=11)
    services.pay_instalment(policy_id=policy.id, payment=CARD, now=begun)
    MoneyRequest.objects.update(created_at=begun)
    assert attend(policy, SECOND_DUE + timedelta(days=15)).status == "active"
    assert attend(policy, SECOND_DUE + timedelta(days=16)).status == "suspended"
    settle(SECOND_DUE + timedelta(days=16))
    assert again(policy).status == "active"


def test_what_stays_unpaid_ends_as_of_its_due_date():
    policy = in_three()
    attend(policy, SECOND_DUE + timedelta(days=15))
    assert attend(policy, SECOND_DUE + timedelta(days=44)).status == "suspended"
    with capture_events("insurance") as told:
        ended = attend(policy, SECOND_DUE + timedelta(days=45))
    assert told[0] == "insurance.cancelled"
    assert (ended.status, ended.cancel_reason) == ("cancelled", "instalment_unpaid")
    assert ended.cancelled_at == datetime(2026, 6, 30, 21, tzinfo=UTC)
    assert states(ended) == ["paid", "void", "void"]
    paid = first_part(policy.premium, 3)
    unused = (policy.premium * 243 / 365).quantize(Decimal("0.01"))
    assert ended.refund_amount == max(unused - (policy.premium - paid), Decimal(0))
    late = Api("client", user_id=policy.customer_id).post(
        f"/insurance/policies/{policy.id}/pay-instalment", {"payment": CARD}
    )
    assert late.status_code == 409
    assert_books_agree()


# Ends and changes -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("paid_parts", "days"), [(1, 30), (2, 30), (3, 200), (1, 120)])
def test_what_comes_back_counts_what_was_paid(paid_parts, days):
    policy = in_three()
    for _ in range(paid_parts - 1):
        pay(policy, START + timedelta(days=1))
    now = START + timedelta(days=days)
    shown = refund_on_day(again(policy), dealer_day(now))
    ended = services.cancel_policy(policy_id=policy.id, now=now)
    paid = sum(part.amount for part in policy.instalments.filter(state="paid"))
    earned = policy.premium - (policy.premium * (364 - days) / 365).quantize(Decimal("0.01"))
    assert ended.refund_amount == shown == paid - earned > 0
    assert sum(row.amount for row in MoneyRequest.objects.filter(kind="refund")) == shown
    assert set(states(policy)) <= {"paid", "void"}
    assert_books_agree()


def test_cancelled_in_the_grace_it_ends_with_the_day_that_was_paid_for():
    policy = in_three()
    ended = services.cancel_policy(policy_id=policy.id, now=SECOND_DUE + timedelta(days=9))
    assert ended.cancelled_at == datetime(2026, 6, 30, 21, tzinfo=UTC)
    assert not ended.covers(SECOND_DUE + timedelta(days=2), date(2026, 7, 2))


def test_an_undone_purchase_gives_back_what_was_paid_and_asks_for_no_more():
    policy = in_three()
    pay(policy, START)
    services.revoke_policies(order_id=policy.order_id, attempt_id=policy.attempt_id, reason="x", now=START)
    ended = again(policy)
    paid = sum(part.amount for part in policy.instalments.filter(state="paid"))
    assert (ended.status, ended.refund_amount, states(ended)) == ("cancelled", paid, ["paid", "paid", "void"])
    assert asked(kind="refund").amount == policy.instalments.get(number=2).amount


def test_a_suspended_policy_of_an_undone_purchase_ends_too():
    policy = in_three()
    attend(policy, SECOND_DUE + timedelta(days=15))
    services.revoke_policies(
        order_id=policy.order_id, attempt_id=policy.attempt_id, reason="x", now=SECOND_DUE + timedelta(days=16)
    )
    assert again(policy).status == "cancelled"


def test_a_cheaper_policy_owes_smaller_instalments_and_a_dearer_one_pays_at_once():
    policy = in_three()
    change = {"policy_id": policy.id, "actor_id": uuid7(), "now": START}
    priced = services.price_endorsement(changes={"deductible": "30000"}, **change)
    made = services.endorse_policy(changes={"deductible": "30000"}, **change)
    assert (made.taken_off, made.to_return) == (priced.taken_off, priced.to_return) == (-made.premium_difference, 0)
    assert not MoneyRequest.objects.exists()
    rest = [part.amount for part in policy.instalments.all()]
    assert rest[0] > rest[1] > rest[2] > 0
    assert_books_agree()
    dearer = services.endorse_policy(changes={"deductible": "0"}, payment=CARD, **change)
    services.settle_charge(request_id=dearer.money_id, is_paid=True, code="", detail="", now=START)
    assert [part.amount for part in policy.instalments.all()] == rest
    assert_books_agree()


def test_nothing_is_changed_while_an_instalment_is_overdue():
    policy = in_three()
    with pytest.raises(InstalmentOverdue):
        services.endorse_policy(
            policy_id=policy.id, changes={"deductible": "30000"}, actor_id=uuid7(), now=SECOND_DUE + timedelta(days=1)
        )
    assert not policy.endorsements.exists()


def test_of_a_total_loss_the_rest_of_the_premium_is_taken_off():
    policy = in_three()
    now = START + timedelta(days=10)
    claim = make.claim(policy, now=now)
    make.papers(claim, "police_report", "registration")
    found = services.Assessment(amount=Decimal(1_900_000), is_total_loss=True, kind="theft")
    services.assess_claim(claim_id=claim.id, found=found, now=now)
    for _ in range(2):
        services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=now)
    rest = policy.premium - first_part(policy.premium, 3)
    services.pay_claim(claim_id=claim.id, now=now)
    payout = asked(kind="payout")
    assert payout.amount == Decimal(1_990_000) - rest
    services.settle_payout(request_id=payout.id, is_paid=True, code="", detail="", now=now)
    claim.refresh_from_db()
    assert (claim.status, claim.paid_amount, claim.set_off_amount) == ("paid", Decimal(1_990_000), rest)
    ended = again(policy)
    assert (ended.status, ended.refund_amount, states(ended)) == ("cancelled", 0, ["paid", "set_off", "set_off"])
    assert_books_agree()


def test_a_policy_put_back_owes_its_instalments_again():
    policy = in_three()
    now = START + timedelta(days=10)
    services.cancel_policy(policy_id=policy.id, now=now)
    services.reinstate_policy(policy_id=policy.id, payment=CARD, now=now)
    back = asked(kind="reinstatement")
    services.settle_charge(request_id=back.id, is_paid=True, code="", detail="", now=now)
    assert (again(policy).status, states(policy)) == ("active", ["paid", "planned", "planned"])
    assert_books_agree()


def test_a_policy_that_is_to_end_anyway_is_asked_for_nothing_after_its_end():
    policy = in_three()
    services.cancel_policy(policy_id=policy.id, last_date=date(2026, 6, 30), now=START)
    assert attend(policy, SECOND_DUE - timedelta(days=1)).instalments.get(number=2).reminded_at is None
    services.cancel_when_due(policy_id=policy.id, last_date=date(2026, 6, 30), now=SECOND_DUE + timedelta(days=1))
    assert states(policy) == ["paid", "void", "void"]
    assert_books_agree()


STEPS = {
    "pay": lambda policy, now: pay(policy, now) if policy.instalments.filter(state="planned").exists() else None,
    "attend": lambda policy, now: attend(policy, now, times=1),
    "cheaper": lambda policy, now: _endorse(policy, now, "30000"),
    "dearer": lambda policy, now: _endorse(policy, now, "0"),
    "cancel": lambda policy, now: services.cancel_policy(policy_id=policy.id, now=now),
}


def _endorse(policy, now, deductible):
    change = services.endorse_policy(
        policy_id=policy.id, changes={"deductible": deductible}, actor_id=uuid7(), payment=CARD, now=now
    )
    if change.money_id is not None:
        services.settle_charge(request_id=change.money_id, is_paid=True, code="", detail="", now=now)


@given(steps=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 60)), min_size=1, max_size=7))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_books_agree_and_nothing_is_owed_twice(steps):
    policy, now = in_three(), START
    for step, days in steps:
        now = min(now + timedelta(days=days), START + timedelta(days=360))
        try:
            STEPS[step](again(policy), now)
        except DomainError:
            continue
        held, known = held_for(again(policy)), again(policy)
        unpaid = sum(part.amount for part in known.instalments.exclude(state="paid"))
        assert min(held.by_order, held.alone) >= 0
        assert held.total == known.premium - unpaid - (known.refund_amount or 0)
    assert_books_agree()


# Books ----------------------------------------------------------------------------------------------------------------
def test_a_schedule_that_does_not_make_its_premium_is_found():
    policy = in_three(now=datetime.now(UTC))
    Instalment.objects.filter(policy=policy, number=3).update(amount=Decimal(1))
    kinds = {item.kind for item in policy_disagreements()}
    assert "schedule_differs" in kinds


def test_an_instalment_that_nobody_asks_for_is_found():
    policy = in_three(now=datetime.now(UTC))
    Instalment.objects.filter(policy=policy, number=2).update(due_date=date(2020, 1, 1))
    assert "instalment_forgotten" in {item.kind for item in policy_disagreements()}

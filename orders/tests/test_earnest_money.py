"""Earnest money: it stays when the sale fails, until one person has stated the fault and a second confirmed it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import FourEyes, InvalidInput, StaleVersion, WrongTransition
from core.testing import Api
from gateway.approvals import Waits, approve, approve_waiting, kind_named, reject
from gateway.approvals.asking import ApprovalPending
from gateway.models import Approval
from messaging.models import OutboxEvent
from orders import services
from orders.errors import TransitionNotYours
from orders.models import DepositAgreement, Order, OrderHistory
from orders.plugin.personal import _obligations
from orders.public import deposit_disagreements, deposits_for_people, judged_deposits, order_facts, read_board
from orders.services import Actor
from orders.services.deposits import TERMS_VERSION, VERSIONS
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}
SUM = "50000.00"
STAFF = frozenset({"manager"})
FAULT = kind_named("orders.fault")


@pytest.fixture
def first():
    return Actor(make.uuid7(), STAFF)


def agreement(order):
    return DepositAgreement.objects.get(order_id=order.id)


def told(*prefixes):
    found = OutboxEvent.objects.using("orders").order_by("n").values_list("type", flat=True)
    return [name for name in found if name.startswith(prefixes)]


def last(name):
    return OutboxEvent.objects.using("orders").filter(type=name).order_by("n").last().data


def word(order, fault, actor, reason="They wrote so.", **more):
    return services.state_fault(order_id=order.id, fault=fault, reason=reason, actor=actor, now=timezone.now(), **more)


def judge(order, fault, actor, second=None):
    """State a fault, and have a second person confirm it."""
    with pytest.raises(Waits):
        word(order, fault, actor)
    approve_waiting(FAULT, order.id, person_id=second or make.uuid7(), now=timezone.now())


# The terms ----------------------------------------------------------------------------------------------------------
def test_the_dealer_chooses_which_kind_is_offered(settings):
    now = timezone.now()
    assert services.deposit_terms(now).kind == "advance"
    settings.DEPOSIT_KIND = "earnest"
    shown = services.deposit_terms(now)
    assert (shown.kind, shown.version) == ("earnest", VERSIONS["earnest"])
    assert all(article in shown.text for article in ("380", "381"))


@pytest.mark.parametrize("terms", [None, "", TERMS_VERSION, "2020-01"])
def test_nobody_gives_earnest_money_by_words_they_did_not_accept(settings, terms):
    settings.DEPOSIT_KIND = "earnest"
    with pytest.raises(InvalidInput) as refusal:
        make.order(deposit=CARD | {"amount": SUM, "terms": terms})
    assert refusal.value.errors[0]["code"] == "terms_not_accepted"
    assert not Order.objects.exists()


def test_an_advance_is_not_given_by_the_words_of_earnest_money():
    with pytest.raises(InvalidInput):
        make.order(deposit=CARD | {"amount": SUM, "terms": VERSIONS["earnest"]})


def test_an_agreement_keeps_its_kind_whatever_is_offered_later():
    order, _ = make.with_earnest_money(is_over=False)
    found = agreement(order)
    assert (found.kind, found.terms_version, found.state) == ("earnest", VERSIONS["earnest"], "paid")


# The end of the sale ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["client", "manager"])
def test_whoever_gives_up_it_waits_for_a_word(who):
    order, _ = make.with_earnest_money(is_over=False)
    actor = Actor(order.customer_id if who == "client" else make.uuid7(), frozenset({who}))
    services.move_order(order_id=order.id, status="cancelled", actor=actor, now=timezone.now(), reason="no")
    assert last("order.cancelled")["refund_follows"] is True
    assert last("checkout.refund_requested")["secured_amount"] == SUM
    for _ in range(2):
        receive(answers.settled(order))
        receive(answers.released(order))
    found = agreement(order)
    assert (found.state, found.held_amount, found.fault) == ("waiting", Decimal(SUM), "")
    assert told("deposit.") == ["deposit.paid", "deposit.held"]
    assert last("checkout.attention_needed")["cause"] == "fault_unstated"
    assert list(deposit_disagreements()) == []
    facts = next(order_facts())
    assert (facts.amount_paid, facts.kept) == (Decimal(SUM), Decimal(SUM))
    part = Order.objects.get(pk=order.id).funding[0]
    assert (part["leg"], part["state"]) == ("deposit", "held")
    assert "held" not in part


def test_what_was_paid_besides_goes_back_at_once():
    order, _ = make.with_earnest_money(is_over=False)
    rest = make.uuid7()
    receive(answers.paid(order, amount="300000.00", payment_id=rest, by_saga=False))
    buyer = Actor(order.customer_id, frozenset({"client"}))
    services.move_order(order_id=order.id, status="cancelled", actor=buyer, now=timezone.now())
    assert last("checkout.refund_requested")["secured_amount"] == SUM
    receive(answers.refunded(order, rest, "300000.00"))
    receive(answers.settled(order, "300000.00"))
    receive(answers.released(order))
    order.refresh_from_db()
    assert (order.status, order.amount_paid, agreement(order).held_amount) == ("cancelled", Decimal(SUM), Decimal(SUM))
    assert {part["leg"]: part["state"] for part in order.funding if part["leg"] != "balance"} == {"deposit": "held"}


def test_a_declined_rest_leaves_it_waiting():
    order, _ = make.with_earnest_money(is_over=False, payment=CARD)
    receive(answers.declined(order))
    receive(answers.settled(order))
    receive(answers.released(order))
    assert (Order.objects.get(pk=order.id).status, agreement(order).state) == ("cancelled", "waiting")


def test_it_counts_towards_the_price_once_all_is_paid():
    order, _ = make.with_earnest_money(is_over=False)
    receive(answers.paid(order, amount=str(order.total_amount - Decimal(SUM)), by_saga=False))
    assert (Order.objects.get(pk=order.id).status, agreement(order).state) == ("paid", "kept")


def test_what_insurers_have_earned_is_not_held_twice():
    order, _ = make.with_earnest_money(is_over=False)
    Order.objects.filter(pk=order.pk).update(amount_paid=Decimal("30000.00"))
    buyer = Actor(order.customer_id, frozenset({"client"}))
    services.move_order(order_id=order.id, status="cancelled", actor=buyer, now=timezone.now())
    assert last("checkout.refund_requested")["secured_amount"] == "30000.00"


def test_a_part_given_back_by_hand_does_not_end_the_agreement():
    order, payment_id = make.with_earnest_money(is_over=False)
    receive(answers.given_back(order, payment_id, "1.00"))
    assert agreement(order).state == "paid"
    receive(answers.given_back(order, payment_id, "49999.00", total=SUM))
    assert agreement(order).state == "returned"


def test_what_its_bank_takes_back_meanwhile_is_returned(first):
    order, payment_id = make.with_earnest_money()
    receive(answers.given_back(order, payment_id, SUM, cause="dispute"))
    assert agreement(order).state == "returned"
    with pytest.raises(WrongTransition):
        word(order, "buyer", first)
    assert list(deposit_disagreements()) == []


def test_no_more_is_held_than_is_left(first):
    order, payment_id = make.with_earnest_money()
    receive(answers.given_back(order, payment_id, "20000.00", cause="dispute"))
    assert (agreement(order).state, agreement(order).held_amount) == ("waiting", Decimal("30000.00"))
    judge(order, "buyer", first)
    assert last("deposit.forfeit_requested")["amount"] == "30000.00"


def test_a_refund_that_was_on_its_way_as_the_sale_failed_is_not_held():
    order, payment_id = make.with_earnest_money(is_over=False)
    buyer = Actor(order.customer_id, frozenset({"client"}))
    services.move_order(order_id=order.id, status="cancelled", actor=buyer, now=timezone.now())
    receive(answers.given_back(order, payment_id, "20000.00"))
    receive(answers.settled(order))
    receive(answers.released(order))
    assert (agreement(order).state, agreement(order).held_amount) == ("waiting", Decimal("30000.00"))


# The word ------------------------------------------------------------------------------------------------------------
def test_one_person_alone_decides_nothing(first):
    order, _ = make.with_earnest_money()
    before = told("deposit.", "checkout.", "payment.")
    for _ in range(2):
        with pytest.raises(Waits):
            word(order, "buyer", first)
    assert agreement(order).state == "waiting"
    assert (Approval.objects.using("orders").count(), told("deposit.", "checkout.", "payment.")) == (1, before)
    asked = Approval.objects.using("orders").get()
    with pytest.raises(FourEyes):
        approve(alias="orders", approval_id=asked.id, person_id=first.id, now=timezone.now())
    with pytest.raises(FourEyes):
        approve(alias="orders", approval_id=asked.id, person_id=order.customer_id, now=timezone.now())
    assert agreement(order).state == "waiting"


def test_two_words_at_once_are_one_question(first):
    order, _ = make.with_earnest_money()
    with pytest.raises(Waits):
        word(order, "buyer", first)
    with pytest.raises(ApprovalPending):
        _left(order, "seller", Actor(make.uuid7(), STAFF))
    assert Approval.objects.using("orders").count() == 1


def _left(order, fault, actor):
    """Leave a request, as the edge does."""
    try:
        word(order, fault, actor)
    except Waits as waits:
        return waits.approval


def test_a_word_turned_down_changes_nothing(first):
    order, _ = make.with_earnest_money()
    with pytest.raises(Waits):
        word(order, "buyer", first)
    asked = Approval.objects.using("orders").get()
    reject(alias="orders", approval_id=asked.id, person_id=make.uuid7(), reason="no", now=timezone.now())
    assert (agreement(order).state, told("deposit.forfeit", "deposit.payout")) == ("waiting", [])
    judge(order, "nobody", Actor(make.uuid7(), STAFF))
    assert agreement(order).fault == "nobody"


def test_nobody_states_the_fault_in_their_own_order_nor_without_a_reason(first):
    order, _ = make.with_earnest_money()
    with pytest.raises(FourEyes):
        word(order, "seller", Actor(order.customer_id, STAFF))
    with pytest.raises(TransitionNotYours):
        word(order, "seller", Actor(order.customer_id, frozenset({"client"})))
    with pytest.raises(InvalidInput):
        word(order, "seller", first, reason=" ")
    assert not Approval.objects.using("orders").exists()


def test_there_is_nothing_to_say_of_a_sale_that_stands_nor_of_an_advance(first):
    standing, _ = make.with_earnest_money(is_over=False)
    advance = make.order(deposit=CARD | {"amount": SUM, "terms": TERMS_VERSION})
    for order in (standing, advance):
        with pytest.raises(WrongTransition):
            word(order, "buyer", first)
    assert not Approval.objects.using("orders").exists()


def test_an_agreement_that_changed_since_is_refused(first):
    order, _ = make.with_earnest_money()
    with pytest.raises(StaleVersion):
        word(order, "buyer", first, expected_version=frozenset({99}))
    assert not Approval.objects.using("orders").exists()


def test_the_database_itself_wants_two_people():
    order, _ = make.with_earnest_money()
    one = make.uuid7()
    for state, fault, second in (("forfeited", "", None), ("waiting", "buyer", None), ("waiting", "buyer", one)):
        with pytest.raises(IntegrityError), transaction.atomic(using="orders"):  # noqa: TID251
            DepositAgreement.objects.filter(order=order).update(
                state=state, fault=fault, stated_by=one, confirmed_by=second
            )


# What follows ---------------------------------------------------------------------------------------------------------
def test_by_the_buyers_fault_it_is_forfeited(first):
    order, _ = make.with_earnest_money()
    second = make.uuid7()
    judge(order, "buyer", first, second)
    found = agreement(order)
    assert (found.state, found.stated_by, found.confirmed_by) == ("settling", first.id, second)
    asked = last("deposit.forfeit_requested")
    assert (asked["request_id"], asked["amount"]) == (str(found.id), SUM)
    for _ in range(2):
        services.record_forfeit(event=answers.forfeited(order, SUM), now=timezone.now())
    found.refresh_from_db()
    assert (found.state, found.fault_reason) == ("forfeited", "They wrote so.")
    assert told("deposit.") == ["deposit.paid", "deposit.held", "deposit.forfeit_requested", "deposit.forfeited"]
    assert last("deposit.forfeited")["reason"] == "They wrote so."
    assert Order.objects.get(pk=order.id).funding[0]["state"] == "forfeited"
    steps = OrderHistory.objects.filter(order_id=order.id, event__startswith="deposit.").order_by("id")
    assert [step.event for step in steps] == [
        "deposit.paid", "deposit.waiting", "deposit.fault_stated", "deposit.forfeited"
    ]  # fmt: skip
    assert list(deposit_disagreements()) == []
    assert next(order_facts()).kept == Decimal(SUM)
    with pytest.raises(WrongTransition):
        word(order, "nobody", first)


def test_by_our_fault_it_goes_back_double(first):
    order, payment_id = make.with_earnest_money()
    judge(order, "seller", first)
    found = agreement(order)
    assert last("checkout.refund_requested")["secured_amount"] == "0"
    asked = last("deposit.payout_requested")
    assert (asked["request_id"], asked["amount"]) == (str(found.id), SUM)
    services.record_payout(event=answers.paid_out(order, SUM, is_paid=False), now=timezone.now())
    assert last("checkout.attention_needed")["cause"] == "second_half_failed"
    for _ in range(2):
        services.record_payout(event=answers.paid_out(order, SUM), now=timezone.now())
    assert agreement(order).state == "settling"  # the first half is not back yet
    for _ in range(2):
        receive(answers.refunded(order, payment_id, SUM))
    assert agreement(order).state == "doubled"
    assert told("deposit.")[2:] == ["deposit.payout_requested", "deposit.doubled"]
    order.refresh_from_db()
    assert (order.amount_paid, order.funding[0]["state"]) == (0, "returned")
    assert list(deposit_disagreements()) == []
    assert [(row.state, row.amount) for row in judged_deposits()] == [("doubled", Decimal(SUM))]


def test_by_nobodys_fault_it_goes_back(first):
    order, payment_id = make.with_earnest_money()
    judge(order, "nobody", first)
    assert told("deposit.payout", "deposit.forfeit") == []
    receive(answers.refunded(order, payment_id, SUM))
    assert (agreement(order).state, told("deposit.")[-1]) == ("returned", "deposit.returned")


def test_payouts_of_others_are_nothing_to_it(first):
    order, _ = make.with_earnest_money()
    judge(order, "seller", first)
    services.record_payout(event=answers.paid_out(order, SUM, purpose="policy"), now=timezone.now())
    assert agreement(order).doubled_at is None


def test_if_nothing_was_left_to_forfeit_it_is_returned(first):
    order, _ = make.with_earnest_money()
    judge(order, "buyer", first)
    services.record_forfeit(event=answers.forfeited(order, "0.00"), now=timezone.now())
    assert agreement(order).state == "returned"


# Who has to know ------------------------------------------------------------------------------------------------------
def test_managers_see_what_waits_for_too_long(settings):
    make.with_earnest_money()
    now = timezone.now()
    assert deposits_for_people(now=now) == {"deposits_waiting": 0}
    late = now + timedelta(days=settings.EARNEST_WAIT_DAYS, minutes=1)
    assert deposits_for_people(now=late) == {"deposits_waiting": 1}


def test_an_order_is_not_hidden_while_its_earnest_money_waits():
    order, _ = make.with_earnest_money()
    admin = Actor(make.uuid7(), frozenset({"admin"}))
    with pytest.raises(WrongTransition):
        services.delete_order(order_id=order.id, actor=admin, now=timezone.now())
    assert Order.objects.get(pk=order.id).deleted_at is None


def test_nobody_leaves_whose_earnest_money_waits(first):
    order, payment_id = make.with_earnest_money()
    assert [one.number for one in _obligations(order.customer_id)] == [order.number]
    judge(order, "nobody", first)
    assert _obligations(order.customer_id)
    receive(answers.refunded(order, payment_id, SUM))
    assert _obligations(order.customer_id) == []


def test_the_books_name_a_fault_that_nobody_confirmed():
    order, _ = make.with_earnest_money()
    DepositAgreement.objects.filter(order=order).update(
        state="settling", fault="buyer", stated_by=make.uuid7(), confirmed_by=make.uuid7()
    )
    assert [item.kind for item in deposit_disagreements()] == ["fault_unconfirmed"]


def test_the_books_name_money_that_is_held_of_a_sale_that_stands():
    order, _ = make.with_earnest_money(is_over=False, payment={"method": "cash"})
    order.checkout.__class__.objects.filter(pk=order.pk).update(finished_at=timezone.now())
    DepositAgreement.objects.filter(order=order).update(state="waiting")
    assert [item.kind for item in deposit_disagreements()] == ["deposit_held_early"]


# Over HTTP ------------------------------------------------------------------------------------------------------------
BODY = {"fault": "buyer", "reason": "They wrote so."}


def test_over_http_one_manager_states_it_and_another_confirms():
    order, _ = make.with_earnest_money()
    path, first = f"/orders/{order.id}/deposit/fault", Api("manager")
    shown = first.get(f"/orders/{order.id}/deposit")
    assert (shown.json()["state"], shown.json()["held_amount"]) == ("waiting", SUM)
    for _ in range(2):
        answer = first.post(path, BODY, **{"If-Match": shown["ETag"], "Idempotency-Key": "once"})
        assert answer.status_code == 202, answer.json()
    asked = answer.json()["approval"]
    assert (asked["kind"], asked["amount"]) == ("orders.fault", SUM)
    second = make.uuid7()
    approve_waiting(FAULT, order.id, person_id=second, now=timezone.now())
    found = first.get(f"/orders/{order.id}/deposit").json()
    assert (found["state"], found["fault"], found["confirmed_by"]) == ("settling", "buyer", str(second))
    assert Approval.objects.using("orders").count() == 1
    assert first.post(path, BODY).status_code == 409


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"fault": "mine", "reason": "x"}, 400), ({"fault": "buyer", "reason": ""}, 400)]
)
def test_over_http_a_word_that_says_nothing_is_refused(body, status):
    order, _ = make.with_earnest_money()
    assert Api("manager").post(f"/orders/{order.id}/deposit/fault", body).status_code == status
    assert not Approval.objects.using("orders").exists()


def test_over_http_it_is_for_managers_about_what_they_saw():
    order, _ = make.with_earnest_money()
    path = f"/orders/{order.id}/deposit/fault"
    assert Api().post(path, BODY).status_code == 401
    assert Api("client", user_id=order.customer_id).post(path, BODY).status_code == 403
    assert Api("manager").post(path, BODY, **{"If-Match": '"99"'}).status_code == 412
    assert Api("manager").post(f"/orders/{make.uuid7()}/deposit/fault", BODY).status_code == 404
    assert not Approval.objects.using("orders").exists()


def test_the_board_shows_what_waits_for_a_word():
    order, _ = make.with_earnest_money()
    (card,) = read_board(roles=STAFF, now=timezone.now()).attention
    assert (card.id, card.attention, card.held) == (order.id, ("fault_unstated",), Decimal(SUM))

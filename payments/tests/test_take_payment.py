from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest
from django.utils import timezone

from core.db import InsideTransaction, transaction
from core.ids import uuid7
from core.outside.provider_http import TransientFault
from core.testing import Api
from messaging.models import ExternalCall
from messaging.testing import capture_events, drain_outbox, published
from payments import services
from payments.errors import PaymentInFlight, WrongPaymentState
from payments.models import LedgerLine, Payment, Status
from payments.providers import provider
from payments.providers.sandbox import SandboxProvider
from payments.public import ledger_disagreements, payable, payments_of_order, provider_disagreements
from payments.tests import make
from sandbox.bank.store import ACTION_SECONDS
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["payments"])


def body(order, **changes):
    return {"order_id": str(order.id), "method": "card", "token": "tok_success"} | changes


def post(order, **changes):
    return Api("client", user_id=order.customer_id).post("/payments", body(order, **changes))


def nothing_happened():
    return not Payment.objects.exists() and published("payments") == [] and not _calls().exists()


def _calls():
    return ExternalCall.objects.using("payments")


def test_it_is_pending_at_once_and_completed_by_the_provider(sandbox):
    order = make.order()
    response = post(order, description="A car")
    assert response.status_code == 201
    shown = response.json()
    assert (shown["status"], shown["amount"], shown["currency"]) == ("pending", "1000000.00", "RUB")
    assert published("payments") == ["payment.created"]
    drain_outbox("payments")
    payment = Payment.objects.get(pk=shown["id"])
    assert (payment.status, payment.description) == (Status.COMPLETED, "A car")
    assert payment.provider_ref == sandbox.rows(payment)[0]["id"]
    assert published("payments") == ["payment.created", "payment.completed"]
    assert sorted(LedgerLine.objects.values_list("account_id", "amount")) == [
        (f"order:{order.id}", -order.total),
        ("provider:sandbox", order.total),
    ]
    assert ledger_disagreements() == []


def test_the_same_key_is_one_payment():
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    first = api.post("/payments", body(order), Idempotency_Key="one")
    second = api.post("/payments", body(order), Idempotency_Key="one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    assert Payment.objects.count() == 1
    other = api.post("/payments", body(order, amount="5.00"), Idempotency_Key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("token", "code"),
    [("tok_declined", "declined"), ("tok_insufficient_funds", "insufficient_funds"), ("tok_nonsense", "invalid_token")],
)
def test_a_refused_card_fails_and_may_be_tried_again_at_once(token, code):
    order = make.order()
    payment = make.payment(order, token=token)
    drain_outbox("payments")
    payment = make.again(payment)
    assert (payment.status, payment.failure_code) == (Status.FAILED, code)
    assert published("payments") == ["payment.created", "payment.failed"]
    assert make.paid(order).status == Status.COMPLETED


def test_a_flaky_provider_is_tried_again_and_takes_the_money_once(sandbox):
    payment = make.payment(token="tok_flaky")
    drain_outbox("payments")
    assert make.again(payment).status == Status.PROCESSING
    make.drain()
    assert make.again(payment).status == Status.COMPLETED
    assert len(sandbox.rows(payment)) == 1
    assert _calls().get().attempts == 3
    assert published("payments") == ["payment.created", "payment.completed"]


def test_a_provider_that_does_not_answer_leaves_the_payment_unknown_until_it_is_asked(sandbox):
    order = make.order()
    payment = make.payment(order, token="tok_timeout", amount=Decimal(600_000))
    drain_outbox("payments")
    assert make.again(payment).status == Status.UNKNOWN
    assert published("payments") == ["payment.created"]
    with pytest.raises(PaymentInFlight):
        make.payment(order, amount=Decimal(400_000))
    make.drain()
    assert make.again(payment).status == Status.COMPLETED
    assert len(sandbox.rows(payment)) == 1


def test_a_worker_that_died_after_the_charge_costs_the_buyer_nothing(sandbox):
    payment = make.payment()
    row = _calls().get()
    provider("sandbox").charge(row.key, row.request)
    _calls().update(state="sent", attempts=1, lease_until=timezone.now())
    make.drain()
    assert make.again(payment).status == Status.COMPLETED
    assert len(sandbox.rows(payment)) == 1


def test_a_provider_that_is_away_is_waited_for(sandbox, settings):
    payment = make.payment()
    settings.SANDBOX_URL = nowhere()
    make.drain()
    assert make.again(payment).status == Status.UNKNOWN
    settings.SANDBOX_URL = sandbox.url
    make.drain()
    assert make.again(payment).status == Status.COMPLETED
    assert len(sandbox.rows(payment)) == 1


def test_a_provider_that_serves_nobody_fails_the_payment_after_three_retries(monkeypatch):
    def refuse(self, key, request):
        raise TransientFault("the provider answered 503")

    monkeypatch.setattr(SandboxProvider, "charge", refuse)
    payment = make.payment()
    make.drain()
    payment = make.again(payment)
    assert (payment.status, payment.failure_code) == (Status.FAILED, "provider_unavailable")
    assert _calls().get().attempts == 4


def test_a_confirmation_is_asked_for_with_a_page(sandbox):
    payment = make.payment(token="tok_3ds")
    drain_outbox("payments")
    payment = make.again(payment)
    assert payment.status == Status.REQUIRES_ACTION
    assert payment.action_url.startswith(f"{sandbox.url}/3ds/")
    shown = Api("client", user_id=payment.customer_id).get(f"/payments/{payment.id}").json()
    assert shown["action_url"] == payment.action_url
    sandbox.store.confirm(payment.provider_ref, is_confirmed=True)
    make.drain()
    payment = make.again(payment)
    assert (payment.status, payment.action_url) == (Status.COMPLETED, "")


def test_the_fast_payment_system_needs_no_token():
    payment = make.payment(method="sbp")
    drain_outbox("payments")
    assert make.again(payment).status == Status.REQUIRES_ACTION


def test_cash_waits_for_a_manager():
    order = make.order()
    shown = post(order, method="cash").json()
    drain_outbox("payments")
    assert Payment.objects.get().status == Status.PENDING
    path = f"/payments/{shown['id']}/capture"
    assert Api("client", user_id=order.customer_id).post(path).status_code == 403
    assert Api().post(path).status_code == 401
    assert Payment.objects.get().status == Status.PENDING
    done = Api("manager").post(path)
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    assert published("payments") == ["payment.created", "payment.completed"]
    assert LedgerLine.objects.filter(account_id="cash").get().amount == order.total
    again = Api("manager").post(path)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_payment_state")
    assert ledger_disagreements() == []


def test_a_card_payment_cannot_be_captured_by_hand():
    payment = make.payment()
    with pytest.raises(WrongPaymentState):
        services.capture_payment(payment_id=payment.id, actor_id=uuid7(), now=timezone.now())
    assert published("payments") == ["payment.created"]


def test_a_manager_calls_off_cash_at_once_and_a_card_through_the_provider(sandbox):
    cash = make.payment(method="cash")
    assert Api("manager").post(f"/payments/{cash.id}/cancel").json()["status"] == "cancelled"
    assert published("payments") == ["payment.created", "payment.failed"]
    waiting = make.payment(token="tok_3ds")
    drain_outbox("payments")
    assert Api("client", user_id=waiting.customer_id).post(f"/payments/{waiting.id}/cancel").status_code == 403
    shown = Api("manager").post(f"/payments/{waiting.id}/cancel").json()
    assert shown["cancel_requested_at"]
    drain_outbox("payments")
    assert make.again(waiting).status == Status.CANCELLED
    assert sandbox.rows(waiting)[0]["status"] == "cancelled"
    assert Api("manager").post(f"/payments/{waiting.id}/cancel").status_code == 409


def test_a_charge_called_off_before_it_was_sent_is_never_sent(sandbox):
    payment = make.payment()
    services.cancel_payment(payment_id=payment.id, now=timezone.now())
    make.drain()
    assert make.again(payment).status == Status.CANCELLED
    assert sandbox.rows(payment) == []


def test_what_is_due_counts_what_is_under_way():
    order = make.order()
    assert post(order, amount="600000.00", method="cash").status_code == 201
    assert payable(order.id) == Decimal(400_000)
    with capture_events("payments") as more:
        response = post(order, amount="400000.01")
    assert (response.status_code, response.json()["code"]) == (409, "overpayment")
    assert response.json()["amount_due"] == "400000.00"
    assert more == []
    assert post(order, amount=400000).status_code == 201
    response = post(order)
    assert (response.status_code, response.json()["code"]) == (409, "overpayment")
    assert [str(item.amount) for item in payments_of_order(order.id)] == ["400000.00", "600000.00"]


def test_an_order_unknown_here_is_not_ready():
    response = Api("client").post("/payments", body(make.Order(uuid7(), uuid7(), make.TOTAL)))
    assert (response.status_code, response.json()["code"]) == (409, "order_not_ready")
    assert int(response.headers["Retry-After"]) > 0
    assert nothing_happened()


def test_somebody_elses_order_does_not_exist_except_for_managers():
    order = make.order()
    assert Api("client").post("/payments", body(order)).status_code == 404
    assert nothing_happened()
    assert Api("manager").post("/payments", body(order)).status_code == 201
    assert Payment.objects.get().customer_id == order.customer_id


def test_a_cancelled_order_takes_no_money():
    order = make.order()
    services.copy_orders(commands=[make.moved(order, "cancelled")])
    response = post(order)
    assert (response.status_code, response.json()["code"]) == (409, "order_closed")
    assert nothing_happened()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "USD"}, "currency_mismatch"),
        ({"currency": "rubles"}, "validation_error"),
        ({"token": ""}, "validation_error"),
        ({"token": None}, "validation_error"),
        ({"method": "barter"}, "validation_error"),
        ({"amount": "0"}, "validation_error"),
        ({"amount": "-5"}, "validation_error"),
        ({"amount": "1.001"}, "validation_error"),
        ({"amount": "NaN"}, "validation_error"),
        ({"amount": "1e30"}, "validation_error"),
        ({"amount": {}}, "validation_error"),
        ({"order_id": "seven"}, "validation_error"),
        ({"token": "4111 1111 1111 1111"}, "card_number_refused"),
        ({"token": 4111111111111111}, "card_number_refused"),
        ({"description": "my card is 4111-1111-1111-1111 12/29"}, "card_number_refused"),
        ({"token": "", "payment_method_id": str(uuid7())}, "validation_error"),
    ],
)
def test_bad_input_is_refused_and_nothing_happens(changes, code):
    response = post(make.order(), **changes)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (400, code)
    # The request's id is random: its digits may well be these
    del problem["request_id"]
    assert "4111" not in str(problem)
    assert nothing_happened()


def opened(order):
    """A payment by a card that nobody named, whose payer is asked for it."""
    buyer = Api("client", user_id=order.customer_id)
    made = buyer.post("/payments", {"order_id": str(order.id), "method": "card"})
    assert made.status_code == 201, made.content
    make.drain()
    return Payment.objects.get(pk=made.json()["id"])


def choose(url, **form):
    return httpx2.post(url, data={"result": "confirm"} | form, trust_env=False)


def test_a_card_that_nobody_named_is_asked_for_on_the_providers_page(sandbox):
    payment = opened(make.order())
    assert (payment.status, bool(payment.action_url)) == (Status.REQUIRES_ACTION, True)
    page = httpx2.get(payment.action_url, trust_env=False).text
    assert 'name="card"' in page
    assert str(payment.customer_id) not in page
    assert choose(payment.action_url, card="tok_success").status_code == 200
    ask(payment)
    payment = make.again(payment)
    assert (payment.status, payment.action_url) == (Status.COMPLETED, "")
    assert post(make.Order(payment.order_id, payment.customer_id, payment.amount)).json()["code"] == "overpayment"


@pytest.mark.parametrize(
    ("card", "code"),
    [("tok_declined", "declined"), ("tok_3ds", "invalid_token"), ("4111111111111111", "invalid_token")],
)
def test_a_card_of_the_page_that_does_not_pay_fails_the_payment(sandbox, card, code):
    payment = opened(make.order())
    choose(payment.action_url, card=card)
    ask(payment)
    assert (make.again(payment).status, make.again(payment).failure_code) == (Status.FAILED, code)


def test_a_page_pays_its_own_payment_only_and_nobody_guesses_another(sandbox):
    first, second = opened(make.order()), opened(make.order())
    forged = f"{first.action_url[:-4]}{'0000' if first.action_url[-4:] != '0000' else '1111'}"
    assert choose(forged).status_code == 404
    choose(first.action_url)
    choose(first.action_url, result="decline")  # the first answer is the only one
    for one in (first, second):
        ask(one)
    assert make.again(first).status == Status.COMPLETED
    assert make.again(second).status == Status.REQUIRES_ACTION
    stranger = Api("client")
    assert stranger.get(f"/payments/{second.id}").status_code == 404


def test_a_page_that_nobody_used_in_time_takes_nothing(sandbox, time_machine):
    payment = opened(make.order())
    time_machine.move_to(timezone.now() + timedelta(seconds=ACTION_SECONDS + 1), tick=True)
    assert 'name="card"' not in choose(payment.action_url).text
    ask(payment)
    payment = make.again(payment)
    assert (payment.status, payment.failure_code, payment.action_url) == (Status.FAILED, "authentication_expired", "")


def test_money_held_on_a_page_is_not_taken(sandbox):
    order = make.order()
    buyer = Api("client", user_id=order.customer_id)
    made = buyer.post("/payments", {"order_id": str(order.id), "method": "card", "capture": "manual"}).json()
    make.drain()
    payment = Payment.objects.get(pk=made["id"])
    assert "удержаны" in choose(payment.action_url).text
    ask(payment)
    assert make.again(payment).status == Status.AUTHORIZED


def ask(payment):
    """Ask the bank what became of a payment, as the hourly job does."""
    services.ask_provider(payment_id=payment.id, reason=str(uuid7()))
    make.drain()


def test_anonymous_pays_nothing():
    assert Api().post("/payments", body(make.order())).status_code == 401
    assert nothing_happened()


def test_a_stored_method_of_ones_own_pays(sandbox):
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    stored = api.post("/payment-methods", {"method": "card", "token": "tok_success"}).json()
    foreign = Api("client").post("/payment-methods", {"method": "card", "token": "tok_success"}).json()
    refused = api.post("/payments", {"order_id": str(order.id), "method": "card", "payment_method_id": foreign["id"]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "unknown_payment_method")
    wrong = api.post("/payments", {"order_id": str(order.id), "method": "sbp", "payment_method_id": stored["id"]})
    assert wrong.status_code == 400
    done = api.post("/payments", {"order_id": str(order.id), "method": "card", "payment_method_id": stored["id"]})
    assert done.status_code == 201
    drain_outbox("payments")
    assert Payment.objects.get().status == Status.COMPLETED


def test_clients_see_their_own_payments_and_managers_all():
    mine, other = make.payment(method="cash"), make.payment(method="cash")
    me = Api("client", user_id=mine.customer_id)
    assert [row["id"] for row in me.get("/payments").json()["results"]] == [str(mine.id)]
    assert me.get(f"/payments/{mine.id}").status_code == 200
    assert me.get(f"/payments/{mine.id}/").headers["ETag"] == '"1"'
    assert me.get(f"/payments/{other.id}").status_code == 404
    assert Api("manager").get(f"/payments/{other.id}").status_code == 200
    assert len(Api("manager").get("/payments").json()["results"]) == 2
    assert Api().get("/payments").status_code == 401
    assert Api("manager").get(f"/payments/{uuid7()}").status_code == 404


def test_filters_and_ordering():
    first, second = make.paid(method="cash"), make.payment(method="cash", amount=Decimal(5))
    api = Api("manager")

    def ids(query):
        return [row["id"] for row in api.get(f"/payments?{query}").json()["results"]]

    assert ids(f"order_id={first.order_id}") == [str(first.id)]
    assert ids("status=completed") == [str(first.id)]
    assert ids("status=pending&status=completed&ordering=amount") == [str(second.id), str(first.id)]
    assert ids("created_before=2020-01-01T00:00:00Z") == []
    for bad in ("status=lost", "colour=red", "ordering=token", "order_id=7", "page_size=0", "cursor=x"):
        assert api.get(f"/payments?{bad}").status_code == 400, bad


@pytest.mark.parametrize("path", ["/payments", "/transactions", "/ledger/accounts"])
def test_a_page_costs_the_same_however_long(path, django_assert_num_queries):
    for _ in range(6):
        make.paid(method="cash")
    api = Api("manager")
    with django_assert_num_queries(1, using="payments"):
        api.get(f"{path}?page_size=2")
    with django_assert_num_queries(1, using="payments"):
        api.get(f"{path}?page_size=50")


@pytest.mark.parametrize("name", ["sandbox"])
@pytest.mark.parametrize("step", ["charge", "find_charge", "capture", "cancel", "refund", "find_refund"])
def test_no_provider_is_called_inside_a_transaction(name, step):
    request = {"payment_id": "p", "charge_key": "k", "ref": "r", "amount": "1.00", "currency": "RUB", "method": "card"}
    with transaction("payments"), pytest.raises(InsideTransaction):
        getattr(provider(name), step)("any", request)


def test_our_books_and_the_providers_agree(sandbox):
    make.paid()
    make.payment(token="tok_declined")
    timed_out = make.payment(token="tok_timeout")
    drain_outbox("payments")
    assert make.again(timed_out).status == Status.UNKNOWN
    ours = {item.ids["payment"] for item in provider_disagreements() if item.kind == "charge_differs"}
    assert ours == set()
    Payment.objects.filter(pk=timed_out.pk).update(status=Status.FAILED)
    ours = {item.ids["payment"] for item in provider_disagreements() if item.kind == "charge_differs"}
    assert ours == {str(timed_out.pk)}


def test_a_provider_that_is_away_cannot_be_compared(settings):
    settings.SANDBOX_URL = nowhere()
    assert provider_disagreements() is None

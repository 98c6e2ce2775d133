"""Reading, moving, cancelling and hiding orders over HTTP: who may, who may not, and what a refusal leaves."""

import pytest

from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events
from orders.models import Order
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture
def order():
    return make.order(payment=CARD)


@pytest.fixture
def owner(order):
    return Api("client", user_id=order.customer_id)


@pytest.fixture
def paid(order):
    receive(answers.reserved(order))
    receive(answers.paid(order))
    return order


def unchanged(order, status="created"):
    return Order.objects.get(pk=order.pk).status == status


REQUESTS = [
    ("get", "/orders/{id}", None),
    ("patch", "/orders/{id}", {"comment": "x"}),
    ("get", "/orders/{id}/timeline", None),
    ("put", "/orders/{id}/status", {"status": "cancelled"}),
    ("post", "/orders/{id}/cancel", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_nobody_without_a_token(order, method, path, body):
    with capture_events("orders") as published:
        response = Api().request(method, path.format(id=order.id), body)
    assert (response.status_code, published) == (401, [])
    assert unchanged(order)


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_anothers_order_does_not_exist(order, method, path, body):
    with capture_events("orders") as published:
        response = Api("client").request(method, path.format(id=order.id), body)
    assert (response.status_code, response.json()["code"], published) == (404, "not_found", [])
    assert unchanged(order)


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
@pytest.mark.parametrize("pk", ["01a1fc70-dd18-7198-bbe5-abc6544c95c1", "not-an-id"])
def test_what_is_not_there_is_not_found(method, path, body, pk):
    assert Api("manager").request(method, path.format(id=pk), body).status_code == 404


def test_a_client_cancels_its_own_unpaid_order(order, owner):
    answer = owner.post(f"/orders/{order.id}/cancel", {"reason": "changed my mind"})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    before = answer.json()["created_at"]
    assert (answer.json()["amount_due"], Order.objects.get().amount_due) == ("0.00", 0)
    assert owner.get(f"/orders/{order.id}").json()["amount_due"] == "0.00"
    assert owner.get(f"/orders/{order.id}?as_of={before}").json()["amount_due"] == str(order.total_amount)
    again = owner.post(f"/orders/{order.id}/cancel")
    assert (again.status_code, again.json()["code"], again.json()["allowed"]) == (409, "wrong_transition", [])


def test_a_cancellation_sent_again_by_its_key_gets_the_same_answer(order, owner):
    path, reason, key = f"/orders/{order.id}/cancel", {"reason": "changed my mind"}, {"idempotency_key": "message 7"}
    with capture_events("orders") as published:
        first, again = (owner.post(path, reason, **key) for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (200, 200, "true")
    assert (again.json(), published.count("order.cancelled")) == (first.json(), 1)


def test_a_client_cannot_cancel_a_paid_order(paid, owner):
    with capture_events("orders") as published:
        answer = owner.post(f"/orders/{paid.id}/cancel")
    assert (answer.status_code, published) == (403, [])
    assert unchanged(paid, "paid")


def test_a_manager_takes_it_to_the_handover(paid):
    manager = Api("manager")
    for status in ("in_progress", "ready", "completed"):
        answer = manager.put(f"/orders/{paid.id}/status", {"status": status})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    events = [row["event"] for row in manager.get(f"/orders/{paid.id}/timeline").json()["results"]]
    assert events[-3:] == ["order.in_progress", "order.ready", "order.completed"]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [("completed", 409, "wrong_transition"), ("paid", 409, "wrong_transition"), ("sold", 400, "validation_error")],
)
def test_a_step_the_machine_forbids_is_refused(order, status, code, error):
    with capture_events("orders") as published:
        answer = Api("manager").put(f"/orders/{order.id}/status", {"status": status})
    assert (answer.status_code, answer.json()["code"], published) == (code, error, [])
    assert unchanged(order)


def test_a_step_of_the_system_is_nobody_elses(order):
    receive(answers.reserved(order))
    answer = Api("admin").put(f"/orders/{order.id}/status", {"status": "paid"})
    assert (answer.status_code, answer.json()["code"]) == (403, "transition_not_allowed")
    assert unchanged(order, "awaiting_payment")


def test_a_managers_step_is_not_the_clients(paid, owner):
    answer = owner.put(f"/orders/{paid.id}/status", {"status": "in_progress"})
    assert (answer.status_code, answer.json()["code"]) == (403, "transition_not_allowed")


def test_two_managers_at_once_one_is_told(paid):
    first = Api("manager").put(f"/orders/{paid.id}/status", {"status": "in_progress"}, If_Match=get_etag(paid))
    stale = Api("manager").put(f"/orders/{paid.id}/status", {"status": "cancelled"}, If_Match='"1"')
    assert (first.status_code, stale.status_code, stale.json()["code"]) == (200, 412, "stale_version")
    assert unchanged(paid, "in_progress")


def get_etag(order):
    return f'"{Order.objects.get(pk=order.pk).version}"'


def test_only_an_admin_hides_an_order(order, owner):
    assert owner.delete(f"/orders/{order.id}").status_code == 403
    assert Api("manager").delete(f"/orders/{order.id}").status_code == 403
    assert Api().delete(f"/orders/{order.id}").status_code == 401
    assert Api("admin").delete(f"/orders/{order.id}").status_code == 204
    assert owner.get(f"/orders/{order.id}").status_code == 404
    assert Order.objects.filter(pk=order.pk).exists()


def test_the_list_shows_ones_own_newest_first_and_everything_to_managers(order, owner):
    later = make.order(customer_id=order.customer_id)
    make.order()
    mine = owner.get("/orders").json()
    assert [row["id"] for row in mine["results"]] == [str(later.id), str(order.id)]
    assert len(Api("manager").get("/orders").json()["results"]) == 3


def test_filters_narrow_the_list(order):
    manager = Api("manager")
    other = make.order(lines=[make.ProductLine(make.product(price="5.00"), 1)])
    receive(answers.reserved(other))

    def found(query):
        answer = manager.get(f"/orders?{query}")
        assert answer.status_code == 200, answer.content
        return {row["id"] for row in answer.json()["results"]}

    assert found("status=awaiting_payment") == {str(other.id)}
    assert found("status=created&status=awaiting_payment") == {str(order.id), str(other.id)}
    assert found("max_total=10") == {str(other.id)}
    assert found("min_total=10") == {str(order.id)}
    assert found(f"customer_id={order.customer_id}") == {str(order.id)}
    assert found(f"search={order.number}") == {str(order.id)}
    assert found("created_after=2100-01-01T00:00:00Z") == set()


@pytest.mark.parametrize(
    "query",
    ["color=red", "ordering=secret", "page_size=0", "page_size=101", "page_size=x", "cursor=garbage", "status=sold",
     "min_total=lots", "customer_id=me", "created_after=yesterday"],
)  # fmt: skip
def test_a_senseless_query_is_an_error(order, owner, query):
    assert owner.get(f"/orders?{query}").status_code == 400


def test_pages_follow_one_another_without_a_gap():
    customer = uuid7()
    ids = [str(make.order(customer_id=customer).id) for _ in range(5)]
    api = Api("client", user_id=customer)
    seen, path = [], "/orders?page_size=2"
    while path:
        page = api.get(path).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"] and page["next"].split("/api/v1")[1]
    assert seen == ids[::-1]

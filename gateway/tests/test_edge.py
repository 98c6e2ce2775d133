"""The edge: ids, sizes, shapes, tokens, limits, and that both ways into a hot endpoint answer alike."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
import redis
from django.conf import settings
from django.db import connections
from django.test import Client

from core.ids import uuid7
from core.testing import Api, token_for
from gateway.document import openapi
from gateway.guards import guard
from gateway.principal import read_token
from orders.models import Order
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders"])


@pytest.fixture
def limits(monkeypatch):
    def choose(**scopes):
        monkeypatch.setattr(settings, "RATE_LIMITS", settings.RATE_LIMITS | scopes)
        guard.get_limit.cache_clear()

    yield choose
    guard.get_limit.cache_clear()


def problem(response, status, code):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response["X-Request-ID"]
    return body


def test_a_request_id_is_taken_over_or_made():
    assert Api("client").get("/orders", X_Request_ID="abc-1")["X-Request-ID"] == "abc-1"
    made = Api("client").get("/orders", X_Request_ID="no spaces allowed")["X-Request-ID"]
    assert len(made) == 36


def test_an_unknown_path_is_a_problem():
    problem(Api("client").get("/nowhere"), 404, "not_found")


@pytest.mark.parametrize("path", ["/orders", "/orders/"])
def test_paths_work_with_and_without_the_slash(path):
    assert Api("client").get(path).status_code == 200


def test_a_method_nobody_serves_is_a_problem():
    problem(Api("client").put("/orders", {}), 405, "method_not_allowed")


def test_a_body_over_the_limit_is_refused_unread(settings):
    settings.MAX_BODY_BYTES = 100
    problem(Api("client").post("/orders", {"items": [], "comment": "x" * 200}), 413, "body_too_large")


@pytest.mark.parametrize("path", ["/orders", "/auth/register", "/products"])
def test_a_body_over_the_limit_is_refused_on_every_way_in(settings, path):
    settings.MAX_BODY_BYTES = 100
    problem(Api("manager").post(path, {"comment": "x" * 200}), 413, "body_too_large")


@pytest.mark.parametrize("path", ["/orders", "/auth/register", "/products"])
def test_a_body_nested_too_deeply_is_refused_on_every_way_in(path):
    body = '{"comment":' + "[" * 5_000 + "]" * 5_000 + "}"
    api = Api("manager")
    response = api.client.post(f"/api/v1{path}", data=body, content_type="application/json", headers=api.headers)
    assert problem(response, 400, response.json()["code"])["code"] in ("parse_error", "validation_error")


def test_options_without_a_preflight_is_a_method_nobody_serves():
    problem(Api("client").request("options", "/orders", {}), 405, "method_not_allowed")


@pytest.mark.parametrize("origin", ["https://friend.example", "https://stranger.example"])
def test_only_the_named_origins_may_read_across(settings, origin):
    settings.CORS_ALLOWED_ORIGINS = ["https://friend.example"]
    answer = Api("client").get("/orders", Origin=origin)
    is_friend = origin == "https://friend.example"
    assert answer.get("Access-Control-Allow-Origin") == (origin if is_friend else None)
    assert "Access-Control-Allow-Credentials" not in answer


def test_a_page_of_a_named_origin_may_send_and_read_every_header_of_the_document(settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://friend.example"]
    document = json.loads(openapi.get_document_path(openapi.LANGUAGE, "json").read_text())
    named = [
        parameter
        for item in document["paths"].values()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
    ]
    known = document["components"]["parameters"]
    sent = {"authorization", "content-type", "accept-language", "x-request-id"}
    sent |= {parameter["name"].lower() for parameter in [*named, *known.values()] if parameter.get("in") == "header"}
    assert {"idempotency-key", "if-match", "if-none-match", "last-event-id"} < sent
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "POST"}
    allowed = Client().options(
        "/api/v1/orders", headers=asked | {"Access-Control-Request-Headers": ",".join(sorted(sent))}
    )
    assert sent <= {name.strip().lower() for name in allowed["Access-Control-Allow-Headers"].split(",")}
    answer = Api("client").get("/orders", Origin="https://friend.example")
    exposed = {name.strip() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert set(document["components"]["headers"]) <= exposed


def test_a_body_nested_too_deeply_is_refused():
    body = '{"comment":' + "[" * 100 + "]" * 100 + "}"
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    response = api.client.patch(
        f"/api/v1/orders/{order.id}", data=body, content_type="application/json", headers=api.headers
    )
    problem(response, 400, "parse_error")


def forged(claims=None, key=None, algorithm="RS256", **headers):
    now = int(time.time())
    payload = {
        "sub": str(uuid7()), "roles": ["admin"], "jti": "j", "iat": now, "exp": now + 60,
        "iss": settings.JWT_ISSUER, "aud": settings.JWT_AUDIENCE,
    } | (claims or {})  # fmt: skip
    return jwt.encode(payload, key or settings.JWT_PRIVATE_KEY, algorithm=algorithm, headers=headers)


def tokens():
    from cryptography.hazmat.primitives.asymmetric import rsa

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = forged()
    head, _, signature = good.split(".")
    other = forged({"sub": str(uuid7())}).split(".")[1]
    return {
        "another key": forged(key=stranger),
        "no signature": jwt.encode({"sub": "x"}, "", algorithm="none"),
        "a shared secret": jwt.encode({"sub": str(uuid7()), "exp": 9e9}, "s" * 32, algorithm="HS256"),
        "another payload": f"{head}.{other}.{signature}",
        "expired": forged({"exp": int(time.time()) - 1}),
        "another audience": forged({"aud": "elsewhere"}),
        "another issuer": forged({"iss": "elsewhere"}),
        "no subject": forged({"sub": "nobody"}),
        "a refresh token": forged({"token_type": "refresh"}),
        "an unknown key id": forged(kid="unknown"),
        "nonsense": "nonsense",
        "two words": "a b",
        "empty": "",
    }


@pytest.mark.parametrize("fast_path_on", [True, False])
@pytest.mark.parametrize("name", list(tokens()))
def test_a_bad_token_opens_nothing(settings, name, fast_path_on):
    settings.FAST_PATH_ON = fast_path_on
    api = Api()
    api.headers = {"Authorization": f"Bearer {tokens()[name]}"}
    order = make.order()
    for path in (f"/orders/{order.id}", "/orders"):
        response = api.get(path)
        assert response.status_code == 401, name
        assert response["WWW-Authenticate"] == "Bearer"


def test_a_revoked_token_and_a_revoked_user_are_refused():
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    assert api.get(f"/orders/{order.id}").status_code == 200
    principal = read_token(api.headers["Authorization"].split()[1])
    guard.revoke_token(principal.jti, principal.expires_at)
    problem(api.get(f"/orders/{order.id}"), 401, "invalid_token")
    again = Api("client", user_id=order.customer_id)
    assert again.get("/orders").status_code == 200
    guard.revoke_user(order.customer_id, lifetime_s=60)
    problem(again.get("/orders"), 401, "invalid_token")


def test_the_limit_is_exact_and_says_so(limits):
    limits(default="5/60")
    api = Api("client")
    answers = [api.get("/orders") for _ in range(5)]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0"]
    refused = api.get("/orders")
    body = problem(refused, 429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert body["retry_after"] == int(refused["Retry-After"])
    assert refused["RateLimit-Limit"] == "5"
    assert Api("client").get("/orders").status_code == 200


def test_strangers_are_counted_by_address(limits):
    limits(default="1/60")
    first = Api().client.get("/api/v1/orders", REMOTE_ADDR="127.0.7.1")
    second = Api().client.get("/api/v1/orders", REMOTE_ADDR="127.0.7.2")
    third = Api().client.get("/api/v1/orders", REMOTE_ADDR="127.0.7.1")
    assert [answer.status_code for answer in (first, second, third)] == [401, 401, 429]


def test_creating_orders_has_a_limit_of_its_own(limits):
    limits(order_create="1/60")
    api, product = Api("client"), make.product(available=9)
    body = {"items": [{"product_id": str(product), "quantity": 1}]}
    assert api.post("/orders", body).status_code == 201
    assert api.post("/orders", body).status_code == 429
    assert api.get("/orders").status_code == 200
    assert Order.objects.count() == 1


def test_a_thousand_at_once_are_admitted_exactly_to_the_limit(limits):
    limits(default="100/60")
    principal = read_token(token_for())

    def ask(_):
        try:
            guard.check(principal, "127.0.0.1", "default")
        except guard.TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(max_workers=32) as pool:
        admitted = sum(pool.map(ask, range(1000)))
    assert admitted == 100


def test_without_valkey_a_process_counts_by_itself(limits, monkeypatch):
    limits(default="2/60")

    asked = []

    def away(*question):
        asked.append(question)
        raise redis.ConnectionError("away")

    monkeypatch.setattr(guard.OwnConnection, "evaluate", away)
    api = Api("client")
    assert [api.get("/orders").status_code for _ in range(3)] == [200, 200, 429]
    assert len(asked) >= 3


def test_both_ways_into_a_hot_endpoint_answer_alike(settings):
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    paths = [f"/orders/{order.id}", f"/orders/{uuid7()}"]
    settings.FAST_PATH_ON = True
    fast = [api.get(path) for path in paths]
    settings.FAST_PATH_ON = False
    slow = [api.get(path) for path in paths]
    for one, other in zip(fast, slow, strict=True):
        assert one.status_code == other.status_code
        left, right = one.json(), other.json()
        left.pop("request_id", None)
        right.pop("request_id", None)
        assert left == right
        assert one.get("ETag") == other.get("ETag")


def test_an_etag_spares_the_body_and_guards_a_change():
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    read = api.get(f"/orders/{order.id}")
    assert api.get(f"/orders/{order.id}", If_None_Match=read["ETag"]).status_code == 304
    changed = api.patch(f"/orders/{order.id}", {"comment": "call first"}, If_Match=read["ETag"])
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    stale = api.patch(f"/orders/{order.id}", {"comment": "never mind"}, If_Match=read["ETag"])
    problem(stale, 412, "stale_version")
    assert Order.objects.get().comment == "call first"


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_fifty_repeats_with_one_key_have_one_effect(limits):
    limits(order_create="100/60")
    product = make.product(available=100)
    api = Api("client")
    body = {"items": [{"product_id": str(product), "quantity": 1}]}

    def send(_):
        try:
            return Api.post(api, "/orders", body, Idempotency_Key="repeats")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=10) as pool:
        answers = list(pool.map(send, range(50)))
    assert Order.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    replayed = [answer for answer in answers if answer.get("Idempotent-Replayed")]
    created = [answer for answer in answers if answer.status_code == 201]
    assert len(created) - len(replayed) == 1
    assert len({answer.content for answer in created}) == 1


def test_health_answers_and_names_what_it_stands_on():
    client = Api().client
    assert client.get("/health").json() == {"status": "ok", "version": settings.VERSION}
    assert client.get("/health/").status_code == 200

"""Services on different machines ask each other: signed both ways, typed, and refused to everybody else."""

import json
import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

import accounts.tests.make
import catalog.tests.make
import clients.tests.make
import financing.tests.make
import orders.tests.make
import resources.services
from accounts.public import get_person, list_colleagues, require_colleague, require_person
from catalog.public import category_branch, find_on_sale, get_products, product_grounds, require_product
from clients.public import find_card_name, find_customer
from core.db import InsideTransaction, transaction
from core.errors import DomainError, InvalidInput
from core.ids import uuid7
from core.outside.asking import PeerAway
from core.testing import Api
from financing.errors import NoProgramme
from financing.public import loan_offer
from financing.queries.offers import require_programme
from insurance.public import estimate, rate
from insurance.tests.make import KASKO, OSAGO
from messaging.peering import peers, reads
from messaging.tests.conftest import SECRET
from messaging.tests.line import deliver
from orders.public import get_headline
from payments.public import require_method
from resources.public import free_handover_slots
from showroom.public import require_happening

APPS = ["accounts", "catalog", "clients", "financing", "insurance", "orders", "payments", "resources", "showroom"]
pytestmark = pytest.mark.django_db(databases=APPS)
OTHER = "o" * 32


def refused(require, *wanted, **more):
    """Say what a read that tells nothing else says of an id that it refuses."""
    with pytest.raises(DomainError) as refusal:
        require(*wanted, **more)
    return refusal.value.code, getattr(refusal.value, "errors", None)


@pytest.fixture
def calls():
    """A call of every declared read that has something to tell."""
    person, car = accounts.tests.make.user("client"), catalog.tests.make.product(attributes={"doors": "5"})
    card = clients.tests.make.client(name="Anna")
    accounts.tests.make.user("manager")
    order = orders.tests.make.order()
    programme, category = financing.tests.make.programme(), catalog.tests.make.category()
    now = timezone.now()
    bay = resources.services.add_type(fields={"name": "Bay", "is_handover_place": True}, now=now)
    resources.services.add_resource(fields={"name": "Bay 1", "type_id": bay.id}, now=now)
    times = {"duration": timedelta(hours=1), "step": timedelta(hours=6), "now": now}
    loan = {"vehicle_price": Decimal("2000000.00"), "down_payment": Decimal(500_000), "term_months": 36}
    return {
        "accounts.get_person": lambda: get_person(person.id),
        "accounts.list_colleagues": list_colleagues,
        "accounts.require_colleague": lambda: refused(require_colleague, person.id, "the_field"),
        "accounts.require_person": lambda: refused(require_person, uuid7(), "the_field"),
        "catalog.category_branch": lambda: category_branch(category.id),
        "catalog.find_on_sale": lambda: find_on_sale(car.sku, 5),
        "catalog.product_grounds": lambda: product_grounds([car.id]),
        "catalog.get_products": lambda: get_products([car.id, uuid7()]),
        "catalog.require_product": lambda: refused(require_product, uuid7(), "the_field"),
        "clients.find_card_name": lambda: find_card_name(card.id),
        "clients.find_customer": lambda: find_customer(card.id),
        "financing.loan_offer": lambda: loan_offer(**loan, day=date(2026, 11, 22), programme_id=programme.id),
        "financing.require_programme": lambda: refused(require_programme, uuid7(), "auto", now=timezone.now()),
        "insurance.estimate": lambda: estimate(OSAGO),
        "insurance.rate": lambda: rate(KASKO, day=date(2026, 11, 22)),
        "orders.get_headline": lambda: get_headline(order.id),
        "payments.require_method": lambda: refused(
            require_method, uuid7(), method="card", caller_id=person.id, customer_id=person.id, field="the_field"
        ),
        "resources.free_handover_slots": lambda: free_handover_slots(now, now + timedelta(days=2), **times),
        "showroom.require_happening": lambda: refused(require_happening, uuid7(), "the_field"),
    }


def test_every_declared_read_tells_across_machines_what_it_tells_here(calls, line, monkeypatch):
    assert set(calls) == set(reads.reads())
    far = {name: call() for name, call in calls.items()}
    assert len(line.requests) == len(calls)
    monkeypatch.setattr(peers, "is_here", lambda app: True)
    here = {name: call() for name, call in calls.items()}
    assert far == here
    assert all(here.values())
    assert len(line.requests) == len(calls)


# Who may ask --------------------------------------------------------------------------------------------------------
def signed(path="/internal/v1/log/orders", body=b'{"after":0,"types":[]}', *, secret=SECRET, moment=None, nonce="n"):
    moment = str(int(time.time()) if moment is None else moment)
    signature = peers.sign_request(secret, path, moment, nonce, body)
    return path, body, {peers.TIME: moment, peers.NONCE: nonce, peers.SIGNATURE: signature}


def test_a_peer_is_answered(line):
    assert deliver(*signed()).status_code == 200


STALE = peers.MAX_SKEW_S + 5


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: (*signed()[:2], {}),
        lambda: signed(secret=OTHER),
        lambda: signed(moment=time.time() - STALE),
        lambda: signed(moment=time.time() + STALE),
        lambda: signed(nonce=""),
        lambda: ("/internal/v1/log/payments", *signed()[1:]),
        lambda: (signed()[0], b'{"after":1,"types":[]}', signed()[2]),
        lambda: (*signed()[:2], signed()[2] | {peers.NONCE: "another"}),
        lambda: (*signed()[:2], signed()[2] | {peers.TIME: str(int(time.time()) - 1)}),
        lambda: (*signed()[:2], signed()[2] | {peers.TIME: "soon"}),
        lambda: (*signed()[:2], signed()[2] | {peers.SIGNATURE: "я"}),
        lambda: (*signed(), "put"),
    ],
)
def test_to_everybody_else_there_is_no_door(line, wrong):
    answer = deliver(*wrong())
    assert (answer.status_code, peers.SIGNATURE in answer.headers) == (404, False)
    assert b"epoch" not in answer.read()


def test_there_is_no_door_without_a_secret(client):
    assert client.post("/internal/v1/log/orders", {"after": 0}, content_type="application/json").status_code == 404


@pytest.mark.parametrize(
    "path", ["/internal/v1/log/nobody", "/internal/v1/read/orders.get_order", "/internal/v1/x/orders"]
)
def test_a_peer_is_told_what_is_not_answered_here(line, path):
    answer = deliver(*signed(path))
    assert (answer.status_code, peers.SIGNATURE in answer.headers) == (404, True)


def test_only_apps_served_here_are_answered_for(line, settings):
    settings.SERVICES = ("payments",)
    assert deliver(*signed()).status_code == 404


@pytest.mark.parametrize(
    ("ours", "theirs", "is_believed"),
    [([SECRET], [OTHER, SECRET], True), ([OTHER, SECRET], [OTHER], True), ([OTHER], [SECRET], False)],
)
def test_secrets_are_replaced_one_machine_at_a_time(line, settings, monkeypatch, ours, theirs, is_believed):
    real = line.post

    def from_machine_to_machine(*args, **kwargs):
        settings.PEER_SECRETS = theirs
        try:
            return real(*args, **kwargs)
        finally:
            settings.PEER_SECRETS = ours

    monkeypatch.setattr(line, "post", from_machine_to_machine)
    settings.PEER_SECRETS = ours
    if is_believed:
        assert reads.copied_upto("orders", "catalog", ["x"]) == [0]
    else:
        with pytest.raises(PeerAway):
            reads.copied_upto("orders", "catalog", ["x"])


# Who may answer -----------------------------------------------------------------------------------------------------
def another_body(response):
    response.read = lambda: b"[1000000]"
    return response


def an_answer_of_before(response):
    """To the same question, asked earlier."""
    earlier = deliver(*signed("/internal/v1/cursors/orders", b'{"source":"catalog","names":["x"]}', nonce="earlier"))
    return earlier


def unsigned(response):
    response.headers = {}
    return response


@pytest.mark.parametrize("meddle", [another_body, an_answer_of_before, unsigned])
def test_nobody_answers_in_a_peers_place(line, meddle):
    assert reads.copied_upto("orders", "catalog", ["x"]) == [0]
    line.meddle = meddle
    with pytest.raises(PeerAway):
        reads.copied_upto("orders", "catalog", ["x"])


def test_a_peer_that_is_away_may_be_back_later(line):
    line.is_cut = True
    with pytest.raises(PeerAway) as caught:
        estimate(OSAGO)
    assert (caught.value.status, caught.value.retry_after) == (503, 2)


# Refusals -----------------------------------------------------------------------------------------------------------
def test_a_refusal_arrives_as_it_was_raised(line):
    with pytest.raises(InvalidInput) as caught:
        estimate(OSAGO | {"vehicle_vin": "?"})
    assert caught.value.errors[0]["field"] == "vehicle_vin"
    with pytest.raises(NoProgramme) as none:
        loan_offer(vehicle_price=Decimal(10), down_payment=Decimal(0), term_months=12, day=date(2026, 11, 22))
    assert none.value.detail == NoProgramme().detail
    with pytest.raises(LookupError) as unknown:
        rate(OSAGO, day=date(2026, 11, 22), revision=99)
    assert unknown.value.args == ("99",)


def test_a_refusal_that_this_release_does_not_know_keeps_its_words():
    told = peers.Refusal("orders.errors.Newer", {"code": "newer", "status": 410, "detail": "It is over.", "extra": {}})
    error = peers._refusal(told)
    assert type(error) is DomainError
    assert (error.code, error.status, error.detail) == ("newer", 410, "It is over.")


def test_a_peer_makes_us_raise_refusals_and_nothing_else():
    assert type(peers._refusal(peers.Refusal("builtins.SystemExit", {"detail": "x"}))) is DomainError


def test_a_fault_of_the_peer_is_no_refusal(line, monkeypatch):
    read = reads.reads()["insurance.estimate"]
    monkeypatch.setitem(reads._reads, read.name, reads.Read(read.app, broken, read.callers))
    with pytest.raises(PeerAway):
        estimate(OSAGO)


def broken(quote_request: dict[str, str]) -> Decimal:
    """Fail as a bug does."""
    return {}["missing"]


# Never while locks are held -----------------------------------------------------------------------------------------
def test_a_peer_is_never_asked_inside_a_transaction(line):
    with pytest.raises(InsideTransaction), transaction("orders"):
        estimate(OSAGO)
    assert line.requests == []


def test_an_order_with_a_policy_is_placed_once_although_insurance_is_elsewhere(line, monkeypatch):
    monkeypatch.setattr(peers, "is_here", lambda app: app != "insurance")
    car = orders.tests.make.product(price="2000000.00")
    buyer = Api("client")
    body = {"items": [{"product_id": str(car), "quantity": 1}], "insurance": [OSAGO]}
    placed = [buyer.post("/orders", body, Idempotency_Key="once") for _ in range(2)]
    assert [answer.status_code for answer in placed] == [201, 201], placed[0].content
    assert placed[0].json()["id"] == placed[1].json()["id"]
    assert len(line.requests) == 1


# A person's data ----------------------------------------------------------------------------------------------------
def test_a_persons_data_is_gathered_from_peers_in_the_words_of_an_export(line, monkeypatch):
    person = accounts.tests.make.user("client")
    far = reads.personal_data("accounts", person.id)
    monkeypatch.setattr(peers, "is_here", lambda app: True)
    here = reads.personal_data("accounts", person.id)
    assert far == json.loads(json.dumps(here, cls=DjangoJSONEncoder))
    assert far["user"][0]["email"] == person.email

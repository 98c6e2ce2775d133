"""What the contracts promise to tell, under their literal names, in bodies that their documents describe."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.events import UserDeleted, UserRoleChanged
from accounts.tests import make as people
from catalog.events import ProductCreated
from catalog.tests import make as goods
from contracts.destinations import DESTINATIONS
from contracts.numbers import get_numbers
from contracts.tests.client import DATABASES
from core.db import transaction
from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.outbox import publish
from messaging.publishing import contract_asyncapi, destinations
from messaging.publishing.envelope import to_cloudevent
from messaging.publishing.sinks import Sink
from messaging.tests.kafka import Cluster
from messaging.tests.test_asyncapi import references, resolve
from messaging.transport import relay
from orders.events import OrderCreated

pytestmark = pytest.mark.django_db(databases=DATABASES)
DOCS = Path(settings.BASE_DIR) / "docs" / "contracts"


def event(fact):
    return to_cloudevent(
        source=fact.app(), event_id=uuid7(), type=fact.type, version=1, subject=fact.aggregate_id, seq=1,
        data=msgspec.to_builtins(fact), headers={}, created_at=timezone.now(),
    )  # fmt: skip


def told(fact):
    """The bodies of an event under the names that are not ours."""
    return {
        name: json.loads(body)
        for _, name, _, body in destinations.destinations(event(fact), "x")
        if not name.startswith("autosalon")
    }


def get_number(user_id):
    return get_numbers([("user", user_id)])["user", user_id]


def order(customer_id):
    return OrderCreated(
        order_id=uuid7(), number="A-1", customer_id=customer_id, lines=[], total_amount=Decimal(40), currency="RUB",
        version_number=1,
    )  # fmt: skip


def test_the_names_are_the_contracts_own():
    assert {
        letter: {(row.driver, row.kind, row.name) for row in table} for letter, table in DESTINATIONS.items()
    } == {
        "a": {("amqp", "topic", "autosalon")},
        "b": {("amqp", "fanout", f"user_{verb}") for verb in ("created", "updated", "deleted")}
        | {("amqp", "queue", "product.created")},
        "d": {
            ("kafka", "topic", name)
            for name in (
                "user-events", "user.deactivated", "user.role_changed", "auth.user.registered", "auth.user.login",
                "auth.user.logout", "event-events", "event-registrations", "resource-events", "resource-allocations",
                "client-events", "payment-events",
            )
        },
        "e": {("kafka", "topic", "new_order")},
    }  # fmt: skip


def test_b_is_told_of_people_in_its_own_words():
    person = people.user("client", username="testuser", email="testuser@example.com")
    created = OutboxEvent.objects.using("accounts").get(type="user.created")
    assert created.data["username"] == "testuser"
    changed = UserRoleChanged(
        user_id=person.id, roles=["admin"], previous=["client"], email=person.email, username=person.username
    )
    whole = {"id": str(person.id), "username": "testuser", "email": person.email}
    assert told(changed)["user_updated"] == whole | {"role": "ADMIN"}
    assert told(UserDeleted(user_id=person.id)) == {"user_deleted": {"id": str(person.id)}}
    older = UserRoleChanged(user_id=person.id, roles=["admin"], previous=["client"])
    assert "user_updated" not in told(older)
    assert set(told(older)) == {"user-events", "user.role_changed"}


def test_a_changed_role_names_the_person(monkeypatch):
    person = people.user("client", username="anna")
    monkeypatch.setattr("accounts.services.people.require_proof", lambda **_: None)
    services.change_roles(user_id=person.id, roles=["client", "manager"], now=timezone.now())
    fact = OutboxEvent.objects.using("accounts").get(type="user.role_changed")
    assert (fact.data["email"], fact.data["username"]) == (person.email, "anna")


@pytest.mark.parametrize(("price", "shown"), [("30000.00", 30000), ("30000.50", 30000.5)])
def test_b_is_told_of_products_by_number(price, shown):
    category = goods.category("Cars")
    product = goods.product(name="Coupe", price=Decimal(price), stock=50, category_id=category.pk)
    row = OutboxEvent.objects.using("catalog").get(type="product.created")
    body = told(msgspec.convert(row.data, ProductCreated, strict=False))["product.created"]
    keys = ("product", product.pk), ("category", category.pk)
    numbers = get_numbers(keys)
    assert body == {
        "id": numbers[keys[0]], "name": "Coupe", "price": shown, "storage_quantity": 50,
        "category_id": numbers[keys[1]],
    }  # fmt: skip


def test_e_is_told_of_a_new_order():
    customer = uuid7()
    fact = order(customer)
    body = told(fact)["new_order"]
    assert (body["order_id"], body["user_id"]) == (str(fact.order_id), get_number(customer))
    assert set(body) == {"order_id", "user_id", "timestamp"}


def test_every_body_is_what_its_document_says():
    person, customer = people.user("client", username="x"), uuid7()
    facts = [
        UserRoleChanged(user_id=person.id, roles=["client"], previous=[], email="a@example.com", username="a"),
        UserDeleted(user_id=person.id),
        order(customer),
    ]
    for fact in facts:
        for row in (row for table in DESTINATIONS.values() for row in table):
            if fact.type in row.events and row.body is not None:
                body = row.body(msgspec.to_builtins(event(fact)))
                jsonschema.validate(body, row.schema, jsonschema.Draft202012Validator)


def test_nothing_is_told_of_a_contract_that_is_switched_off(monkeypatch):
    monkeypatch.setattr(destinations, "_declared", {})
    assert told(order(uuid7())) == {}


@pytest.mark.parametrize("letter", sorted(DESTINATIONS))
def test_each_document_is_whole_and_current(letter):
    text = contract_asyncapi.as_yaml(letter)
    assert (DOCS / f"{letter}.asyncapi.yml").read_text() == text, "run manage.py asyncapi"
    document = yaml.safe_load(text)
    for reference in references(document):
        assert resolve(document, reference)
    assert {channel["address"] for channel in document["channels"].values()} - {"{type}"} == {
        row.name for row in DESTINATIONS[letter] if (row.driver, row.kind) != ("amqp", "topic")
    }


@pytest.mark.parametrize(("letter", "status"), [("b", 200), ("e", 200), ("c", 404)])
def test_the_document_is_served_under_the_prefix(letter, status):
    answer = Client().get(f"/contracts/{letter}/asyncapi.yaml")
    assert answer.status_code == status
    assert status == 404 or yaml.safe_load(answer.content)["asyncapi"] == "3.0.0"


@pytest.mark.django_db(databases=DATABASES, transaction=True)
def test_a_new_order_reaches_the_topic_of_e(settings):
    cluster, customer = Cluster(), uuid7()
    cluster.make("new_order")
    settings.KAFKA_SERVERS = cluster.servers
    fact = order(customer)
    with transaction("orders"):
        publish(fact)
    relay.sequence("orders")
    sink = Sink("orders", "kafka")
    try:
        assert sink.flush() == 1
    finally:
        sink.close()
    (record,) = [one for one in cluster.read("new_order", count=1) if one.key().decode() == str(fact.order_id)]
    body = json.loads(record.value())
    assert (body["order_id"], body["user_id"]) == (str(fact.order_id), get_number(customer))

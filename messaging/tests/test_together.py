"""Deliveries that nobody waits for share a transaction; one that fails, or kills, costs the others nothing."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.utils import timezone

from catalog.events import CategoryChanged
from core.db import LeavesRecord
from core.ids import uuid7
from messaging import subscriptions
from messaging.delivery import dispatcher
from messaging.models import DeliveryStatus, Heartbeat, InboxEvent, InboxShard, OutboxEvent
from messaging.outbox import publish
from messaging.tests.test_delivery import change, leave_alone
from messaging.transport import relay
from orders.events import ReservationLapsed

pytestmark = pytest.mark.django_db(databases=["catalog", "orders"])
HANDLER = "orders.test_patient"


class Refusal(LeavesRecord, Exception):
    """A refusal that is remembered although all else is undone."""

    alias = "orders"

    def leave(self) -> None:
        Heartbeat.objects.using("orders").create(role=f"refused {uuid7()}"[:40], beat_at=timezone.now())


class Patient:
    """A handler that leaves an effect and a fact of each event, and fails or dies at some."""

    def __init__(self) -> None:
        self.errors: dict[str, BaseException] = {}
        self.calls = list[str]()

    def __call__(self, event: CategoryChanged) -> None:
        self.calls.append(event.name)
        Heartbeat.objects.using("orders").create(role=event.name, beat_at=timezone.now())
        publish(ReservationLapsed(order_id=event.category_id, attempt_id=uuid7()))
        if event.name in self.errors:
            raise self.errors[event.name]


@pytest.fixture
def patient() -> Iterator[Patient]:
    known = dict(subscriptions.subscriptions())
    leave_alone()
    patient = Patient()

    def handle(event):
        patient(event)

    handle.__module__ = "orders.test"
    subscriptions.subscribe(CategoryChanged, name=HANDLER, can_wait=True, max_attempts=3)(handle)
    yield patient
    subscriptions._registry.clear()
    subscriptions._registry.update(known)


def bring(*names: str) -> None:
    for name in names:
        change(name)
    relay.sequence("catalog")
    relay.copy("catalog", "orders")


def inbox():
    return InboxEvent.objects.using("orders").filter(handler=HANDLER)


def effects() -> set[str]:
    return set(Heartbeat.objects.using("orders").values_list("role", flat=True))


def marked():
    return InboxShard.objects.using("orders").filter(current_rn__isnull=False)


def test_they_share_one_transaction_and_each_fact_has_its_own_cause(patient, monkeypatch):
    effect = []
    monkeypatch.setattr(dispatcher._Shard, "_effect", lambda *given: effect.append(given))
    bring("a", "b", "c")
    dispatcher.dispatch("orders")
    assert (effects(), effect) == ({"a", "b", "c"}, [])
    assert set(inbox().values_list("status", "attempts")) == {(DeliveryStatus.DONE, 1)}
    assert not marked().exists()
    causes = dict(inbox().values_list("data__category_id", "event_id"))
    facts = OutboxEvent.objects.using("orders").filter(type=ReservationLapsed.type)
    assert {row.aggregate_id: row.headers["causation_id"] for row in facts} == {
        category: str(event) for category, event in causes.items()
    }


def test_one_that_fails_undoes_nobody_elses_work(patient):
    patient.errors["b"] = ValueError("b")
    bring("a", "b", "c")
    dispatcher.dispatch("orders")
    assert effects() == {"a", "c"}
    assert dict(inbox().values_list("data__name", "attempts")) == {"a": 1, "b": 1, "c": 1}
    assert inbox().get(data__name="b").status == DeliveryStatus.PENDING


def test_what_a_failure_leaves_behind_is_left_once(patient):
    patient.errors["b"] = Refusal()
    bring("a", "b")
    dispatcher.dispatch("orders")
    assert len([role for role in effects() if role.startswith("refused")]) == 1
    assert "a" in effects()


def test_after_a_death_each_goes_by_itself(patient):
    patient.errors["b"] = KeyboardInterrupt()
    bring("a", "b", "c")
    with pytest.raises(KeyboardInterrupt):
        dispatcher.dispatch("orders")
    assert effects() == set()
    for _ in range(dispatcher.MAX_DEATHS + 1):
        try:
            dispatcher.dispatch("orders")
        except KeyboardInterrupt:
            continue
    assert effects() == {"a", "c"}
    assert inbox().get(data__name="b").status == DeliveryStatus.DEAD


def test_so_many_share_and_the_rest_come_next(patient, monkeypatch):
    monkeypatch.setattr(dispatcher, "MOST_TOGETHER", 2)
    bring("a", "b", "c", "d", "e")
    dispatcher.dispatch("orders")
    assert len(effects()) == len(patient.calls) == 5
    assert not inbox().filter(status=DeliveryStatus.PENDING).exists()
    assert not marked().exists()


def test_those_that_are_waited_for_never_share(patient, monkeypatch):
    registry = subscriptions._registry
    registry[HANDLER] = replace(registry[HANDLER], can_wait=False)
    together = []
    monkeypatch.setattr(dispatcher, "_effect_of_all", lambda *given: together.append(given))
    bring("a", "b")
    dispatcher.dispatch("orders")
    assert (effects(), together) == ({"a", "b"}, [])


@pytest.mark.django_db(databases=["catalog", "orders"], transaction=True)
def test_who_has_lost_its_session_commits_nothing(patient):
    bring("a", "b")
    item = subscriptions.subscriptions()[HANDLER]
    shards = [dispatcher._Shard("orders", item, place) for place in set(inbox().values_list("shard", flat=True))]
    for each in shards:
        each.session = -1
    rows = {(HANDLER, each.shard): each._pending() for each in shards}
    assert not dispatcher._handle_together("orders", shards, rows)
    assert (effects(), sorted(patient.calls)) == (set(), ["a", "b"])
    assert set(inbox().values_list("status", flat=True)) == {DeliveryStatus.PENDING}
    assert not OutboxEvent.objects.using("orders").filter(type=ReservationLapsed.type).exists()

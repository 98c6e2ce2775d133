"""Read what /metrics tells, to whom, and what it says of a database that is down."""

import threading
from contextlib import contextmanager
from ipaddress import ip_network

import psycopg
import pytest
from django.db import connections
from django.test import Client
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from catalog.events import CategoryChanged
from config.layout import Layout
from core.db import transaction
from core.ids import uuid7
from messaging import subscriptions
from messaging.delivery import sweep
from messaging.delivery.calls import request_call
from messaging.models import InboxEvent, SinkCursor
from messaging.outbox import publish
from messaging.subscriptions import subscribe
from messaging.testing import drain_outbox
from messaging.transport import relay
from messaging.upkeep import metrics

pytestmark = pytest.mark.django_db(databases=["catalog", "orders", "payments"], transaction=True)
HANDLER = "orders.test_gauge"
PLAIN = ("dbname", "user", "password", "host", "port", "application_name")


@pytest.fixture(autouse=True)
def three_databases(settings):
    settings.SERVICES = ("catalog", "orders", "payments")
    settings.LAYOUT = Layout(settings.SERVICES, frozenset())


@pytest.fixture(autouse=True)
def handler():
    known = dict(subscriptions.subscriptions())

    def handle(event):
        raise RuntimeError("never")

    handle.__module__ = "orders.test"
    subscribe(CategoryChanged, name=HANDLER, max_attempts=1)(handle)
    yield
    subscriptions._registry.clear()
    subscriptions._registry.update(known)


def change():
    with transaction("catalog"):
        publish(CategoryChanged(category_id=uuid7(), name="x"))


def scrape(**meta):
    response = Client(raise_request_exception=False).get("/metrics", **meta)
    assert response.status_code == 200, response.content
    families = text_string_to_metric_families(response.content.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_a_backlog_shows_where_it_stands():
    change()
    change()
    assert scrape()["outbox_unsequenced", "catalog"] == 2
    relay.sequence("catalog")
    told = scrape()
    assert told["outbox_unsequenced", "catalog"] == 0
    assert told["feed_head", "catalog"] == 2
    assert told["handler_lag_events", "orders", HANDLER, "catalog"] == 2
    relay.copy("catalog", "orders")
    told = scrape()
    assert told["handler_lag_events", "orders", HANDLER, "catalog"] == 0
    assert told["inbox_pending", "orders", HANDLER] == 2
    drain_outbox("orders")
    told = scrape()
    assert told["inbox_pending", "orders", HANDLER] == 0
    assert told["inbox_dead", "orders", HANDLER] == 2


def test_the_age_of_what_waits_is_told_only_while_it_waits():
    assert ("outbox_oldest_seconds", "catalog") not in scrape()
    change()
    assert scrape()["outbox_oldest_seconds", "catalog"] >= 0
    relay.sequence("catalog")
    relay.copy("catalog", "orders")
    InboxEvent.objects.using("orders").filter(handler=HANDLER).update(next_at="2020-01-01T00:00:00Z")
    assert scrape()["inbox_overdue_seconds", "orders"] > 3600


def test_timers_calls_and_heartbeats_are_counted():
    with transaction("payments"):
        request_call(key="k", operation="payments.charge", provider="sandbox", request={})
    with connections["orders"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO messaging_timer (id, handler, lane, shard, type, data, due_at)
               VALUES (%s, 'h', 'l', 0, 't', '{}', now() - interval '1 hour'),
                      (%s, 'h', 'l', 0, 't', '{}', now() + interval '1 hour')""",
            [uuid7(), uuid7()],
        )
    sweep.beat("orders", "sweep")
    told = scrape()
    assert [told["external_calls_open", "payments", state] for state in ("new", "sent", "unknown")] == [1, 0, 0]
    assert (told["timers_overdue", "orders"], told["timers_overdue", "catalog"]) == (1, 0)
    assert 0 <= told["heartbeat_age_seconds", "orders", "sweep"] < 60


def test_a_paused_handler_is_told():
    change()
    drain_outbox("catalog", "orders")
    assert scrape()["handler_paused", "orders", HANDLER, "catalog"] == 0
    with connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE messaging_feed_head SET epoch = %s", [uuid7()])
    change()
    drain_outbox("catalog", "orders")
    assert scrape()["handler_paused", "orders", HANDLER, "catalog"] == 1


def test_the_lag_of_the_stream_is_told_when_there_is_one(settings):
    change()
    relay.sequence("catalog")
    assert ("stream_lag_events", "catalog") not in scrape()
    settings.STREAM_URL = "amqp://nowhere"
    assert scrape()["stream_lag_events", "catalog"] == 1
    SinkCursor.objects.using("catalog").create(
        sink="stream", position=1, owner=uuid7(), lease_until="2020-01-01T00:00:00Z"
    )
    assert scrape()["stream_lag_events", "catalog"] == 0


def test_a_database_that_is_down_is_a_sample_not_an_error(monkeypatch):
    change()
    relay.sequence("catalog")
    relay.copy("catalog", "orders")
    monkeypatch.setitem(connections["catalog"].settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connections["catalog"].settings_dict, "PORT", "1")
    told = scrape()
    assert (told["database_up", "catalog"], told["database_up", "orders"]) == (0, 1)
    assert ("feed_head", "catalog") not in told
    assert ("handler_lag_events", "orders", HANDLER, "catalog") not in told
    assert told["inbox_pending", "orders", HANDLER] == 1


def test_a_database_that_hangs_holds_one_thread_and_no_scrape(monkeypatch):
    release, asked = threading.Event(), []

    def hang(alias):
        if alias == "catalog":
            asked.append(alias)
            release.wait(30)
        return read(alias)

    read = metrics.read
    monkeypatch.setattr(metrics, "read", hang)
    monkeypatch.setattr(metrics, "ANSWER_S", 0.5)
    try:
        for _ in range(3):
            told = scrape()
            assert told["database_up", "catalog"] == 0
        assert asked == ["catalog"]
    finally:
        release.set()
    metrics._asked["catalog"].result(timeout=10)
    monkeypatch.undo()
    assert scrape()["database_up", "catalog"] == 1


def test_another_part_may_add_its_own(monkeypatch):
    monkeypatch.setattr(metrics, "_sources", list(metrics._sources))
    metrics.add_metrics(lambda: [GaugeMetricFamily("books_disagreements", "Found by the last check.", 3)])
    assert scrape()[("books_disagreements",)] == 3


@pytest.mark.parametrize(
    "meta",
    [
        {"REMOTE_ADDR": "203.0.113.9"},
        {"REMOTE_ADDR": "2001:db8::1"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
    ],
)
def test_for_others_there_is_no_such_page(meta):
    response = Client().get("/metrics", **meta)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert b"outbox" not in response.content


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_the_machine_itself_may_read(address):
    assert scrape(REMOTE_ADDR=address)["database_up", "catalog"] == 1


def test_networks_may_be_allowed_also_behind_a_trusted_proxy(settings):
    settings.METRICS_ALLOW = [ip_network("10.1.0.0/16")]
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.1")]
    behind = {"REMOTE_ADDR": "192.0.2.1"}
    assert scrape(REMOTE_ADDR="10.1.2.3")["database_up", "catalog"] == 1
    assert scrape(**behind, HTTP_X_FORWARDED_FOR="10.1.2.3")["database_up", "catalog"] == 1
    assert Client().get("/metrics", **behind, HTTP_X_FORWARDED_FOR="10.2.0.1").status_code == 404
    assert Client().get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 404


@pytest.mark.parametrize(("program", "is_told"), [("pg_dump", False), ("autosalon-orders", True)])
def test_a_statement_hangs_only_if_it_is_ours(program, is_told):
    with hanging(program):
        assert (metrics.read_all(["orders"])["orders"].longest is not None) == is_told


def test_a_statement_that_began_after_the_question_has_run_for_no_time_less_than_nought():
    with transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute("SELECT now()")
        with hanging("autosalon-orders"):
            cursor.execute(metrics._STANDING, {"counted": 1})
            assert 0 <= cursor.fetchone()[-1] < 60


@contextmanager
def hanging(program):
    """Have a program's statement run in orders' database while the block lasts."""
    parameters = connections["orders"].get_connection_params() | {"application_name": program}
    plain = {name: parameters[name] for name in PLAIN if name in parameters}
    with psycopg.connect(**plain) as other, psycopg.connect(**plain, autocommit=True) as looker:
        pid = other.info.backend_pid
        other.pgconn.send_query(b"SELECT pg_sleep(60)")
        active = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
        while not looker.execute(active, [pid]).fetchone():
            pass
        try:
            yield
        finally:
            looker.execute("SELECT pg_terminate_backend(%s)", [pid])
            other.close()

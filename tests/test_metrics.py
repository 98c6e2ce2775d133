"""Metrics that answer an operator: requests by route, orders, money, jobs, statements; and what it costs to count."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from decimal import Decimal

import pytest
import structlog
from celery.signals import worker_init
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

import catalog.tests.make
from catalog.events import CategoryChanged
from config.celery import app
from config.databases import APPS
from config.health import examination
from config.layout import Layout
from config.management.commands import metrics as page
from config.processes import jobs
from core.db import fetch, transaction
from core.ids import uuid7
from core.running import measures
from core.testing import Api
from gateway.responses import measured
from messaging.outbox import publish
from messaging.testing import drain_outbox
from messaging.upkeep import metrics, scraped
from payments.tests.conftest import running_sandbox, sandbox
from tests.product import free_port

__all__ = ["running_sandbox", "sandbox"]
pytestmark = pytest.mark.django_db(databases=[*APPS], transaction=True)
GAUGES = {
    "orders_open", "checkouts_open", "reservations_held", "payments_unknown", "attention_waiting", "processes",
    "orders_needing_attention", "database_connections", "health_status", "process_resident_memory_bytes",
}  # fmt: skip
SECONDS = "http_request_duration_seconds"


@pytest.fixture(autouse=True)
def every_app(settings):
    settings.SERVICES = tuple(APPS)
    settings.LAYOUT = Layout(settings.SERVICES, frozenset({"storefront"}))
    yield
    examination.hang_up()
    examination.forget()


def read(text):
    families = text_string_to_metric_families(text)
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def scrape():
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    return read(answer.content.decode())


def told(found, name, **labels):
    return found.get((name, *sorted(labels.items())), 0)


def order_a_car():
    car = catalog.tests.make.product(stock=10, price=Decimal(1_500_000))
    drain_outbox()
    card = {"method": "card", "token": "tok_success"}
    placed = Api("client", user_id=uuid7()).post("/orders", {
        "items": [{"product_id": str(car.id), "quantity": 1}], "payment": card,
    })  # fmt: skip
    assert placed.status_code == 201, placed.json()
    return placed.json()["id"]


def test_the_page_lists_every_metric():
    assert page.shown() == page.table(), "run `manage.py metrics --write`"


def test_nothing_is_told_that_is_not_declared(running_sandbox):
    order_a_car()
    names = {name for name, *_ in scrape()}
    bare = {re.sub("_(bucket|count|sum)$", "", name) for name in names - set(measures.FAMILIES)}
    assert bare - set(measures.FAMILIES) == set()
    assert GAUGES - names == set()


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        (f"/api/v1/orders/{uuid7()}", "/api/v1/orders/<pk>", 401),
        ("/api/v1/orders", "/api/v1/orders", 401),
        (f"/api/v1/categories/{uuid7()}", "/api/v1/categories/<pk>", 404),
        ("/health", "/health", 200),
        ("/api/v1/nobody@example.com", measured.ELSEWHERE, 404),
        ("/no/such/page", measured.ELSEWHERE, 404),
    ],
)
def test_requests_are_counted_by_their_declared_route(path, route, status):
    labels = {"method": "GET", "route": route}
    before = scrape()
    assert Client(raise_request_exception=False).get(path).status_code == status
    after = scrape()
    for name, more in (("http_requests_total", {"status": str(status)}), (f"{SECONDS}_count", {})):
        assert told(after, name, **labels, **more) == told(before, name, **labels, **more) + 1, name
    assert told(after, f"{SECONDS}_bucket", **labels, le="+Inf") == told(after, f"{SECONDS}_count", **labels)


def test_a_strange_method_makes_no_series_of_its_own():
    measured.observe("BREW", "/health", 405, 0.1)
    found = scrape()
    assert told(found, "http_requests_total", method="other", route="/health", status="405") >= 1
    assert not [key for key in found if ("method", "BREW") in key]


def test_to_count_a_request_takes_less_than_twenty_microseconds():
    def take():
        started = time.perf_counter()
        for _ in range(2000):
            measured.observe("GET", "/api/v1/orders/<pk>", 200, 0.004)
        return (time.perf_counter() - started) / 2000

    assert min(take() for _ in range(5)) < 20e-6


def test_a_purchase_shows_in_orders_checkouts_holds_events_and_money(running_sandbox):
    before = scrape()
    order_a_car()
    placed = scrape()
    assert told(placed, "orders_open", status="created") == 1
    assert told(placed, "checkouts_open", state="running") == 1
    assert 0 <= told(placed, "orders_oldest_seconds", status="created") < 600
    assert 0 <= told(placed, "checkouts_oldest_seconds", state="running") < 600
    drain_outbox()
    paid = scrape()
    assert [told(paid, "orders_open", status=status) for status in ("created", "paid")] == [0, 1]
    assert told(paid, "checkouts_open", state="running") == 0

    def rise(name, **labels):
        return told(paid, name, **labels) - told(before, name, **labels)

    assert rise("payments_total", flow="taken", currency="RUB") == 1
    assert rise("payments_amount_total", flow="taken", currency="RUB") == 1_500_000
    assert rise("events_published_total", type="order.created") == 1
    assert rise("events_published_total", type="payment.completed") == 1
    assert rise("external_call_duration_seconds_count", operation="payments.charge", state="ok") == 1
    assert rise("delivery_duration_seconds_count", handler="orders.checkout") >= 2


def test_what_is_held_and_held_too_long_is_told(running_sandbox):
    order_a_car()
    drain_outbox("orders", "catalog")
    found = scrape()
    assert told(found, "reservations_held") == 1
    assert told(found, "reservations_overdue_seconds") == 0
    with connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE catalog_reservation SET expires_at = now() - interval '1 hour'")
    assert told(scrape(), "reservations_overdue_seconds") >= 3600


def test_what_needs_a_person_is_what_the_board_shows(running_sandbox):
    order_a_car()
    with connections["orders"].cursor() as cursor:
        cursor.execute("UPDATE orders_checkout SET state = 'parked'")
    found = scrape()
    assert told(found, "orders_needing_attention", reason="parked") == 1
    assert told(found, "orders_needing_attention", reason="stuck") == 0
    assert ("attention_waiting", ("queue", "payments_silent")) in found


def test_what_is_rolled_back_is_not_counted():
    class Regret(Exception):
        pass

    def change():
        publish(CategoryChanged(category_id=uuid7(), name="x"))

    before = told(scrape(), "events_published_total", type="category.changed")
    with contextlib.suppress(Regret), transaction("catalog"):
        change()
        raise Regret
    assert told(scrape(), "events_published_total", type="category.changed") == before
    with transaction("catalog"):
        change()
    assert told(scrape(), "events_published_total", type="category.changed") == before + 1


def test_a_slow_statement_is_counted_and_logged_without_its_values(settings):
    before = told(scrape(), "database_slow_statements_total", database="orders")
    settings.SLOW_STATEMENT_S = 0.01
    with structlog.testing.capture_logs() as lines, connections["orders"].cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [0.02])
        fetch("orders", "SELECT pg_sleep(%s)", [0.03])
    settings.SLOW_STATEMENT_S = 10
    told_of = [line for line in lines if line["event"] == "slow_statement" and "pg_sleep" in line["sql"]]
    assert [(line["database"], line["sql"]) for line in told_of] == [("orders", "SELECT pg_sleep(%s)")] * 2
    assert told_of[0]["ms"] >= 20
    assert told(scrape(), "database_slow_statements_total", database="orders") >= before + 2


def test_a_job_is_timed_and_told(settings):
    class Task:
        name = "orders.fold_stats"

    before = told(scrape(), "job_duration_seconds_count", task=Task.name, state="failure")
    jobs.begin(task_id="1")
    with structlog.testing.capture_logs() as lines:
        jobs.end(task_id="1", task=Task, state="FAILURE")
        jobs.end(task_id="1", task=Task, state="FAILURE")
    assert [(line["job"], line["state"]) for line in lines] == [(Task.name, "failure")]
    assert told(scrape(), "job_duration_seconds_count", task=Task.name, state="failure") == before + 1


def test_every_declared_job_is_told_of_before_it_runs():
    name = "payments.reconcile_yesterday"
    assert jobs.begin_at_zero in worker_init._live_receivers(None)
    app.finalize(auto=True)
    jobs.begin_at_zero()
    found = scrape()
    for state in ("success", "failure"):
        assert found["job_duration_seconds_count", ("state", state), ("task", name)] == 0


def test_a_source_that_fails_is_left_out(monkeypatch):
    def fail():
        raise RuntimeError("no such table")

    monkeypatch.setattr(metrics, "_of_apps", [("orders", fail), *metrics._of_apps])
    assert told(scrape(), "database_up", database="orders") == 1


def test_processes_without_pages_answer_at_a_port(settings):
    settings.METRICS_PORT = free_port()
    server = scraped.answer_scrapes()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.METRICS_PORT}/metrics") as answer:
            assert ("processes", ("role", measures.get_role())) in read(answer.read().decode())
        assert scraped.answer_scrapes() is None, "a taken port stops nobody"
    finally:
        server.shutdown()
        server.server_close()


_COUNT = """
import django, json, os, sys
django.setup()
from core.running import measures
from gateway.responses import measured
happened = measures.count("test_happened_total", "Test.")
standing = measures.level("test_standing", "Test.")
if os.fork() == 0:
    happened.inc(2); standing.inc(); measured.observe("GET", "/x", 200, 0.1); os._exit(0)
os.wait()
happened.inc(); standing.inc(10)
from prometheus_client import CollectorRegistry, generate_latest
registry = CollectorRegistry()
registry.register(type("All", (), {"collect": staticmethod(measures.collect)})())
print(generate_latest(registry).decode())
"""


@pytest.mark.proof
def test_processes_that_share_a_folder_are_told_of_together(tmp_path):
    environment = os.environ | {
        "AUTOSALON_METRICS_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings", "AUTOSALON_DEBUG": "on",
        "PYTHONPATH": str(django_settings.BASE_DIR),
    }  # fmt: skip
    for times in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", _COUNT], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found = read(done.stdout)
        assert told(found, "test_happened_total") == 3 * times, "what processes counted before they ended, stays"
        assert told(found, "test_standing") == 10, "what a process that is gone had open, does not"
        assert told(found, f"{SECONDS}_count", method="GET", route="/x") == times
        assert told(found, "processes", role="web") == 1
        assert told(found, "process_resident_memory_bytes", role="web") > 10_000_000


_WORK = """
import django, os, sys, time
django.setup()
from core.running import measures
from messaging.upkeep.scraped import answer_scrapes
def mark(name):
    return os.path.join(os.environ["AUTOSALON_METRICS_DIR"], name)
def fork(argv, act):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        sys.argv = argv
        act()
        os.write(write, b".")
        time.sleep(60)
    os.read(read, 1)
    return pid
fork(["celery", "worker"], measures.count("test_worked_total", "Test.").inc)
fork(["manage.py", "relay"], answer_scrapes)
fork(["manage.py", "consume_stream"], measures.level("test_open", "Test.").inc)
gone = fork(["celery", "beat"], answer_scrapes)
os.kill(gone, 9)
os.waitpid(gone, 0)
open(mark(f"counter_stranger-{os.getppid()}.db"), "wb").close()
os.utime(mark(f"counter_stranger-{os.getppid()}.db"), (1, 1))
print(sorted((sample.labels["role"], sample.value) for family in measures._processes() for sample in family.samples
             if sample.name == "processes"))
measures._forget_dead()
print(os.path.exists(mark(f"beat-{gone}.process")))
os.killpg(0, 9)
"""


@pytest.mark.proof
def test_each_process_that_lives_is_told_of_whatever_it_counts(tmp_path):
    environment = os.environ | {
        "AUTOSALON_METRICS_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings", "AUTOSALON_DEBUG": "on",
        "PYTHONPATH": str(django_settings.BASE_DIR), "AUTOSALON_METRICS_PORT": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-uc", _WORK], env=environment, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip
    roles = [("consume_stream", 1), ("relay", 1), ("web", 1), ("worker", 1)]
    assert done.stdout.split("\n")[:2] == [str(roles).replace("1)", "1.0)"), "False"], done.stdout + done.stderr


def test_values_are_json_free_of_names():
    """Hold labels to what is declared: no e-mail, no path, no id is ever a label."""
    assert "@" not in json.dumps([list(map(str, key)) for key in scrape()])

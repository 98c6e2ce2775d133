"""Every fault that is promised to be named is named, by `doctor` and by readiness, and is forgotten once healed."""

import json
import threading
import time
from collections import Counter
from io import StringIO
from ipaddress import ip_network

import pytest
import structlog
from django.core.management import call_command
from django.db import connections
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from config import urls  # noqa: F401  (its addresses are those of every app, whatever a test serves)
from config.declared.health import limits
from config.health import document, examination
from config.health.declared import all_checks
from config.layout import Layout
from messaging.delivery.dispatcher import dispatch
from payments.tests.conftest import serving
from tests.faults import APPS, FAULTS, beat_everywhere, cut_off
from tests.product import wait_for

pytestmark = pytest.mark.django_db(databases=[*APPS, "contracts"], transaction=True)


SILENT = ("relay", "beat", "database", "clock")
"""Faults during which nobody beats for the relay and the clock."""


class Environment:
    """Environment that a fault may turn: the settings, the limits, and what is to be undone when the test is over."""

    def __init__(self, settings, folder):
        self.settings, self.folder, self.out, self.ends = settings, folder, StringIO(), []
        self.dispatch = dispatch

    def limit(self, **changed):
        self.settings.HEALTH = self.settings.HEALTH | changed

    def at_end(self, act):
        self.ends.append(act)

    def while_healthy(self):
        """For what is gone once the fault's context is left."""
        wait_for(lambda: doctor()[0] == 0, 20, "it does not heal")


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("bank")) as sandbox:
        yield sandbox.url


@pytest.fixture
def env(settings, tmp_path, bank, monkeypatch):
    settings.SERVICES = APPS
    settings.LAYOUT = Layout(settings.SERVICES, frozenset())
    settings.SANDBOX_ALLOWED, settings.CONTRACTS = True, ("a",)
    settings.SANDBOX_URL, settings.PROVIDER_TIMEOUT_S = bank, 1
    monkeypatch.setattr(examination, "FRESH_S", 0.0)
    found = Environment(settings, tmp_path)
    beat_everywhere()
    examination.hang_up()
    yield found
    for act in found.ends:
        act()
    examination.hang_up()
    examination.forget()


def doctor(*options):
    """Exit code and output."""
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as stopped:
        return stopped.code, out.getvalue()
    return 0, out.getvalue()


def ready(**meta):
    examination.forget()
    return Client().get("/health/ready", **meta)


def test_every_check_has_a_fault():
    assert {name.partition("-")[0] for name in FAULTS} == set(all_checks())


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_is_named_and_forgotten_once_healed(env, name):
    check = all_checks()[name.partition("-")[0]]
    assert doctor()[0] == 0, doctor()[1]
    with FAULTS[name](env) as (where, what):
        beat_everywhere() if name not in SILENT else None
        code, told = doctor()
        (line,) = [line for line in told.splitlines() if line.startswith(f"{where} ")]
        assert (code, what in line, check.remedy in told) == (1, True, True), told
        answer = ready()
        shown = answer.json()["checks"][check.name]
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded"), answer.json()
        assert (shown["status"], shown["remedy"]) == ("failed", check.remedy)
        assert any(one["where"] == where and what in one["what"] for one in shown["troubles"]), shown
    beat_everywhere() if name not in SILENT else None
    wait_for(lambda: doctor()[0] == 0, 20, f"{name} is healed: {doctor()[1]}")
    answer = ready()
    assert (answer.status_code, answer.json()["status"]) == (200, "ok"), answer.json()


def test_only_when_no_app_can_serve_anybody_is_it_unready(env):
    env.settings.SERVICES = ("orders",)
    env.settings.LAYOUT = Layout(env.settings.SERVICES, frozenset())
    assert ready().status_code == 200
    with cut_off("orders"):
        answer = ready()
        assert (answer.status_code, answer.json()["status"]) == (503, "down")
        assert answer.json()["services"]["orders"]["status"] == "down"
        env.settings.SERVICES = ("orders", "catalog")
        env.settings.LAYOUT = Layout(env.settings.SERVICES, frozenset())
        answer = ready()
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["services"]["catalog"]["status"] == "ok"
    env.settings.SERVICES = ("orders",)
    env.settings.LAYOUT = Layout(env.settings.SERVICES, frozenset())
    wait_for(lambda: ready().status_code == 200, 20, "it does not become ready again")


def test_a_healthy_answer_names_what_it_stands_on(env):
    body = ready().json()
    assert set(body["services"]) == {*APPS, "broker", "cache", "channel_layer"}
    assert {one["status"] for one in [*body["services"].values(), *body["checks"].values()]} == {"ok"}
    assert set(body["checks"]) == set(all_checks())


@pytest.mark.parametrize(
    "meta", [{"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}]
)
def test_outsiders_get_only_the_word(env, meta):
    env.limit(disk_mb=10**9)
    assert ready(**meta).json() == {"status": "degraded"}
    env.settings.METRICS_ALLOW = [ip_network("203.0.113.0/24")]
    assert len(ready(REMOTE_ADDR="203.0.113.9").json()) > 1


def test_it_is_asked_once_however_many_ask(env, monkeypatch):
    monkeypatch.setattr(examination, "FRESH_S", 3.0)
    runs = Counter()
    original = examination._examine

    def examine(*args, **options):
        runs["all"] += 1
        time.sleep(0.2)
        return original(*args, **options)

    monkeypatch.setattr(examination, "_examine", examine)
    examination.forget()
    answers = []
    askers = [threading.Thread(target=lambda: answers.append(Client().get("/health/ready"))) for _ in range(8)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    assert [answer.status_code for answer in answers] == [200] * 8
    assert runs["all"] == 1


def count_connections(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]


def test_it_keeps_one_connection_to_each_database_and_makes_no_new_ones(env):
    before = count_connections("orders")
    with connections["orders"].cursor() as cursor:
        for _ in range(5):
            assert ready().status_code == 200
        cursor.execute("SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database()")
        first = set(cursor.fetchone()[0])
        ready()
        cursor.execute("SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database()")
        assert set(cursor.fetchone()[0]) == first
    assert count_connections("orders") == before + 1


def test_a_database_that_hangs_keeps_nobody_waiting(env, monkeypatch):
    env.limit(answer_s=1)
    release, read = threading.Event(), examination.due_position

    def hang(alias):
        if alias == "catalog":
            release.wait(30)
        return read(alias)

    monkeypatch.setattr(examination, "due_position", hang)
    try:
        started = time.monotonic()
        code, told = doctor()
        assert time.monotonic() - started < 5
        assert code == 1
        assert "catalog        does not answer within 1 s" in told
    finally:
        release.set()
    monkeypatch.undo()
    wait_for(lambda: doctor()[0] == 0, 20, "it is not asked again")


def test_doctor_speaks_json_and_may_ask_for_the_relay_alone(env):
    env.limit(disk_mb=10**9)
    code, told = doctor("--json")
    (trouble,) = json.loads(told)["troubles"]
    assert (code, trouble["check"], trouble["where"]) == (1, "disk", "disk")
    assert trouble["remedy"] == all_checks()["disk"].remedy
    code, told = doctor("--relay")
    assert (code, told.split()) == (0, [word for app in APPS for word in (app, "ok")])


def test_a_scrape_is_told_the_same(env):
    env.limit(disk_mb=10**9)
    examination.forget()
    text = Client().get("/metrics").content.decode()
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert told["health_check_failed", "disk"] == 1
    assert told["health_check_failed", "parked"] == 0
    assert told[("health_status",)] == 1


def test_a_new_fault_is_logged_once(env):
    env.limit(disk_mb=10**9)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            examination.latest()
    assert [(line["check"], line["where"]) for line in lines if line["event"] == "unwell"] == [("disk", "disk")]


def test_each_fault_shows_within_a_minute():
    """A limit, the answer that a process keeps, the question that is cut short, and Prometheus' own quarter minute."""
    for one in all_checks().values():
        waits = limits()[one.limit] if one.limit.endswith("_s") and not one.is_deadline else 0
        assert waits + one.every_s + examination.FRESH_S + 3 * limits()["answer_s"] <= 60, one.name


def test_the_page_shows_the_list():
    assert document.shown() == document.table(), "run: manage.py doctor --write-table"


def test_every_remedy_is_one_sentence_that_says_what_to_do():
    for one in all_checks().values():
        assert one.remedy[0].islower(), one.name
        assert not one.remedy.endswith("."), one.name
        assert ". " not in one.remedy, one.name

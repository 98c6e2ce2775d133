"""Alerts and dashboards: each alert is fired once and kept silent once, and nothing asks for what nobody tells."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.test import Client

from config.management.commands import metrics as page
from core.running.measures import FAMILIES

WATCH = Path(settings.BASE_DIR) / "deploy" / "watch"
RULES = [rule for group in yaml.safe_load((WATCH / "rules.yml").read_text())["groups"] for rule in group["rules"]]
MINUTES, MANY_MINUTES = 100, 250
"""When a case is looked at, and how long it lasts; PeopleWaitedFor takes four hours."""
UP = {'up{job="web", instance="a"}': "1"}


def steadily(value):
    return f"{value}x{MANY_MINUTES}"


def rising(a_minute):
    return f"0+{a_minute}x{MANY_MINUTES}"


def bucket(le, a_minute, route="/api/v1/orders", method="POST"):
    series = f'http_request_duration_seconds_bucket{{method="{method}", route="{route}", le="{le}"}}'
    return {series: rising(a_minute)}


def requests(**by_status):
    return {f'http_requests_total{{status="{status[1:]}"}}': rising(number) for status, number in by_status.items()}


CASES = {
    "ShopDown": ({"health_status": "2"}, {"health_status": "1"}),
    "ProcessDown": ({'up{job="relay", instance="b"}': "0"}, {'up{job="relay", instance="b"}': "1"}),
    "RequestsFail": (requests(_200=90, _500=10), requests(_200=1000, _500=10, _503=90)),
    "RequestsRefusedAway": (requests(_200=90, _503=10), requests(_200=990, _503=10)),
    "RequestsSlow": (
        bucket("1", 90) | bucket("2.5", 100) | bucket("+Inf", 100),
        bucket("1", 100) | bucket("+Inf", 100) | bucket("+Inf", 9000, route="/metrics", method="GET"),
    ),
    "OrdersSlow": (
        bucket("2.5", 98) | bucket("5", 100) | bucket("+Inf", 100),
        bucket("2.5", 100) | bucket("+Inf", 100) | bucket("+Inf", 900, route="/api/v1/imports"),
    ),
    "PaymentsUnknown": ({"payments_unknown_oldest_seconds": "901"}, {"payments_unknown_oldest_seconds": "600"}),
    "PaymentsRefused": (
        {'payments_total{flow="refused"}': rising(6), 'payments_total{flow="taken"}': rising(5)},
        {'payments_total{flow="refused"}': rising(5), 'payments_total{flow="taken"}': rising(6)},
    ),
    "NothingIsPaid": (
        {'events_published_total{type="order.created"}': rising(1), 'payments_total{flow="taken"}': "7"},
        {'events_published_total{type="order.created"}': rising(1), 'payments_total{flow="taken"}': rising(1)},
    ),
    "CheckoutsStuck": (
        {'checkouts_oldest_seconds{state="running"}': "1801"},
        {'checkouts_oldest_seconds{state="waiting"}': "9000", 'checkouts_oldest_seconds{state="running"}': "60"},
    ),
    "CheckoutsParked": (
        {'orders_needing_attention{reason="parked"}': "1"},
        {'orders_needing_attention{reason="parked"}': "0", 'orders_needing_attention{reason="overdue"}': "3"},
    ),
    "HoldsNotReleased": ({"reservations_overdue_seconds": "400"}, {"reservations_overdue_seconds": "12"}),
    "PeopleWaitedFor": (
        {'attention_waiting{queue="refunds_failed"}': "2"},
        {'attention_waiting{queue="refunds_failed"}': "0"},
    ),
    "BooksDisagree": ({'books_disagreements{check="ledger"}': "1"}, {'books_disagreements{check="ledger"}': "0"}),
    "RelaySilent": (
        {'heartbeat_age_seconds{database="orders", role="sweep"}': "61"},
        {'heartbeat_age_seconds{database="orders", role="sweep"}': "11"},
    ),
    "BeatSilent": (
        {'heartbeat_age_seconds{database="orders", role="beat"}': "91"},
        {'heartbeat_age_seconds{database="orders", role="beat"}': "40"},
    ),
    "EventsUnplaced": (
        {'outbox_oldest_seconds{database="orders"}': "61"},
        {'outbox_oldest_seconds{database="a"}': "5"},
    ),
    "DeliveriesWait": ({'inbox_overdue_seconds{database="a"}': "121"}, {'inbox_overdue_seconds{database="a"}': "30"}),
    "HandlerPaused": (
        {'handler_paused{handler="orders.checkout", source="catalog"}': "1"},
        {'handler_paused{handler="orders.checkout", source="catalog"}': "0"},
    ),
    "DeliveriesParked": (
        {'inbox_dead{handler="orders.checkout"}': "1"},
        {'inbox_dead{handler="orders.checkout"}': "0"},
    ),
    "HandlersFail": (
        {'deliveries_failed_total{handler="orders.checkout"}': rising(1)},
        {'deliveries_failed_total{handler="orders.checkout"}': "5"},
    ),
    "JobsFail": (
        {'job_duration_seconds_count{task="orders.fold_stats", state="failure"}': rising(1)},
        {'job_duration_seconds_count{task="orders.fold_stats", state="success"}': rising(1)},
    ),
    "RareJobsFail": (
        {'job_duration_seconds_count{task="financing.accrue_loans", state="failure"}': "0x50 1x200"},
        {
            'job_duration_seconds_count{task="financing.accrue_loans", state="failure"}': "0x50 1x200",
            'job_duration_seconds_count{task="financing.accrue_loans", state="success"}': "0x20 1x230",
        },
    ),
    "StreamBehind": ({'kafka_lag_events{database="orders"}': "10001"}, {'stream_lag_events{database="orders"}': "9"}),
    "DatabaseDown": ({'database_up{database="orders"}': "0"}, {'database_up{database="orders"}': "1"}),
    "DoctorFinds": ({'health_check_failed{check="mail"}': "1"}, {'health_check_failed{check="mail"}': "0"}),
    "ProviderAway": (
        {'breaker_state{kind="provider", name="bank"}': "2"},
        {'breaker_state{kind="provider", name="bank"}': "1", 'breaker_state{kind="database", name="orders"}': "2"},
    ),
    "ConnectionsMany": (
        {f'database_connections{{database="a", state="{state}"}}': "41" for state in ("active", "idle")},
        {f'database_connections{{database="a", state="idle", instance="{web}"}}': "41" for web in "ab"},
    ),
    "StatementHangs": (
        {'database_longest_statement_seconds{database="a"}': "61"},
        {'database_longest_statement_seconds{database="a"}': "5"},
    ),
    "StatementsSlow": (
        {'database_slow_statements_total{database="a"}': rising(60)},
        {'database_slow_statements_total{database="a"}': rising(6)},
    ),
    "MemoryGrows": (
        {'process_resident_memory_bytes{role="relay"}': "800000000", 'processes{role="relay"}': "1"},
        {'process_resident_memory_bytes{role="worker"}': "800000000", 'processes{role="worker"}': "4"},
    ),
}
"""By alert: series that fire it, and series near by that do not."""
HOURLY = 'job_duration_seconds_count{task="insurance.collect_premiums", state="%s"}'
WAITING = 'attention_waiting{queue="refunds_failed"}'
MORE = (
    ("CheckoutsStuck", {'checkouts_oldest_seconds{state="compensating"}': "1801"}, True),
    ("PeopleWaitedFor", {WAITING: "2x100 _x10 2x140"}, True),
    ("PeopleWaitedFor", {WAITING: "0x20 2x230"}, False),
    ("PeopleWaitedFor", {WAITING: "2x100 0 2x150"}, False),
    ("RareJobsFail", {HOURLY % "success": "0x5 1x245", HOURLY % "failure": "0x80 1x59 2x110"}, True),
    ("RareJobsFail", {HOURLY % "success": "0x5 1x245", HOURLY % "failure": "0x80 1x170"}, False),
)
"""Further series of alerts, looked at after four hours, and whether they fire."""


def test_every_alert_has_a_case():
    assert [rule["alert"] for rule in RULES] == list(CASES)


def test_every_alert_says_what_to_do():
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]


def describe_case(alert, series, fired, *, minutes=MINUTES):
    told = [{"labels": "{}", "value": 1}] if fired else []
    given = {name: value if "x" in value else steadily(value) for name, value in (UP | series).items()}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in given.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                "eval_time": f"{MANY_MINUTES if alert == 'PeopleWaitedFor' else minutes}m",
                "exp_samples": told,
            }
        ],
    }


@pytest.fixture(scope="module")
def promtool():
    return shutil.which("promtool") or pytest.skip("promtool is not installed (Debian's package prometheus)")


def run(promtool, tmp_path, tests):
    file = tmp_path / "alerts.yml"
    content = {"rule_files": [str(WATCH / "rules.yml")], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(content))
    return subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)


@pytest.mark.proof
def test_each_alert_fires_and_stays_silent(promtool, tmp_path):
    tests = [describe_case(alert, series, fired=True) for alert, (series, _) in CASES.items()]
    tests += [describe_case(alert, series, fired=False) for alert, (_, series) in CASES.items()]
    tests += [describe_case(alert, series, fired, minutes=MANY_MINUTES) for alert, series, fired in MORE]
    done = run(promtool, tmp_path, tests)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shop_is_down_too_when_no_web_process_answers(promtool, tmp_path):
    case = describe_case("ShopDown", {'up{job="web", instance="a"}': "0"}, fired=True)
    done = run(promtool, tmp_path, [case])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_case_that_is_wrong_is_found(promtool, tmp_path):
    (fires, silent) = CASES["DatabaseDown"]
    for series, fired in ((fires, False), (silent, True)):
        assert run(promtool, tmp_path, [describe_case("DatabaseDown", series, fired=fired)]).returncode != 0


def test_prometheus_takes_its_configuration(promtool):
    done = subprocess.run(
        [promtool, "check", "config", str(WATCH / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def dashboards():
    spec = importlib.util.spec_from_file_location("dashboards", WATCH / "dashboards.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.render()


def test_dashboards_are_those_that_the_script_draws():
    files = dashboards()
    assert set(files) == set((WATCH / "dashboards").glob("*.json"))
    for path, text in files.items():
        assert path.read_text() == text, "run `python deploy/watch/dashboards.py`"


def test_nothing_asks_for_a_metric_or_a_label_that_nobody_tells():
    assert page.shown()
    asked = [rule["expr"] for rule in RULES]
    for text in dashboards().values():
        asked += [target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"]]
    for expression in asked:
        plain = re.sub(r'"[^"]*"', '""', expression)
        for name, labels in re.findall(r"\b([a-z]+(?:_[a-z]+)+)\b(?:\{([^}]*)\})?", plain):
            if name not in ("histogram_quantile", "min_over_time"):
                family = FAMILIES.get(name) or FAMILIES[re.sub("_(bucket|sum|count)$", "", name)]
                assert set(re.findall(r"(\w+)\s*[=!]", labels)) <= {*family.labels, "le"}, expression


def test_prometheus_may_read_whatever_name_it_calls_us_by(settings):
    settings.ALLOWED_HOSTS = ["shop.example"]
    assert Client().get("/metrics", HTTP_HOST="172.30.117.130:8000").status_code == 200

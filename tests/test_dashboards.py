"""Every panel of the dashboards shows something: a real Prometheus asks its query of a shop that has just sold."""

import json
import shutil
import threading
import time
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections
from django.test import Client

import catalog.tests.make
from config.celery import app
from config.databases import APPS
from config.health import examination
from config.layout import Layout
from config.processes import jobs
from core.ids import uuid7
from core.testing import Api
from devtools.pictures import panels
from devtools.pictures.prometheus import Prometheus
from messaging.delivery import sweep
from messaging.testing import drain_outbox
from messaging.transport import relay
from orders.tests.live import fresh_hub, in_thread, opened_by
from payments.tests.conftest import running_sandbox, sandbox
from tests.product import free_port, wait_for

__all__ = ["running_sandbox", "sandbox"]
pytestmark = pytest.mark.django_db(databases=[*APPS], transaction=True)
ROOT = Path(django_settings.BASE_DIR)
DASHBOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "deploy" / "watch" / "dashboards").glob("*.json"))
}
EMPTY = {
    ("databases", "Slow statements a second"): "a statement has to be slow",
    ("events", "Failures"): "a handler has to raise before it is told of",
    ("requests", "Errors of ours by route"): "an answer has to be an error of ours",
}
"""Panels that show nothing in a shop where all goes well, and why."""
ABOVE_NOUGHT = " > 0"


@pytest.fixture(autouse=True)
def every_app(settings):
    settings.SERVICES = tuple(APPS)
    settings.LAYOUT = Layout(settings.SERVICES, frozenset({"storefront"}))
    yield
    examination.hang_up()
    examination.forget()


@pytest.fixture
def scraped():
    """Port at which this process tells what it counts, as its web process would."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                page = Client().get("/metrics")
            finally:
                connections.close_all()
            self.send_response(page.status_code)
            self.send_header("Content-Type", page["Content-Type"])
            self.end_headers()
            self.wfile.write(page.content)

        def log_message(self, format, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def sell():
    """Let one buyer pay, another be declined, a third one wait, and the relay and the clock be heard."""
    car = catalog.tests.make.product(stock=10, price=Decimal(1_500_000))
    drain_outbox()
    for token in ("tok_success", "tok_declined", "tok_success"):
        drain_outbox()
        body = {
            "items": [{"product_id": str(car.id), "quantity": 1}], "payment": {"method": "card", "token": token},
        }  # fmt: skip
        assert Api("client", user_id=uuid7()).post("/orders", body).status_code == 201
    relay.sequence("orders")
    relay.copy_all("orders", "catalog")
    for alias in APPS:
        sweep.sweep(alias, due=sweep.look(alias), is_beat_due=True)
    assert Client().get("/api/v1/no-such-thing").status_code == 404


@pytest.mark.proof
async def test_every_panel_shows_something(scraped, running_sandbox, tmp_path, monkeypatch):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed (Debian's package prometheus)")
    app.finalize(auto=True)
    jobs.begin_at_zero()
    with Prometheus(tmp_path, shop_port=scraped, port=free_port()) as prometheus, fresh_hub(monkeypatch):
        began = time.time()
        socket = await opened_by(uuid7(), "/ws/orders/")
        await in_thread(call_command, "check_books")
        for is_counted in (is_known, is_rising):  # what is counted for the first time has no rate yet
            await in_thread(sell)
            await in_thread(wait_for, partial(is_counted, prometheus), 30, "no scrape")
        found = await in_thread(ask_until_filled, prometheus, began)
        await socket.disconnect()
    assert list_empty(found) <= set(EMPTY)
    for name, drawn in found.items():
        assert panels.draw(name, drawn, 60).count("<polyline") > len(drawn)


def ask_until_filled(prometheus, began):
    """Read all dashboards, again while a scrape of the last sale is still to come."""
    until = time.monotonic() + 30
    while True:
        found = {name: ask(prometheus, name, began) for name in DASHBOARDS}
        if list_empty(found) <= set(EMPTY) or time.monotonic() > until:
            return found


def list_empty(found):
    return {(name, panel.title) for name, drawn in found.items() for panel in drawn if not panel.series}


def is_known(prometheus):
    """Tell whether Prometheus knows of a car sold, from more than one scrape."""
    return bool(read_sold(prometheus))


def is_rising(prometheus):
    """Tell whether it knows of one more than at first."""
    return any(float(value) > 0 for found in read_sold(prometheus) for _, value in found["values"])


def read_sold(prometheus):
    now = time.time()
    return prometheus.ask('increase(events_published_total{type="order.paid"}[1h])', now - 2, now, 1.0)


def ask(prometheus, name, began):
    """Read a dashboard; a panel that shows what is above nought is asked for what stands at nought too."""
    drawn = []
    for panel in DASHBOARDS[name]["panels"]:
        for target in panel["targets"]:
            target["expr"] = target["expr"].removesuffix(ABOVE_NOUGHT).replace(ABOVE_NOUGHT + ")", ")")
        drawn.append(prometheus.read_panel(panel, began, time.time(), 1.0))
    return drawn


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_pictures_show_the_panels_that_there_are(name):
    picture = (ROOT / "docs" / "img" / f"dashboard-{name}.svg").read_text()
    for panel in DASHBOARDS[name]["panels"]:
        assert f">{panel['title']}</text>" in picture, "draw it anew: make watch-pictures"

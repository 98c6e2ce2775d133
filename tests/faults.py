"""The faults that `doctor` promises to name, each brought about for real, and healed again.

A fault is a context: inside it something is broken. It yields where the check shows it and a piece of what it says.
On leaving, the cause is mended by the means an operator has.
"""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Response

import financing.tests.make as lending
import insurance.tests.make as insuring
import notifications.tests.make as notices
import orders.tests.make as sales
import payments.tests.make as money
from catalog.events import CategoryChanged
from config.health import examination
from config.servers.redis import RedisAddresses
from core.db import transaction
from core.ids import uuid7
from devtools.binaries import valkey_bin
from financing.services import withdraw_application
from gateway.guards import breakers, guard
from insurance.services import confirm_policy
from messaging import subscriptions
from messaging.delivery import sweep
from messaging.delivery.timers import set_timer
from messaging.outbox import publish
from messaging.people.departures import record_departure
from messaging.testing import drain_outbox, make_due
from messaging.transport import relay
from messaging.transport.relay_loop import Relay
from messaging.upkeep import replicas
from orders.models import Document
from tests import buckets
from tests.live import Cable
from tests.product import free_port, wait_for

APPS = ("catalog", "orders", "payments", "financing", "insurance", "notifications")
"""What the examined process serves: enough for every check, and few enough to be quick."""
HANDLER = "orders.test_fault"
Fault = Callable[[Any], contextlib.AbstractContextManager[tuple[str, str]]]
FAULTS: dict[str, Fault] = {}
"""By name; one whose name has a dash breaks the check before the dash in another way."""


def fault(name: str) -> Callable[[Callable[[Any], Iterator[tuple[str, str]]]], Fault]:
    """Declare how a check's fault is brought about."""

    def declare(act: Callable[[Any], Iterator[tuple[str, str]]]) -> Fault:
        FAULTS[name] = contextmanager(act)
        return FAULTS[name]

    return declare


def beat_everywhere() -> None:
    """Do what the relay and the clock do while they run."""
    for alias in APPS:
        sweep.beat(alias, "sweep")
        sweep.beat(alias, "beat")


def change() -> None:
    """Commit a fact of the catalogue."""
    with transaction("catalog"):
        publish(CategoryChanged(category_id=uuid7(), name="x"))


def deliver() -> None:
    """Let all that is committed arrive and be handled."""
    drain_outbox(*APPS)


@contextmanager
def handler(act: Callable[[Any], None] = lambda event: None, **options: Any) -> Iterator[None]:
    """Have orders hear of the catalogue's categories."""
    known = dict(subscriptions.subscriptions())

    def handle(event: Any) -> None:
        act(event)

    handle.__module__ = "orders.test"
    subscriptions.subscribe(CategoryChanged, name=HANDLER, **options)(handle)
    try:
        yield
    finally:
        subscriptions._registry.clear()
        subscriptions._registry.update(known)


@contextmanager
def running_relay(*aliases: str) -> Iterator[None]:
    """The relay's own threads."""
    mover = Relay(list(aliases or APPS))
    mover.start()
    try:
        yield
    finally:
        mover.stop()


@contextmanager
def locked(alias: str, rows: str) -> Iterator[None]:
    """Another session holds these rows."""
    given = connections[alias].settings_dict
    with psycopg.connect(host=given["HOST"], user="postgres", dbname=given["NAME"]) as other:
        other.execute(f"SELECT * FROM {rows} FOR UPDATE")
        yield


@contextmanager
def cut_off(alias: str) -> Iterator[None]:
    """PostgreSQL of an app does not answer any more."""
    given = connections[alias].settings_dict
    real, cable = given["HOST"], Cable(given["HOST"])
    given["HOST"] = cable.folder
    connections[alias].close()
    examination.hang_up()
    try:
        cable.cut()
        yield
        cable.join()
    finally:
        given["HOST"] = real
        connections[alias].close()


@fault("database")
def a_database_goes_away(env: Any) -> Iterator[tuple[str, str]]:
    with cut_off("orders"):
        yield "orders", "does not answer"


@fault("migrations")
def a_database_is_behind_the_code(env: Any) -> Iterator[tuple[str, str]]:
    with connections["orders"].cursor() as cursor:
        newest = "SELECT app, name, applied FROM django_migrations WHERE app = 'orders' ORDER BY id DESC LIMIT 1"
        cursor.execute(newest)
        row = cursor.fetchone()
        cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", row[:2])
        try:
            yield "orders", "migrations are pending"
        finally:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row)


@fault("clock")
def the_clocks_part(env: Any) -> Iterator[tuple[str, str]]:
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        yield "orders", "s behind this machine's"


@fault("contracts")
def the_numbers_of_contracts_go_away(env: Any) -> Iterator[tuple[str, str]]:
    with cut_off("contracts"):
        yield "contracts", "does not answer"


@fault("contracts-behind")
def the_numbers_of_contracts_are_behind(env: Any) -> Iterator[tuple[str, str]]:
    with connections["contracts"].cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'kept' WHERE app = 'contracts'")
        try:
            yield "contracts", "migrations are pending"
        finally:
            cursor.execute("UPDATE django_migrations SET app = 'contracts' WHERE app = 'kept'")


@fault("settings")
def nobody_is_charged(env: Any) -> Iterator[tuple[str, str]]:
    env.settings.SANDBOX_ALLOWED = False
    yield "settings", "The sandbox takes payments"
    env.settings.SANDBOX_ALLOWED = True


@fault("relay")
def the_relay_stops(env: Any) -> Iterator[tuple[str, str]]:
    with running_relay():
        time.sleep(1.2)
    env.limit(relay_s=1)
    time.sleep(1.5)
    yield "catalog", "the relay has been silent for"
    env.limit(relay_s=30)
    with running_relay():
        wait_for(lambda: silence("catalog") < 1, 20, "the relay does not beat again")


def silence(alias: str) -> float:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM now() - max(beat_at)) FROM messaging_heartbeat WHERE role = 'sweep'")
        (seconds,) = cursor.fetchone()
    return float(seconds)


@fault("events")
def the_relay_hangs_before_its_first_step(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(event_s=1)
    relay.sequence("catalog")
    with running_relay("catalog"):
        with locked("catalog", "messaging_feed_head"):
            change()
            time.sleep(1.2)
            yield "catalog", "for the relay"
        wait_for(lambda: not unplaced(), 30, "the event gets no position")


def unplaced() -> bool:
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM messaging_outbox WHERE position IS NULL)")
        return bool(cursor.fetchone()[0])


@fault("paused")
def somebody_pauses_a_handler(env: Any) -> Iterator[tuple[str, str]]:
    with handler():
        change()
        deliver()
        call_command("events", "pause", "--handler", HANDLER, "--reason", "a look at it", stdout=env.out)
        yield "orders", f"{HANDLER} is paused reading catalog (a look at it)"
        call_command("events", "resume", "--handler", HANDLER, stdout=env.out)


@fault("paused-restored")
def a_source_comes_back_from_a_backup(env: Any) -> Iterator[tuple[str, str]]:
    with handler():
        change()
        deliver()
        with connections["catalog"].cursor() as cursor:
            cursor.execute("UPDATE messaging_feed_head SET epoch = %s", [uuid7()])
        deliver()
        yield "orders", "restored"
        readers = [row for row in subscriptions.subscriptions().values() if "catalog" in row.sources]
        for name in {row.name for row in readers if row.alias in APPS}:
            call_command("events", "resume", "--handler", name, "--source", "catalog", stdout=env.out)


@fault("lag")
def a_target_cannot_be_written_to(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(lag_s=1, event_s=30)
    with handler():
        change()
        deliver()
        with running_relay("catalog", "orders"):
            with locked("orders", f"messaging_inbox_cursor WHERE handler = '{HANDLER}'"):
                change()
                wait_for(lambda: behind() and not unplaced(), 30, "the event gets no position")
                time.sleep(1.2)
                yield "orders", f"{HANDLER} is more than 1 s behind catalog"
            wait_for(lambda: not behind(), 30, "the handler does not catch up")
        deliver()


def behind() -> bool:
    with connections["catalog"].cursor() as cursor:
        cursor.execute("SELECT position FROM messaging_feed_head")
        (head,) = cursor.fetchone()
    with connections["orders"].cursor() as cursor:
        cursor.execute("SELECT position FROM messaging_inbox_cursor WHERE handler = %s", [HANDLER])
        return bool(cursor.fetchone()[0] < head)


@fault("workers")
def nobody_takes_work(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(delivery_s=1)
    with handler():
        change()
        relay.sequence("catalog")
        relay.copy("catalog", "orders")
        time.sleep(1.5)
        yield "orders", "for a worker"
        deliver()


@contextmanager
def broken_handler(**options: Any) -> Iterator[list[bool]]:
    """A handler that raises until what it stands on is mended: an empty list holds it up."""
    mended: list[bool] = []

    def act(event: Any) -> None:
        if not mended:
            raise RuntimeError("the part is missing")

    with handler(act, **options):
        change()
        deliver()
        yield mended


@fault("failing")
def a_handler_fails_again_and_again(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(failures=1)
    with broken_handler() as mended:
        yield "orders", "the part is missing"
        mended.append(True)
        make_due("orders")
        deliver()


@fault("parked")
def a_delivery_is_parked(env: Any) -> Iterator[tuple[str, str]]:
    with broken_handler(max_attempts=1) as mended:
        yield "orders", f"1 parked deliveries of {HANDLER}"
        mended.append(True)
        with contextlib.suppress(SystemExit):
            call_command("parked_deliveries", "--retry", stdout=env.out)
        deliver()


@fault("timers")
def nobody_fires_timers(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(timer_s=1)
    with handler():
        with transaction("orders"):
            set_timer(handler=HANDLER, event=CategoryChanged(category_id=uuid7(), name="x"), due_at=timezone.now())
        time.sleep(1.5)
        yield "orders", "overdue"
        sweep.sweep("orders")
        deliver()


class MailServer:
    """Takes connections and greets; a message is never sent to it."""

    def __init__(self, port: int) -> None:
        self.server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(near,), daemon=True).start()

    def _talk(self, near: socket.socket) -> None:
        with near, near.makefile("rwb") as lines:
            self._say(lines, b"220 mail")
            is_letter = False
            for line in lines:
                word = line.strip().upper()
                if is_letter:
                    is_letter = word != b"."
                    if is_letter:
                        continue
                    self._say(lines, b"250 kept")
                elif word == b"DATA":
                    is_letter = True
                    self._say(lines, b"354 go on")
                elif word == b"QUIT":
                    self._say(lines, b"221 bye")
                    return
                else:
                    self._say(lines, b"250 mail")

    def _say(self, lines: Any, text: bytes) -> None:
        lines.write(text + b"\r\n")
        lines.flush()

    def stop(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


@contextmanager
def mail_server_away(env: Any) -> Iterator[None]:
    """Nobody listens where mail is to go; on leaving, somebody does."""
    env.settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    env.settings.EMAIL_HOST, env.settings.EMAIL_PORT = "127.0.0.1", free_port()
    yield
    server = MailServer(env.settings.EMAIL_PORT)
    env.at_end(server.stop)


@fault("mail")
def the_mail_server_is_away(env: Any) -> Iterator[tuple[str, str]]:
    with mail_server_away(env):
        yield "mail", f"127.0.0.1:{env.settings.EMAIL_PORT} cannot be used"


@fault("calls-mail")
def mail_is_not_delivered(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(call_s=1)
    env.settings.MAIL_GATHER_SECONDS = 0
    with mail_server_away(env):
        notices.news(notices.recipient())
        drain_outbox("notifications")
        time.sleep(1.5)
        yield "notifications", "ConnectionRefusedError"
    make_due("notifications")
    drain_outbox("notifications")


@fault("calls-money")
def the_bank_is_away(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(call_s=1)
    url, env.settings.SANDBOX_URL = env.settings.SANDBOX_URL, f"http://127.0.0.1:{free_port()}"
    money.payment()
    drain_outbox("payments")
    time.sleep(1.5)
    yield "payments", "payments.charge"
    env.settings.SANDBOX_URL = url
    make_due("payments")
    drain_outbox("payments")


@fault("payments")
def the_bank_does_not_say_whether_it_took_the_money(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(payment_s=1)
    money.payment(token="tok_timeout")
    drain_outbox("payments")
    time.sleep(1.5)
    yield "payments", "1 payments are in doubt"
    time.sleep(2)  # the bank decides meanwhile
    make_due("payments")
    drain_outbox("payments")


@fault("banks")
def a_bank_says_nothing_about_an_application(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(bank_s=1)
    lending.programme(connection="vega")
    asked = lending.application()
    time.sleep(1.5)
    yield "financing", "vega owes 1 answers"
    withdraw_application(application_id=asked.id, now=timezone.now())


@fault("premiums")
def a_premium_is_confirmed_by_nobody(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(premium_s=1)
    policy = insuring.policy(insuring.OSAGO)
    time.sleep(1.5)
    yield "insurance", "1 premiums are not confirmed"
    confirm_policy(policy_id=policy.id, manager_id=uuid7(), evidence="Certificate of registration.", now=timezone.now())


@fault("webhooks")
def a_receiver_answers_with_errors(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(webhook_s=1)
    with HTTPServer() as server:
        broken = [True]
        server.expect_request("/hook").respond_with_handler(lambda _: Response(status=500 if broken else 204))
        notices.webhook(server.url_for("/hook"))
        change()
        drain_outbox("catalog", "notifications")
        time.sleep(1.5)
        yield "notifications", "errors only"
        broken.clear()
        make_webhooks_due()
        drain_outbox("notifications")


def make_webhooks_due() -> None:
    with connections["notifications"].cursor() as cursor:
        cursor.execute("UPDATE notifications_webhookdelivery SET next_attempt_at = now() WHERE finished_at IS NULL")


@fault("webhooks-untried")
def nobody_tells_a_receiver(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(webhook_s=1)
    with HTTPServer() as server:
        server.expect_request("/hook").respond_with_data("", status=204)
        notices.webhook(server.url_for("/hook"))
        change()
        relay.sequence("catalog")
        relay.copy("catalog", "notifications")
        for alias, name, shard in sweep.pending_shards("notifications"):
            env.dispatch(alias, name, shard)
        time.sleep(1.5)
        yield "notifications", "has not been told"
        drain_outbox("notifications")


@fault("providers")
def a_provider_fails_until_it_is_spared(env: Any) -> Iterator[tuple[str, str]]:
    env.settings.BREAKER_COOL_S = 60
    for number in range(settings.BREAKER_FAILURES):
        with contextlib.suppress(OSError), breakers.provider("bank", call=str(number)):
            raise ConnectionRefusedError
    yield "providers", "bank is spared"
    breakers.answered("bank")


@contextmanager
def own_valkey(env: Any) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A Valkey that this process alone uses, to be killed and filled up."""
    address = Path(env.folder) / "v.sock"
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> subprocess.Popen[bytes]:
        command = [str(valkey_bin()), "--port", "0", "--unixsocket", str(address), "--save", "", *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=env.folder)
        started.append(process)
        wait_for(address.exists, 20, "Valkey does not start")
        return process

    shared, env.settings.REDIS = env.settings.REDIS, RedisAddresses(f"unix://{address}", address)
    guard.client.cache_clear()
    try:
        yield start
    finally:
        env.settings.REDIS = shared
        guard.client.cache_clear()
        for process in started:
            process.kill()
            process.wait()


@fault("valkey")
def valkey_is_killed(env: Any) -> Iterator[tuple[str, str]]:
    with own_valkey(env) as start:
        server = start()
        guard.client().ping()
        server.kill()
        server.wait()
        yield "valkey", "does not take a write: ConnectionError"
        start()
        env.while_healthy()


@fault("valkey-full")
def valkey_is_full(env: Any) -> Iterator[tuple[str, str]]:
    with own_valkey(env) as start:
        start("--maxmemory", "1", "--maxmemory-policy", "noeviction")
        yield "valkey", "does not take a write: OutOfMemoryError"
        guard.client().config_set("maxmemory", "0")
        env.while_healthy()


@fault("disk")
def the_disk_fills_up(env: Any) -> Iterator[tuple[str, str]]:
    there = os.statvfs(settings.DATA_DIR)
    free_mb = there.f_bavail * there.f_frsize // 1_000_000
    assert free_mb > 2000, "the test needs room to fill"
    env.limit(disk_mb=free_mb - 500)
    filler = Path(settings.DATA_DIR) / f"filler-{uuid7()}"
    try:
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 1_000_000_000)
        yield "disk", "MB are free"
    finally:
        filler.unlink()


@fault("buckets")
def a_bucket_is_deleted(env: Any) -> Iterator[tuple[str, str]]:
    with buckets.server() as address:
        seen, before = buckets.client(address), env.settings.STORAGES
        for bucket in (buckets.PICTURES, buckets.PRIVATE):
            seen.create_bucket(Bucket=bucket)
        buckets.store_in_buckets(env.settings, address)
        env.while_healthy()
        seen.delete_bucket(Bucket=buckets.PRIVATE)
        yield "buckets", "private: An error occurred (NoSuchBucket)"
        seen.create_bucket(Bucket=buckets.PRIVATE)
        env.while_healthy()
        env.settings.STORAGES, env.settings.S3_BUCKET = before, ""


@fault("replicas")
def a_replica_does_not_answer(env: Any) -> Iterator[tuple[str, str]]:
    env.settings.REPLICAS = {"orders": connections["orders"].settings_dict | {"HOST": "127.0.0.1", "PORT": free_port()}}
    replicas.forget()
    yield "replicas", "the replica of orders is away"
    env.settings.REPLICAS = {}


@fault("replicas-late")
def a_replica_is_behind(env: Any) -> Iterator[tuple[str, str]]:
    env.settings.REPLICAS = {"orders": connections["orders"].settings_dict}
    env.settings.REPLICA_LAG_S = -1
    replicas.forget()
    yield "replicas", "the replica of orders is behind by"
    env.settings.REPLICAS = {}


@fault("beat")
def the_clock_stops(env: Any) -> Iterator[tuple[str, str]]:
    env.limit(beat_s=1)
    time.sleep(1.5)
    yield "orders", "beat has been silent for"
    env.limit(beat_s=45)
    beat_everywhere()


@fault("kept")
def old_papers_still_name_their_buyer(env: Any) -> Iterator[tuple[str, str]]:
    order = sales.order()
    Document.objects.create(
        order=order,
        kind="invoice",
        number="INV-2000-000001",
        version=1,
        order_version=1,
        facts={"buyer": {"name": "Anna", "id": str(order.customer_id)}},
        facts_hash="",
        issued_by=order.customer_id,
        issued_at=datetime(2000, 1, 1, tzinfo=UTC),
    )
    with transaction("orders"):
        record_departure("orders", order.customer_id)
    yield "orders", "the time of document.facts is over"
    call_command("end_kept_data", "orders", stdout=StringIO())

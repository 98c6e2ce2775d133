"""A person whose every word is unmistakable uses everything, takes their data along, and is forgotten everywhere."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import redis
from django.conf import settings as project
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.utils import timezone

import catalog.tests.make
import financing.tests.make
import resources.tests.make
from accounts import queries as accounts_queries
from accounts import services as accounts
from clients.models import Client
from core.files.papers import opened
from core.ids import uuid7
from core.testing import Api
from insurance.tests.make import KASKO
from messaging.people.classified import PLAIN_KEYS
from messaging.people.personal import PERSONAL_KEYS
from messaging.testing import drain_outbox
from payments.tests.conftest import serving

pytestmark = pytest.mark.django_db(databases=project.APPS)
PDF = b"%PDF-1.4 Passport 4599-771234"
PASSWORD = "correct-horse-battery"


class Mark:
    """Mark told of the person, with its place; each stands for itself in a search of all bytes."""

    NAME = "Евстолия Небывалова"
    EMAIL = "evstolia.n@marked.example"
    PHONE = "+79037778899"
    SECOND_PHONE = "+79037778811"
    BORN = "1971-03-07"
    LICENCE_SINCE = "1993-04-19"
    INCOME = "123457.89"
    DUES = "4321.77"
    LICENCE = "ЖЩЙЪ"
    LICENCE_UNTIL = "2047-11-13"
    PLATE = "А777МР77"
    SECOND_PLATE = "В888ОР77"
    TOKEN = "tok_success"  # of the sandbox's card
    PAPER = "4599-771234"
    VIN = "XTA217030B0099887"


TEXTS = [
    "order-comment", "trade-in-text", "hold-reason", "cancel-reason", "refund-reason", "loan-paper-name", "paper-note",
    "beneficiary", "policy-cancel-reason", "claim-description", "claim-place", "claim-driver", "claim-refusal",
    "claim-paper-name", "lead-note", "lead-next", "lead-lost", "contact-name", "contact-position", "consent-note",
    "activity-note", "vehicle-name", "drive-comment", "drive-note", "saved-search", "device",
]  # fmt: skip


def text(name):
    """A free text that says where it was written."""
    assert name in TEXTS
    return f"МЕТКА-{name}"


MARKS = [value for name, value in vars(Mark).items() if name.isupper()] + [text(name) for name in TEXTS]


CARD = {"method": "card", "token": Mark.TOKEN}
POLICY = KASKO | {
    "drivers": [{"birth_date": Mark.BORN, "licence_since": Mark.LICENCE_SINCE}],
    "vehicle_plate": Mark.PLATE,
    "is_pledged_outside": True,
    "beneficiary": text("beneficiary"),
}
LOAN = {
    "vehicle_price": "2000000.00", "term_months": 36, "financing_type": "car_loan", "employment_status": "employed",
    "monthly_income": Mark.INCOME, "monthly_obligations": Mark.DUES, "birth_date": Mark.BORN,
}  # fmt: skip


@pytest.fixture
def folder(settings, tmp_path, monkeypatch):
    """Return where private papers are kept; webhooks are written down, and sent to nobody."""
    monkeypatch.setattr("notifications.services.is_webhook_due", lambda **_: False)
    settings.STORAGES = settings.STORAGES | {
        "private": {
            "BACKEND": settings.STORAGES["private"]["BACKEND"],
            "OPTIONS": settings.STORAGES["private"]["OPTIONS"] | {"location": tmp_path / "private"},
        }
    }
    settings.RATE_LIMITS_ON = False
    with serving(tmp_path) as sandbox:
        settings.SANDBOX_URL = sandbox.url
        yield tmp_path / "private"


def done(answer, status=(200, 201, 202, 204)):
    assert answer.status_code in status, answer.content.decode()
    drain_outbox()
    return answer.json() if answer.content else None


def upload(caller, path, name, **fields):
    data = {"file": SimpleUploadedFile(name, PDF)} | fields
    return done(caller.client.post(f"/api/v1{path}", data, headers=caller.headers))


# What they do -------------------------------------------------------------------------------------------------------
class Person:
    """The marked person, and the managers who serve them."""

    def __init__(self):
        profile = {"email": Mark.EMAIL, "full_name": Mark.NAME, "phone": Mark.PHONE, "password": PASSWORD}
        self.id = UUID(done(Api().post("/auth/register", profile))["id"])
        done(Api().post("/auth/login", {"email": Mark.EMAIL, "password": PASSWORD}, User_Agent=text("device")))
        self.manager_id = uuid7()
        self.card_id = Client.objects.get(user_id=self.id).id

    @property
    def api(self):
        return keyed(Api("client", user_id=self.id))

    @property
    def manager(self):
        return keyed(Api("manager", user_id=self.manager_id))

    def use_everything(self, time_machine):
        done(Api("admin").post("/webhooks", {"url": "https://hooks.example/", "events": ["*"]}))
        self.is_a_client()
        self.shops_around()
        self.orders_on_credit_and_changes_their_mind()
        self.buys_a_car()
        self.asks_for_a_loan()
        self.drives(time_machine)
        self.insures_a_car(time_machine)

    def is_a_client(self):
        path = f"/clients/{self.card_id}"
        contact = {"kind": "phone", "value": Mark.SECOND_PHONE, "name": text("contact-name")}
        done(self.manager.post(f"{path}/contacts", contact | {"position": text("contact-position")}))
        done(self.manager.post(f"{path}/activity", {"kind": "call", "description": text("activity-note")}))
        consent = {"kind": "calls", "is_given": True, "source": "phone", "note": text("consent-note")}
        done(self.manager.post(f"{path}/consents", consent))
        car = {"vin": Mark.VIN, "name": text("vehicle-name"), "plate": Mark.PLATE}
        done(self.manager.post(f"{path}/vehicles", car))
        lead = {"name": Mark.NAME, "phone": Mark.PHONE, "source": "phone", "client_id": str(self.card_id)}
        lead |= {"note": text("lead-note"), "next_action": text("lead-next"), "email": Mark.EMAIL}
        lead = done(self.manager.post("/leads", lead))
        done(self.manager.post(f"/leads/{lead['id']}/move", {"stage": "lost", "lost_reason": text("lead-lost")}))

    def shops_around(self):
        done(self.api.post("/saved-searches", {"name": text("saved-search"), "query": {"make": "Lada"}}))
        quote = {"items": [{"product_id": str(car().id)}], "insurance": [POLICY]}
        done(self.api.post("/orders/deal-quote", quote))
        done(self.api.post("/payment-methods", {"method": "card", "token": Mark.TOKEN}))

    def orders_on_credit_and_changes_their_mind(self):
        financing.tests.make.programme()
        order = done(self.api.post("/orders", {
            "items": [{"product_id": str(car().id), "quantity": 1}],
            "comment": text("order-comment"),
            "financing": LOAN | {"down_payment": "800000.00"},
            "trade_in": {"amount": "300000.00", "vin": Mark.VIN, "description": text("trade-in-text")},
            "insurance": [POLICY],
            "payment": CARD,
        }))  # fmt: skip
        path = f"/orders/{order['id']}"
        done(self.manager.post(f"{path}/hold", {
            "until": (timezone.now() + timedelta(days=5)).isoformat(), "reason": text("hold-reason"),
        }))  # fmt: skip
        done(self.api.post(f"{path}/cancel", {"reason": text("cancel-reason")}))
        assert self.api.get(path).json()["status"] == "cancelled"

    def buys_a_car(self):
        order = {"items": [{"product_id": str(car().id), "quantity": 1}], "payment": CARD}
        order = done(self.api.post("/orders", order))
        path = f"/orders/{order['id']}"
        (payment,) = self.api.get(f"/payments?order_id={order['id']}").json()["results"]
        refund = {"amount": "1000.00", "reason": text("refund-reason")}
        done(self.manager.post(f"/payments/{payment['id']}/refund", refund))
        for kind in ("invoice", "contract"):
            assert self.api.get(f"{path}/documents/{kind}").status_code == 200
        for status in ("in_progress", "ready", "completed"):
            done(self.manager.put(f"{path}/status", {"status": status}))

    def asks_for_a_loan(self):
        order = done(self.api.post("/orders", {"items": [{"product_id": str(car().id), "quantity": 1}]}))
        asked = LOAN | {"order_id": order["id"], "down_payment": "500000.00"}
        application = done(self.api.post("/financing/applications", asked))
        path = f"/financing/applications/{application['id']}"
        paper = upload(self.api, f"{path}/documents", f"{text('loan-paper-name')}.pdf", kind="passport")
        review = {"accepted": False, "note": text("paper-note")}
        done(self.manager.post(f"{path}/documents/{paper['id']}/review", review))
        done(self.api.post(f"{path}/withdraw"))
        done(self.api.post(f"/orders/{order['id']}/cancel", {}))

    def drives(self, time_machine):
        crew = resources.tests.make.crew()
        drain_outbox()
        start = timezone.now() + timedelta(hours=24)
        wish = {"car_id": str(crew["car"][0].id), "start_time": start.isoformat(), "phone": Mark.PHONE}
        wish |= {"end_time": (start + timedelta(hours=1)).isoformat(), "comment": text("drive-comment")}
        drive = done(self.api.post("/test-drives", wish))
        time_machine.move_to(start, tick=False)
        papers = {"licence_last4": Mark.LICENCE, "licence_valid_until": Mark.LICENCE_UNTIL}
        papers |= {"odometer": 100, "waiver_signed": True}
        done(self.manager.post(f"/test-drives/{drive['id']}/hand-over", papers))
        back = {"odometer": 120, "note": text("drive-note")}
        done(self.manager.post(f"/test-drives/{drive['id']}/take-back", back))

    def insures_a_car(self, time_machine):
        quote = done(self.api.post("/insurance/quotes", POLICY))
        policy = done(self.api.post(f"/insurance/quotes/{quote['id']}/purchase", {"payment": CARD}))
        path = f"/insurance/policies/{policy['id']}"
        time_machine.shift(timedelta(days=3))
        changes = {"vehicle_plate": Mark.SECOND_PLATE}
        done(self.api.post(f"{path}/endorse", {"changes": changes, "payment": CARD}))
        claim = done(self.api.post("/insurance/claims", {
            "policy_id": policy["id"], "occurred_at": timezone.now().isoformat(), "amount": "100000.00",
            "kind": "collision", "description": text("claim-description"), "place": text("claim-place"),
            "driver_name": text("claim-driver"), "driver_birth_date": Mark.BORN,
        }))  # fmt: skip
        told = f"/insurance/claims/{claim['id']}"
        upload(self.api, f"{told}/documents", f"{text('claim-paper-name')}.pdf", kind="photo")
        done(self.manager.post(f"{told}/reject", {"reason": text("claim-refusal")}))
        done(self.api.post(f"{path}/cancel", {"reason": text("policy-cancel-reason")}))


def keyed(caller):
    """Every request with a key of its own, under which its answer is kept."""
    caller.headers["Idempotency-Key"] = str(uuid7())
    return caller


def car():
    made = catalog.tests.make.product(stock=1, price=Decimal("2000000.00"))
    drain_outbox()
    return made


# What is left of it -------------------------------------------------------------------------------------------------
def hits_in_databases(marks):
    """(mark, database.table.column) of every column of every table, whatever its type, that tells a mark."""
    found = set()
    for alias in project.APPS:
        with connections[alias].cursor() as cursor:
            cursor.execute(COLUMNS)
            for table, column, kind in cursor.fetchall():
                cast = "" if kind == "bytea" else "::text"
                cursor.execute(f'SELECT "{column}"{cast} FROM "{table}" WHERE "{column}" IS NOT NULL')
                values = [row for (row,) in cursor.fetchall()]
                told = b"\n".join(bytes(value) if kind == "bytea" else value.encode() for value in values)
                found |= {(mark, f"{alias}.{table}.{column}") for mark in marks if is_told(mark, told)}
    return found


def keys_in_json():
    """Names of all keys in all JSON of all databases, save ids."""
    found = set()
    for alias in project.APPS:
        with connections[alias].cursor() as cursor:
            cursor.execute(COLUMNS)
            for table, column, kind in cursor.fetchall():
                if kind == "jsonb":
                    cursor.execute(f'SELECT "{column}"::text FROM "{table}" WHERE "{column}" IS NOT NULL')
                    found |= {key for (row,) in cursor.fetchall() for key in collect_keys(json.loads(row))}
    return {key for key in found if not key.endswith(("_id", "_by"))}


def collect_keys(value):
    if isinstance(value, dict):
        return {*value, *(key for item in value.values() for key in collect_keys(item))}
    return {key for item in value for key in collect_keys(item)} if isinstance(value, list) else set()


COLUMNS = """
SELECT table_name, column_name, data_type FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""


def is_told(mark, told):
    """In plain letters, or escaped the way JSON may be."""
    return mark.encode() in told or json.dumps(mark)[1:-1].encode() in told


def hits_in_files(folder, marks):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {(mark, str(path)) for path in files for mark in marks if is_told(mark, opened(path.read_bytes()))}


def hits_in_valkey(marks):
    found = set()
    for number in range(4):
        server = redis.Redis.from_url(project.REDIS.url(number))
        kept = [(key, read_all(server, key)) for key in server.scan_iter()]
        found |= {(mark, key) for key, told in kept for mark in marks if is_told(mark, told)}
    return found


def read_all(server, key):
    """Everything under a key; what the server packs is read item by item."""
    kind = server.type(key)
    read = {b"hash": "HGETALL", b"set": "SMEMBERS", b"zset": "ZRANGE", b"list": "LRANGE", b"stream": "XRANGE"}
    if kind == b"string":
        return bytes(server.get(key) or b"")
    span = {b"zset": ("0", "-1"), b"list": ("0", "-1"), b"stream": ("-", "+")}.get(kind, ())
    return flat(server.execute_command(read[kind], key, *span))


def flat(told):
    """The bytes in an answer of any shape."""
    if isinstance(told, bytes):
        return told + b"\n"
    items = [*told.keys(), *told.values()] if isinstance(told, dict) else told
    return b"".join(flat(item) for item in items) if isinstance(items, list | tuple | set) else b""


def exported(person):
    begun = accounts.request_export(user_id=person.id, requested_by=person.id, now=timezone.now())
    while accounts.gather_exports(now=timezone.now()):
        pass
    return accounts_queries.read_export(export_id=begun.id, user_id=person.id, now=timezone.now()).decode()


@pytest.mark.timeout(300)
def test_everything_is_exported_and_nothing_is_left(
    folder, time_machine, caplog, capfd, django_capture_on_commit_callbacks
):
    after_commit = django_capture_on_commit_callbacks
    time_machine.move_to(timezone.now())
    person = Person()
    person.use_everything(time_machine)
    seen = hits_in_databases(MARKS)
    assert {mark for mark, _ in seen} == set(MARKS) - {Mark.PAPER}  # the search does find everything
    assert {mark for mark, _ in hits_in_files(folder, MARKS)} == {Mark.PAPER}
    assert {(path.is_file(), path.stat().st_mode & 0o777) for path in folder.rglob("*")} == {
        (True, 0o600),
        (False, 0o700),
    }
    assert keys_in_json() <= PERSONAL_KEYS | PLAIN_KEYS
    whole = exported(person)
    assert [mark for mark in MARKS if mark not in whole] == [Mark.PAPER]

    accounts.erase_user(user_id=person.id, now=timezone.now())
    with after_commit(using="insurance", execute=True), after_commit(using="financing", execute=True):
        drain_outbox()
    assert hits_in_databases(MARKS) == set()
    assert hits_in_files(folder, MARKS) == set()
    assert hits_in_valkey(MARKS) == set()
    assert [mark for mark in MARKS if is_told(mark, "".join((caplog.text, *capfd.readouterr())).encode())] == []

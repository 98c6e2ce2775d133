"""Exports and erasure of one person's data, in every app's database."""

import json
from datetime import timedelta
from unittest import mock
from uuid import UUID

import pytest
from django.conf import settings as project
from django.db import OperationalError, connections
from django.utils import timezone

from accounts import queries, services
from accounts.events import UserDeleted
from accounts.models import Activity, ExportPart, PersonalDataExport
from accounts.tests import make
from clients.models import Client
from clients.services import add_contact
from core.db import transaction
from core.testing import Api
from financing.models import Application
from financing.services import withdraw_application
from financing.tests import make as financing
from insurance.models import Claim, Policy, Quote
from insurance.services import withdraw_claim
from insurance.tests import make as insurance
from messaging.models import InboxEvent, OutboxEvent
from messaging.outbox import publish
from messaging.peering import reads
from messaging.people import personal
from messaging.testing import capture_events, drain_outbox, published
from notifications.models import Recipient, WebhookDelivery
from notifications.tests import make as notifications
from orders.models import Order
from orders.tests import make as orders
from payments.models import PaymentMethod
from payments.services import store_method

pytestmark = pytest.mark.django_db(databases=project.APPS)
NAME, EMAIL, PHONE = "Анастасия Неповторимая", "unrepeatable@example.com", "+7 900 765-43-21"


@pytest.fixture
def person():
    """Somebody every app knows something of."""
    notifications.webhook("https://hooks.example/", "user.registered", "client.created", "user.deleted")
    user = services.register(email=EMAIL, password=make.PASSWORD, full_name=NAME, phone=PHONE, now=timezone.now())
    drain_outbox("accounts", "clients")
    with mock.patch("notifications.services.is_webhook_due", return_value=False):
        drain_outbox("accounts", "clients", "notifications")
    now = timezone.now()
    orders.order(customer_id=user.id, comment=f"Позвоните {NAME}")
    store_method(customer_id=user.id, method="card", token="tok_success", now=now)
    financing.programme()
    application = financing.application(of=financing.order(customer_id=user.id))
    policy = insurance.policy(customer_id=user.id)
    claim = insurance.claim(policy)
    insurance.quote(customer_id=user.id)
    card = Client.objects.get(user_id=user.id)
    add_contact(client_id=card.id, contact={"kind": "phone", "value": PHONE, "name": NAME}, now=now)
    # nothing may tie them when they go
    withdraw_application(application_id=application.id, now=now)
    withdraw_claim(claim_id=claim.id, now=now)
    Policy.objects.update(status="expired")
    with mock.patch("notifications.services.is_webhook_due", return_value=False):
        drain_outbox("orders", "catalog")
    return user


def everything() -> str:
    """Every text in every database but the migrations', as one."""
    found = []
    for alias in project.APPS:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in cursor.fetchall():
                cursor.execute(f'SELECT t::text FROM "{table}" AS t')
                found += [f"{alias}.{table} {row}" for (row,) in cursor.fetchall()]
    return "\n".join(found)


def traces(user) -> list[str]:
    """Lines of any table that still tell who it was; bytes are shown in hexadecimal by the server."""
    words = [NAME, EMAIL, PHONE, *(word.encode().hex() for word in (NAME, EMAIL, PHONE))]
    return [line[:300] for line in everything().splitlines() if any(word in line for word in words)]


# Erasure ------------------------------------------------------------------------------------------------------------
def test_erasure_leaves_no_trace_in_any_database(person):
    assert len({line.split(".")[0] for line in traces(person)}) >= 4  # the search does find things
    services.erase_user(user_id=person.id, now=timezone.now())
    drain_all()
    assert all("messaging_inbox" in line for line in traces(person))  # came from others after the app had looked
    look_again()
    assert traces(person) == []


def look_again():
    """A day later."""
    for alias in project.APPS:
        with connections[alias].cursor() as cursor:
            cursor.execute("UPDATE messaging_timer SET due_at = statement_timestamp() WHERE type = 'user.deleted'")
    drain_all()


def drain_all():
    with mock.patch("notifications.services.is_webhook_due", return_value=False):
        drain_outbox()


def test_money_rows_and_ids_stay(person):
    services.erase_user(user_id=person.id, now=timezone.now())
    drain_all()
    order, application = Order.objects.get(), Application.objects.get()
    assert (order.customer_id, order.comment, order.total_amount > 0) == (person.id, "", True)
    assert (application.customer_id, application.birth_date, application.monthly_income) == (person.id, None, 0)
    assert application.vehicle_price > 0
    assert (Policy.objects.get().customer_id, Claim.objects.get().description) == (person.id, "")
    assert Quote.objects.get().policy  # the one that became a policy; its drivers went
    assert Quote.objects.get().request["drivers"] == []
    assert not PaymentMethod.objects.exists()
    assert (Client.objects.get().user_id, Client.objects.get().email) == (person.id, "")
    assert Recipient.objects.get(user_id=person.id).email == ""


def test_each_apps_handler_may_hear_it_twice(person):
    services.erase_user(user_id=person.id, now=timezone.now())
    drain_all()
    look_again()
    before = everything_but_log()
    with transaction("accounts"):
        publish(UserDeleted(user_id=person.id))
    drain_all()
    assert set(everything_but_log()) ^ set(before) == set()


def everything_but_log() -> list[str]:
    skipped = ("messaging_", "clients_client ", "notifications_webhook")
    return sorted(line for line in everything().splitlines() if not any(name in line for name in skipped))


def test_the_event_log_forgets_and_keeps_its_order(person):
    kinds = published("accounts")
    services.erase_user(user_id=person.id, now=timezone.now())
    drain_all()
    assert published("accounts") == [*kinds, "user.deactivated", "user.deleted"]
    told = OutboxEvent.objects.using("accounts").get(type="user.registered")
    assert told.data["email"] == f"{person.id}@erased.invalid"
    assert (told.data["full_name"], told.data["phone"], told.data["user_id"]) == ("", "", str(person.id))
    copies = InboxEvent.objects.using("notifications").filter(type="user.registered")
    assert {copy.data["email"] for copy in copies} == {f"{person.id}@erased.invalid"}


def test_others_are_not_touched(person):
    other = services.register(email="other@example.com", password=make.PASSWORD, full_name="Пётр", now=timezone.now())
    drain_all()
    services.erase_user(user_id=person.id, now=timezone.now())
    drain_all()
    assert Client.objects.get(user_id=other.id).email == "other@example.com"
    told = OutboxEvent.objects.using("accounts").get(type="user.registered", aggregate_id=str(other.id))
    assert told.data["full_name"] == "Пётр"


def test_kept_webhook_bodies_forget_too(person):
    assert WebhookDelivery.objects.exists()
    services.erase_user(user_id=person.id, now=timezone.now())
    drain_all()
    bodies = [json.loads(bytes(delivery.body)) for delivery in WebhookDelivery.objects.all()]
    assert {body["type"] for body in bodies} >= {"user.registered", "client.created", "user.deleted"}
    assert not any(NAME in json.dumps(body, ensure_ascii=False) for body in bodies)


def test_archives_never_tell_of_a_person():
    data = {"user_id": "7", "email": EMAIL, "full_name": NAME, "phone": PHONE, "roles": ["client"], "username": "anna"}
    assert personal.without_personal("user.registered", data) == {
        "user_id": "7", "email": "7@erased.invalid", "full_name": "", "phone": "", "roles": ["client"], "username": "",
    }  # fmt: skip
    assert personal.without_personal("order.paid", {"a": 1}) == {"a": 1}
    assert personal.without_personal("unknown.type", {"a": 1}) == {"a": 1}


def test_every_app_reacts_to_an_erasure():
    from messaging.subscriptions import subscriptions

    reacting = {item.alias for item in subscriptions().values() if "user.deleted" in item.events}
    assert reacting >= set(project.APPS) - {"accounts"}


# Export -------------------------------------------------------------------------------------------------------------
def test_an_export_gathers_from_every_app(person):
    caller = make.api(person)
    answer = caller.post(f"/users/{person.id}/exports")
    assert answer.status_code == 202
    begun = answer.json()
    assert (begun["status"], begun["progress"]) == ("pending", {"done": 0, "total": len(project.APPS)})
    path = f"/users/{person.id}/exports/{begun['id']}"
    early = caller.get(f"{path}/download")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    assert services.gather_exports(now=timezone.now())
    shown = caller.get(path).json()
    assert (shown["status"], shown["missing"]) == ("ready", [])
    file = caller.get(f"{path}/download")
    assert file["Content-Disposition"] == f'attachment; filename="personal-data-{person.id}.json"'
    apps = json.loads(file.content)["apps"]
    assert set(apps) == set(project.APPS)
    assert apps["accounts"]["user"][0]["email"] == EMAIL
    assert apps["orders"]["order"][0]["comment"] == f"Позвоните {NAME}"
    assert apps["orders"]["orderline"]
    assert apps["financing"]["application"][0]["monthly_income"]
    assert apps["insurance"]["quote"][0]["request"]["drivers"]
    assert apps["clients"]["contact"][0]["value"] == "+79007654321"
    assert [row["id"] for row in caller.get(f"/users/{person.id}/exports").json()["results"]] == [begun["id"]]


def test_no_secret_is_exported(person):
    enrollment = services.enroll_mfa(user_id=person.id, now=timezone.now())
    file = export(person)
    for secret in (enrollment.secret, person.password, "tok_success"):
        assert secret not in file
    assert '"digest"' not in file


def export(person) -> str:
    begun = services.request_export(user_id=person.id, requested_by=person.id, now=timezone.now())
    services.gather_exports(now=timezone.now())
    return queries.read_export(export_id=begun.id, user_id=person.id, now=timezone.now()).decode()


def test_another_persons_rows_are_not_in_it(person):
    orders.order(comment="чужое")
    assert "чужое" not in export(person)


def test_what_waits_is_sealed(person):
    export(person)
    stored = b"".join(bytes(part.body) for part in ExportPart.objects.all())
    assert NAME.encode() not in stored


def test_an_app_that_is_down_is_asked_again(person):
    now, right = timezone.now(), personal.export
    begun = services.request_export(user_id=person.id, requested_by=person.id, now=now)

    def without_orders(app: str, user_id: UUID):
        if app == "orders":
            raise OperationalError
        return right(app, user_id)

    with mock.patch.object(reads, "export", without_orders):
        assert services.gather_exports(now=now)
    begun.refresh_from_db()
    assert (begun.status, begun.missing) == ("running", ["orders"])
    assert not services.is_export_due(now=now)
    assert services.gather_exports(now=now + timedelta(seconds=31))
    begun.refresh_from_db()
    assert begun.status == "ready"


def test_the_work_queue_is_run_by_a_worker(person):
    begun = services.request_export(user_id=person.id, requested_by=person.id, now=timezone.now())
    drain_all()
    begun.refresh_from_db()
    assert begun.status == "ready"


def test_asking_twice_begins_one(person):
    caller = make.api(person)
    first, second = (caller.post(f"/users/{person.id}/exports").json()["id"] for _ in "12")
    assert first == second
    assert Activity.objects.filter(kind="data_exported").count() == 1


def test_administrators_may_export_for_somebody(person):
    admin = make.api(make.user("admin"))
    begun = admin.post(f"/users/{person.id}/exports").json()
    services.gather_exports(now=timezone.now())
    assert admin.get(f"/users/{person.id}/exports/{begun['id']}/download").status_code == 200


def test_anothers_export_is_not_there(person):
    export(person)
    kept = PersonalDataExport.objects.get()
    paths = ["exports", f"exports/{kept.id}", f"exports/{kept.id}/download"]
    for role in ("client", "manager"):
        stranger = make.api(make.user(role))
        assert [stranger.get(f"/users/{person.id}/{path}").status_code for path in paths] == [404] * 3
        assert [stranger.get(f"/users/{stranger.user_id}/{path}").status_code for path in paths[1:]] == [404] * 2
        assert stranger.post(f"/users/{person.id}/exports").status_code == 404
    assert [Api().get(f"/users/{person.id}/{path}").status_code for path in paths] == [401] * 3
    assert Api().post(f"/users/{person.id}/exports").status_code == 401
    assert PersonalDataExport.objects.count() == 1


def test_an_api_key_reads_no_export(person):
    export(person)
    now = timezone.now()
    _, key = services.create_api_key(
        user_id=person.id, name="x", scopes=["accounts:read"], expires_at=None, address="", now=now
    )
    services.publish_api_keys(now=now)
    path = f"/users/{person.id}/exports/{PersonalDataExport.objects.get().id}/download"
    answer = make.bearer(key).get(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_it_is_kept_for_a_week(person):
    export(person)
    later = timezone.now() + timedelta(days=8)
    assert services.purge_exports(now=later) > 0
    assert not ExportPart.objects.exists()


def test_erasure_drops_exports_and_allows_no_more(person):
    export(person)
    services.erase_user(user_id=person.id, now=timezone.now())
    assert not PersonalDataExport.objects.exists()
    admin = make.api(make.user("admin"))
    with capture_events("accounts") as events:
        assert admin.post(f"/users/{person.id}/exports").status_code == 404
    assert events == []

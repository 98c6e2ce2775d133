"""AUTOSALON_SERVICES: a process that serves some apps needs their databases and the public key, and nothing else."""

import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from django.conf import settings

import payments.tests.make as make
from config.databases import APPS
from core.testing import token_for
from tests.live import Web, database_url
from tests.product import ROOT

pytestmark = pytest.mark.proof

PATHS_OF_OTHERS = ("/orders", "/products", "/users", "/financing/loans", "/insurance/policies", "/notifications")


@pytest.fixture
def env(tmp_path):
    """Production settings of a payments-only process: no other database is named, and no private key."""
    public = tmp_path / "public.pem"
    private = serialization.load_pem_private_key(settings.JWT_PRIVATE_KEY.encode(), password=None)
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(private.public_key().public_bytes(serialization.Encoding.PEM, shape))
    apps = [alias for alias in settings.DATABASES if alias != "default"]
    return {f"AUTOSALON_{app.upper()}_DATABASE_URL": "" for app in apps} | {
        "AUTOSALON_DEBUG": "off",
        "AUTOSALON_TEST_RUN": "off",
        "AUTOSALON_SERVICES": "payments",
        "AUTOSALON_PAYMENTS_DATABASE_URL": database_url("payments"),
        "AUTOSALON_PEERS": ",".join(f"{app}=http://127.0.0.1:9" for app in APPS if app != "payments"),
        "AUTOSALON_PEER_SECRET": "p" * 32,
        "AUTOSALON_REDIS_URL": settings.REDIS.url(0).partition("?")[0],
        "AUTOSALON_SECRET_KEY": "x" * 60,
        "AUTOSALON_ALLOWED_HOSTS": "127.0.0.1",
        "AUTOSALON_JWT_PUBLIC_KEY_FILES": str(public),
        "AUTOSALON_SSL_REDIRECT": "off",
        "AUTOSALON_RATE_LIMITS": "on",
        "AUTOSALON_SANDBOX_WEBHOOK_SECRET": "whsec_c2VjcmV0",
    }


@pytest.mark.django_db(databases=["payments"], transaction=True)
def test_payments_alone_serve_a_clients_token(env):
    order = make.order()
    token = token_for(order.customer_id)
    headers = {"Authorization": f"Bearer {token}"}
    with Web(env) as web:
        assert web.http.get("/payments").status_code == 401
        body = {"order_id": str(order.id), "method": "card", "token": "tok_success"}
        paid = web.http.post("/payments", json=body, headers=headers | {"Idempotency-Key": "once"})
        assert paid.status_code == 201, paid.text
        assert web.http.get(f"/payments/{paid.json()['id']}", headers=headers).status_code == 200
        stranger = {"Authorization": f"Bearer {token_for()}"}
        assert web.http.get(f"/payments/{paid.json()['id']}", headers=stranger).status_code == 404
        for path in PATHS_OF_OTHERS:
            assert web.http.get(path, headers=headers).status_code == 404, path
        ready = web.http.get(f"http://127.0.0.1:{web.port}/health/ready")
        assert ready.status_code == 200, ready.text
        assert ready.json()["services"]["payments"]["status"] == "ok"
        assert not set(ready.json()["services"]) & {"orders", "catalog", "accounts"}
        assert web.http.get(f"http://127.0.0.1:{web.port}/api/schema/").status_code == 200
        nowhere = web.http.get(f"http://127.0.0.1:{web.port}/cars/")
        assert (nowhere.status_code, nowhere.json()["code"]) == (404, "not_found")


ASK = """
import json, django
django.setup()
from config.celery import app
from django.conf import settings
from messaging.delivery.parked import served
app.finalize()
print(json.dumps({
    "databases": sorted(settings.DATABASES),
    "handlers": sorted(served()),
    "queues": sorted({str(job["options"]["queue"]) for job in app.conf.beat_schedule.values()}),
}))
"""


def test_it_handles_and_schedules_only_its_own(env):
    environment = Web(env).env | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run([sys.executable, "-c", ASK], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert told["databases"] == ["default", "payments"]
    assert told["handlers"] == ["payments"]
    assert set(told["queues"]) == {"q.payments", "q.external.payments"}

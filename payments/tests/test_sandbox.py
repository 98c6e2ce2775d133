import contextlib
import json
import os
import signal
import subprocess
import sys

import httpx2
import pytest
from django.core.management import CommandError, call_command
from standardwebhooks import Webhook

from core.ids import uuid7
from payments.tests.conftest import serving
from sandbox import testing as sandboxes
from sandbox.bank.app import Bank, Options
from sandbox.bank.faults import FaultScript
from sandbox.bank.store import Store
from sandbox.framework import MAX_BODY
from sandbox.testing import free_port, wait_until_healthy

SECRET = "whsec_dGVzdA=="


def call(url, method, path, key="", **options):
    headers = {"Idempotency-Key": key} if key else {}
    return httpx2.request(method, url + path, headers=headers, timeout=5, trust_env=False, **options)


def charge(url, key, **changes):
    body = {"payment_id": str(uuid7()), "amount": "100.00", "currency": "RUB", "token": "tok_success"} | changes
    return call(url, "POST", "/charges", key, json=body)


def test_one_key_takes_money_once(sandbox):
    key = str(uuid7())
    first, second = charge(sandbox.url, key), charge(sandbox.url, key)
    assert first.json()["id"] == second.json()["id"]
    assert "token" not in first.json()
    assert charge(sandbox.url, key, amount="101.00").status_code == 422
    assert call(sandbox.url, "GET", f"/charges/by-key/{key}").json()["id"] == first.json()["id"]
    assert call(sandbox.url, "GET", "/charges/by-key/nothing").status_code == 404


def test_bad_requests_are_refused(sandbox):
    assert call(sandbox.url, "POST", "/charges", json={"amount": "1"}).status_code == 400
    assert charge(sandbox.url, "k", amount="-1").status_code == 400
    assert charge(sandbox.url, "k", amount="NaN").status_code == 400
    assert call(sandbox.url, "POST", "/charges", "k", content=b"{").status_code == 400
    assert call(sandbox.url, "POST", "/charges", "k", content=b"[]").status_code == 400
    assert call(sandbox.url, "POST", "/charges", "k", content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert call(sandbox.url, "GET", "/elsewhere").status_code == 404
    assert call(sandbox.url, "GET", "/book?after=x").status_code == 400


def test_refunds_stay_within_the_charge(sandbox):
    key = str(uuid7())
    charge(sandbox.url, key)

    def refund(amount):
        body = {"charge_key": key, "refund_id": str(uuid7()), "amount": amount, "currency": "RUB"}
        return call(sandbox.url, "POST", "/refunds", str(uuid7()), json=body).json()["status"]

    assert [refund("60.00"), refund("40.01"), refund("40.00"), refund("0.01")] == [
        "succeeded", "failed", "succeeded", "failed",
    ]  # fmt: skip


def test_a_charge_called_off_before_it_came_is_refused_when_it_comes(sandbox):
    key = str(uuid7())
    assert call(sandbox.url, "POST", f"/charges/by-key/{key}/cancel").json()["status"] == "cancelled"
    assert charge(sandbox.url, key).json()["status"] == "cancelled"


def test_a_charge_that_ended_cannot_be_called_off(sandbox):
    key = str(uuid7())
    charge(sandbox.url, key)
    assert call(sandbox.url, "POST", f"/charges/by-key/{key}/cancel").json()["status"] == "succeeded"


@pytest.mark.parametrize(("choice", "status"), [("confirm", "succeeded"), ("decline", "failed")])
def test_the_buyer_decides_on_a_page(sandbox, choice, status):
    key = str(uuid7())
    made = charge(sandbox.url, key, token="tok_3ds", return_url='https://shop.example/"><script>').json()
    page = httpx2.get(made["action_url"], trust_env=False)
    assert 'value="confirm"' in page.text
    assert "100.00 RUB" in page.text
    after = httpx2.post(made["action_url"], data={"result": choice}, trust_env=False)
    assert "<script>" not in after.text
    assert 'value="confirm"' not in after.text
    assert call(sandbox.url, "GET", f"/charges/by-key/{key}").json()["status"] == status
    httpx2.post(made["action_url"], data={"result": "confirm"}, trust_env=False)
    assert call(sandbox.url, "GET", f"/charges/by-key/{key}").json()["status"] == status


def test_the_book_is_read_in_pages(tmp_path):
    with contextlib.closing(Store(tmp_path / "book.sqlite3")) as store:
        for number in range(5):
            store.charge(f"k{number}", {"amount": "1", "currency": "RUB", "token": "tok_success"})
        first = store.page(0, 3)
        assert [row["key"] for row in first["rows"]] == ["k0", "k1", "k2"]
        rest = store.page(first["next"], 3)
        assert ([row["key"] for row in rest["rows"]], rest["next"]) == (["k3", "k4"], None)


def test_a_buyer_who_never_decides_fails_the_charge(tmp_path, time_machine):
    with contextlib.closing(Store(tmp_path / "book.sqlite3")) as store:
        store.charge("k", {"amount": "1", "currency": "RUB", "token": "tok_3ds"})
        time_machine.move_to("2099-01-01")
        assert store.find("charge", "k")["failure_code"] == "authentication_expired"


def test_webhooks_are_signed_and_tried_again(tmp_path, httpserver):
    httpserver.expect_ordered_request("/hook").respond_with_data("busy", status=503)
    httpserver.expect_ordered_request("/hook").respond_with_data("ok")
    options = tmp_path / "book.sqlite3", httpserver.url_for("/hook")
    with (
        sandboxes.serving(lambda url: Bank(Options(options[0], url, options[1], SECRET))) as url,
        httpserver.wait(raise_assertions=True, stop_on_nohandler=False, timeout=10),
    ):
        charge(url, "k", payment_id="p1")
    first, second = (request for request, _ in httpserver.log)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    data = Webhook(SECRET).verify(second.get_data(), dict(second.headers))
    assert (data["type"], data["data"]["payment_id"]) == ("payment.completed", "p1")
    assert json.loads(first.get_data()) == data


def test_the_command_forgets_nothing_when_killed(tmp_path):
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_sandbox", "--port", str(port)],
        env=os.environ | {"AUTOSALON_DATA_DIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until_healthy(url, is_alive=lambda: process.poll() is None)
        made = charge(url, "k").json()
        assert charge(url, "f", token="tok_flaky").status_code == 503
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    with serving(tmp_path / "sandbox") as again:
        assert charge(again.url, "k").json() == made
        assert [charge(again.url, "f", token="tok_flaky").status_code for _ in range(2)] == [503, 200]


def test_the_command_refuses_to_run_outside_debug(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="debug only"):
        call_command("run_sandbox")


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("", FaultScript()),
        ("storm/7", FaultScript.storm(0.15, 7)),
        ("storm:0.3", FaultScript.storm(0.3, 0)),
        ("lose_answer:0.2,repeat/9", FaultScript(lose_answer=0.2, repeat=0.15, seed=9)),
    ],
)
def test_a_bad_day_is_written_on_one_line(text, script):
    assert FaultScript.read(text) == script


@pytest.mark.parametrize("text", ["rain/7", "storm:2", "late:x", "storm/seven", "late:nan"])
def test_a_bad_day_nobody_knows_does_not_start(text, settings):
    settings.DEBUG = True
    with pytest.raises(CommandError, match="--faults"):
        call_command("run_sandbox", faults=text)

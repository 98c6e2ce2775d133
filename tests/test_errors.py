"""Errors are reported where a DSN says so: once, with a traceback and their cause, and with nobody's data."""

import json
import logging

import pytest
import sentry_sdk
import structlog
from django.db import IntegrityError
from django.test import Client
from sentry_sdk.transport import Transport

import clients.tests.make
from core import context
from core.db import transaction
from core.running import errors
from core.testing import Api

EMAIL, PHONE, CARD = "anna.karenina@example.com", "+7 916 123-45-67", "4111 1111 1111 1111"


class Told(Transport):
    """What was reported, as it would have gone over the wire."""

    def __init__(self):
        super().__init__()
        self.reports = []

    def capture_envelope(self, envelope):
        self.reports += [json.loads(item.payload.get_bytes()) for item in envelope.items]


@pytest.fixture
def told(settings):
    settings.ERRORS_DSN = "https://key@errors.example/7"
    transport = Told()
    errors.begin(transport)
    yield transport.reports
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.init()
    sentry_sdk.get_global_scope().set_client(None)


def fail_over(person):
    password = "correct-horse-9"
    raise ValueError(f"{person} has no {len(password)}")


def log_failure():
    try:
        fail_over(EMAIL)
    except ValueError:
        structlog.get_logger("tests.errors").exception("it_failed", card=CARD, phone=PHONE)


def test_an_error_is_reported_once_with_its_cause(told):
    with context.cause(request_id="request-7", actor=EMAIL):
        log_failure()
    (report,) = told
    (failure,) = report["exception"]["values"]
    assert failure["type"] == "ValueError"
    assert [frame["function"] for frame in failure["stacktrace"]["frames"]] == ["log_failure", "fail_over"]
    assert report["tags"] == {"request_id": "request-7"}
    assert report["level"] == "error"


def test_nothing_of_a_person_is_reported(told):
    with context.cause(request_id=CARD.replace(" ", "")):
        log_failure()
    whole = json.dumps(told)
    for secret in (EMAIL, PHONE, CARD, CARD.replace(" ", ""), "correct-horse-9", "vars"):
        assert secret not in whole


@pytest.mark.django_db(databases=["clients"])
def test_a_row_that_breaks_a_constraint_is_not_reported(told):
    card = clients.tests.make.client(name="Ivan Ivanov", address="Moscow")
    with pytest.raises(IntegrityError) as caught, transaction("clients"):
        type(card).objects.filter(id=card.id).update(inn="none")
    assert "Failing row contains" in str(caught.value)
    assert "Ivan Ivanov" in str(caught.value)
    structlog.get_logger("tests.errors").error("refused", error=repr(caught.value), exc_info=caught.value)
    (report,) = told
    whole = json.dumps(report)
    assert [failure["type"] for failure in report["exception"]["values"]] == ["CheckViolation", "IntegrityError"]
    assert "client_inn_formed" in whole
    for secret in ("Ivan", "Moscow"):
        assert secret not in whole


def test_what_is_no_error_is_not_reported(told):
    logging.getLogger("tests.errors").warning("only a warning")
    structlog.get_logger("tests.errors").info("nor this")
    assert told == []


def test_what_any_visitor_can_cause_is_not_reported(told, settings):
    settings.DEBUG, settings.ALLOWED_HOSTS = False, ["shop.example"]
    assert Client().get("/", headers={"Host": "evil.example"}).status_code == 400
    assert told == []


def test_an_unhandled_error_of_a_request_is_reported(told, monkeypatch):
    def explode(*_):
        raise RuntimeError("unexpected")

    monkeypatch.setattr("gateway.middleware._resolve", explode)
    answer = Api().get("/nowhere")
    assert answer.status_code == 500
    unexpected = [report for report in told if report.get("exception")]
    assert [report["exception"]["values"][-1]["type"] for report in unexpected] == ["RuntimeError"]
    assert unexpected[0]["tags"]["request_id"] == answer["X-Request-ID"]


def test_without_a_dsn_nobody_is_told():
    assert not sentry_sdk.is_initialized() or not sentry_sdk.get_client().dsn

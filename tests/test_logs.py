"""The log: a request id in every line, and nothing in it that nobody else may read."""

import io
import json
import logging
import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import structlog
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from config.processes.logs import logging_config
from core import context
from core.ids import uuid7
from core.secrecy.redaction import MASK, redact
from core.testing import Api, token_for
from gateway.responses import log_line
from tests.live import Web

ALL = [alias for alias in settings.DATABASES if alias != "default"]
EMAIL, PHONE, CARD, PASSWORD = "anna.karenina@example.com", "+7 916 123-45-67", "4111 1111 1111 1111", "correct-horse-9"
KEY = "ask_0123abcd_Zm9vYmFyYmF6cXV4"


@pytest.mark.parametrize(
    "text",
    [
        EMAIL, PHONE, "+79161234567", CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), KEY,
        f"Authorization: Bearer {KEY}", '{"password": "correct-horse-9"}', "password=correct-horse-9",
        "GET /x?token=correct-horse-9&a=1", "{'old_password': 'correct-horse-9'}", "whsec_YXV0b3NhbG9uLXNhbmRi",
        "postgres://autosalon:correct-horse-9@db/x", "Failing row contains (1, anna.karenina@example.com, x)",
    ],
)  # fmt: skip
def test_a_secret_is_removed(text):
    cleaned = redact(f"before {text} after")
    assert MASK in cleaned
    for secret in (EMAIL, "9161234567", "123-45-67", "1111", "correct-horse-9", "Zm9vYmFy", "YXV0b3NhbG9u"):
        assert secret not in cleaned
    assert cleaned.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "01a1fd16-ca36-7153-8d3d-f2ad0c260dc7",
        "2026-11-21T07:45:25.815106Z",
        "order 2026-000001",
        "1500000.00 RUB",
        "2:01",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


ROW = '1, Ivan (Vanya) Ivanov, {"city": "Moscow"}, Tverskaya 1).\nflat 2'


@pytest.mark.parametrize(
    "detail",
    [
        f"Failing row contains ({ROW}).", f"Partition key of the failing row contains (name) = ({ROW}).",
        f"Ошибочная строка содержит ({ROW}).", f"Key (name)=({ROW}) already exists.",
        f'Key (name)=({ROW}) is not present in table "clients_client".',
        f"Key (lower(name::text))=({ROW}) already exists.",
        f"Key (id, name)=({ROW}) conflicts with existing key (id, name)=({ROW}).",
        f"Ключ \"(name)=({ROW})\" уже существует.",
    ],
)  # fmt: skip
def test_a_row_that_the_database_tells_is_removed(detail):
    said = f'new row violates constraint "c"\nDETAIL:  {detail}'
    line = {"error": repr(ValueError(said)), "exception": f"{said}\n\nThe above exception (x).", "last": "stays"}
    for text in (said, f"{said}\nCONTEXT:  stays", repr(ValueError(said)), json.dumps(line), f"{said}\n\nstays"):
        cleaned = redact(text)
        for secret in ("Ivan", "Moscow", "Tverskaya", "flat"):
            assert secret not in cleaned, cleaned
        assert MASK in cleaned
        assert "violates constraint" in cleaned
        assert ("stays" in text) == ("stays" in cleaned)
    assert json.loads(redact(json.dumps(line)))["last"] == "stays"


def test_what_is_cut_off_in_the_middle_of_a_row_is_removed_and_the_line_stays_json():
    line = json.dumps({"error": 'DETAIL:  Failing row contains (1, "Ivan" Iva', "last": "stays"})
    assert json.loads(redact(line)) == {"error": f"DETAIL:  Failing row contains ({MASK})", "last": "stays"}


def test_a_token_of_ours_is_removed():
    token = token_for()
    assert not set(token.split(".")) & set(re.split(r"[\s.]", redact(f"got {token} from somewhere")))


def test_a_line_is_json_with_the_id_of_its_cause(capsys):
    formatter = logging_config(debug=False, level="INFO")["formatters"]["line"]
    options = {name: value for name, value in formatter.items() if name != "()"}
    handler = logging.StreamHandler()
    handler.setFormatter(formatter["()"](**options))
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    structlog.contextvars.clear_contextvars()  # what a request of an earlier test bound
    try:
        with context.cause(request_id="request-7"):
            logger.warning("mail to %s failed", EMAIL)
            structlog.get_logger("tests.logs").warning("mail_failed", to=EMAIL, card=CARD)
    finally:
        logger.removeHandler(handler)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert [line["request_id"] for line in lines] == ["request-7", "request-7"]
    assert EMAIL not in json.dumps(lines)
    assert CARD not in json.dumps(lines)


@given(st.from_regex(log_line.PLAIN, fullmatch=True))
def test_what_is_not_looked_through_holds_no_secret(text):
    assert redact(text) == text


@pytest.fixture
def told():
    """Lines of the log of requests, as they are written."""
    heard, logger = io.StringIO(), logging.getLogger(log_line.LOGGER)
    handler = logging.StreamHandler(heard)
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in heard.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_a_request_leaves_one_line_of_json(told, settings):
    settings.ACCESS_LOG = True
    answer = Api().get("/nowhere")
    (line,) = told()
    moment, took_ms = line.pop("timestamp"), line.pop("ms")
    assert datetime.fromisoformat(moment).tzinfo is UTC
    assert took_ms >= 0
    assert line == {
        "method": "GET", "path": "/api/v1/nowhere", "route": "elsewhere", "status": 404, "event": "request",
        "user": None, "address": "private", "trace": None,
        "request_id": answer["X-Request-ID"], "logger": log_line.LOGGER, "level": "info",
    }  # fmt: skip


def test_a_line_joins_who_asked_what_in_which_trace(told, settings):
    settings.ACCESS_LOG = True
    caller, trace = uuid7(), "0af7651916cd43dd8448eb211c80319c"
    api = Api("client", user_id=caller)
    api.get(f"/orders/{uuid7()}", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    Client().get("/api/v1/orders", REMOTE_ADDR="9.9.9.9")
    fast, nobody = told()
    assert (fast["route"], fast["user"], fast["trace"]) == ("/api/v1/orders/<pk>", str(caller), trace)
    assert (nobody["user"], nobody["address"], nobody["trace"]) == (None, "public", None)
    assert classify_all("127.0.0.1", "::1", "10.1.2.3", "8.8.8.8", "") == "machine machine private public unknown"


def classify_all(*addresses):
    return " ".join(map(log_line.classify, addresses))


def test_a_line_about_a_request_holds_no_secret(told, settings):
    settings.ACCESS_LOG = True
    Api().get(f"/users/{EMAIL}", X_Request_ID=KEY)
    Api().get(f"/users/{quote(CARD)}", X_Request_ID=CARD.replace(" ", "-"))
    lines = told()
    assert len(lines) == 2
    for line in lines:
        assert line["path"] == f"/api/v1/users/{MASK}"
        assert line["request_id"] == MASK


def test_a_quiet_log_is_told_of_no_request(told, settings):
    settings.ACCESS_LOG = True
    level = logging.root.level
    logging.root.setLevel("WARNING")
    try:
        Api().get("/nowhere")
    finally:
        logging.root.setLevel(level)
    assert told() == []


def test_a_server_tells_of_no_socket_and_what_it_tells_is_ours_to_redact():
    """uvicorn says at INFO which socket was opened by whom, with the ticket that stands in its address."""
    server = logging_config(debug=False, level="INFO")["loggers"]
    assert server["uvicorn"] == {"handlers": ["console"], "propagate": False}
    assert {name: server[f"uvicorn.{name}"]["level"] for name in ("access", "error")} == {
        "access": "WARNING",
        "error": "WARNING",
    }


def test_the_line_that_is_made_is_written_as_it_is():
    loggers = logging_config(debug=False, level="INFO")
    assert loggers["loggers"][log_line.LOGGER] == {"handlers": ["made"], "propagate": False}
    assert "formatter" not in loggers["handlers"]["made"]


@pytest.mark.django_db(databases=ALL, transaction=True)
def test_nothing_planted_in_requests_is_found_in_the_log():
    token = token_for(email=EMAIL)
    bearer = {"Authorization": f"Bearer {token}"}
    with Web({"AUTOSALON_LOG_LEVEL": "DEBUG", "AUTOSALON_ACCESS_LOG": "on"}) as web:
        person = {"email": EMAIL, "password": PASSWORD, "phone": PHONE, "full_name": "Anna"}
        web.http.post("/auth/register", json=person)
        web.http.post("/auth/login", json={"email": EMAIL, "password": PASSWORD})
        web.http.post("/auth/token", data={"username": EMAIL, "password": PASSWORD + "?"})
        web.http.post("/auth/reset-password", json={"email": EMAIL})
        web.http.post("/payment-methods", json={"method": "card", "token": CARD}, headers=bearer)
        web.http.get("/orders", params={"search": CARD, "token": token, "email": EMAIL}, headers=bearer)
        web.http.get("/orders", headers={"Authorization": f"Bearer {KEY}"})
        web.http.post("/orders", content=f'{{"comment": "{EMAIL} {PHONE}"', headers=bearer)
        web.http.get(f"http://127.0.0.1:{web.port}/nowhere", params={"ticket": token}, headers={"Cookie": f"x={token}"})
        written = web.log.read_text()
    assert written.count("request") > 9, written
    for secret in (EMAIL, PASSWORD, PHONE, CARD, KEY, *token.split(".")):
        assert secret not in written, secret

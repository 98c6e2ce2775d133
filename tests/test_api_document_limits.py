"""The limits that the OpenAPI document tells, held against the running edge: request by request and byte by byte."""

import json
import re

import pytest
import yaml
from django.conf import settings as shipped
from django.test import Client

from accounts.models import User
from core.ids import uuid7
from core.testing import Api
from gateway.document import openapi
from gateway.document import pages as documents
from gateway.document.hooks import operations
from gateway.guards import guard

ALL = [alias for alias in shipped.DATABASES if alias != "default"]
DOCUMENT = json.loads(openapi.get_document_path(openapi.LANGUAGE, "json").read_text())
OPERATIONS = {f"{method.upper()} {path}": operation for path, method, operation in operations(DOCUMENT)}
COUNTED = {name: operation for name, operation in OPERATIONS.items() if "x-rate-limit" in operation}
UNCOUNTED = sorted(set(OPERATIONS) - set(COUNTED))
IN_FORMS = {"multipart/form-data", "application/x-www-form-urlencoded"}


def address(name):
    known = {each.get("name"): each["schema"] for each in OPERATIONS[name].get("parameters", ()) if "schema" in each}
    return re.sub(r"{(\w+)}", lambda found: _value(known[found[1]]), name.partition(" ")[2])


def _value(schema):
    """Anything that leads there; whether it is found does not matter."""
    if schema.get("format") == "uuid":
        return str(uuid7())
    if "$ref" in schema:
        return _value(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    words = schema.get("enum", ["contract", "2026"])
    return next(word for word in words if re.fullmatch(schema.get("pattern", ".*"), word))


def send(name, caller, **options):
    method = name.partition(" ")[0].lower()
    kinds = OPERATIONS[name].get("requestBody", {}).get("content", {})
    if method != "get":
        kind = next(iter(IN_FORMS & set(kinds)), "application/json")
        options = {"data": "{}", "content_type": kind} | options
    return getattr(caller.client, method)(address(name), headers=caller.headers, **options)


def described(name):
    """The answer to one request too many, as the document tells of it."""
    return DOCUMENT["components"]["responses"][OPERATIONS[name]["responses"]["429"]["$ref"].rpartition("/")[2]]


@pytest.fixture
def admin():
    person = User.objects.create(id=uuid7(), email="admin@example.com", password="!", roles=["admin"])
    return Api("admin", user_id=person.id)


@pytest.mark.django_db(databases=ALL)
@pytest.mark.parametrize("name", COUNTED)
def test_an_operation_counts_as_the_document_says(name, admin):
    """The first request of a caller waits for a whole window to be forgotten."""
    answer, limit = send(name, admin), COUNTED[name]["x-rate-limit"]
    assert int(answer["RateLimit-Limit"]) == limit["requests"], answer.content
    assert int(answer["RateLimit-Remaining"]) == limit["requests"] - 1
    assert int(answer["RateLimit-Reset"]) == limit["window_seconds"]
    assert (
        f"More than {limit['requests']} requests in {limit['window_seconds']} seconds" in described(name)["description"]
    )


@pytest.mark.django_db(databases=ALL)
@pytest.mark.parametrize("name", UNCOUNTED)
def test_what_names_no_limit_has_none(name, settings):
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, "1/60")
    guard.get_limit.cache_clear()
    try:
        answers = [send(name, Api()) for _ in range(3)]
    finally:
        guard.get_limit.cache_clear()
    assert 429 not in {answer.status_code for answer in answers}
    assert not any("RateLimit-Limit" in answer for answer in answers)
    assert "429" not in OPERATIONS[name]["responses"]


@pytest.mark.django_db(databases=ALL)
@pytest.mark.parametrize(
    "name",
    {operation["x-rate-limit"]["scope"]: name for name, operation in COUNTED.items() if "{" not in name}.values(),
)
def test_one_request_more_than_the_document_admits_is_refused(name, admin):
    limit = COUNTED[name]["x-rate-limit"]
    admitted = [send(name, admin).status_code for _ in range(limit["requests"])]
    refused = send(name, admin)
    assert (429 in admitted, refused.status_code, refused.json()["code"]) == (False, 429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= limit["window_seconds"]
    example = described(name)["content"]["application/problem+json"]["example"]
    assert {member: example[member] for member in ("code", "title", "status")} == {
        member: refused.json()[member] for member in ("code", "title", "status")
    } | {"title": example["title"]}


@pytest.mark.django_db(databases=ALL)
@pytest.mark.parametrize("name", [name for name in OPERATIONS if "x-max-body-bytes" in OPERATIONS[name]])
def test_one_byte_more_than_the_document_admits_is_refused(name, admin):
    most = OPERATIONS[name]["x-max-body-bytes"]
    assert send(name, Api(), CONTENT_LENGTH=str(most)).status_code != 413
    answer = send(name, Api(), CONTENT_LENGTH=str(most + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    told = OPERATIONS[name]["responses"]["413"]
    told = DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]] if "$ref" in told else told
    assert f"larger than {most} bytes" in told["description"]


def test_every_operation_that_takes_a_body_says_how_large():
    silent = {name for name, operation in OPERATIONS.items() if "requestBody" in operation}
    assert {name for name in silent if "x-max-body-bytes" not in OPERATIONS[name]} == set()


@pytest.fixture
def other_limits(settings):
    """A dealership that set limits of its own, in a process that just started."""
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"login": "3/30"}
    settings.MAX_BODY_BYTES, settings.MAX_UPLOAD_BYTES, settings.IDEMPOTENCY_HOURS = 5_000, 7_000, 48
    forget()
    yield
    forget()


def forget():
    guard.get_limit.cache_clear()
    documents._read.cache_clear()


@pytest.mark.usefixtures("other_limits")
@pytest.mark.parametrize("kind", ["json", "yaml"])
@pytest.mark.parametrize("language", openapi.LANGUAGES)
def test_the_served_document_has_the_limits_of_the_process_that_serves_it(language, kind):
    text = Client().get(f"/api/schema/?format={kind}&lang={language}").content
    served = json.loads(text) if kind == "json" else yaml.load(text, yaml.CSafeLoader)
    login = served["paths"]["/api/v1/auth/login"]["post"]
    assert (login["x-rate-limit"], login["x-max-body-bytes"]) == (
        {"scope": "login", "requests": 3, "window_seconds": 30},
        5_000,
    )
    assert served["paths"]["/api/v1/imports"]["post"]["x-max-body-bytes"] == 12_000
    responses = served["components"]["responses"]
    assert "More than 3 requests in 30 seconds" in responses["Problem429_login"]["description"]
    assert "More than 100 requests in 60 seconds" in responses["Problem429"]["description"]
    assert "larger than 5000 bytes" in responses["Problem413"]["description"]
    assert "48 hours" in served["components"]["parameters"]["Idempotency-Key"]["description"]


def test_wrong_passwords_wait_as_long_as_the_document_says():
    told = {name: operation for name, operation in OPERATIONS.items() if "x-failure-limit" in operation}
    assert "POST /api/v1/auth/login" in told
    assert "PUT /api/v1/users/me/password" in told
    for operation in told.values():
        limit = operation["x-failure-limit"]
        assert f"After {limit['failures_at_address']} wrong passwords" in operation["description"]


@pytest.mark.django_db(databases=["accounts"])
def test_an_account_waits_after_so_many_wrong_passwords():
    limit, person = OPERATIONS["POST /api/v1/auth/login"]["x-failure-limit"], Api()
    wrong = {"email": "buyer@example.com", "password": "wrong"}
    answers = [person.post("/auth/login", wrong) for _ in range(limit["failures_at_address"] + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {401}
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too_many_failures")
    assert 0 < int(answers[-1]["Retry-After"]) <= limit["first_wait_seconds"]

"""What anybody can send, such as a strange Host, is answered with a 400 and counted, and floods no log."""

import logging
from importlib import import_module

import pytest
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.test import Client

from core.running import measures
from gateway.responses import malformed

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog"])
DJANGO = ("django.contrib.admin.exceptions", "django.contrib.sessions.exceptions", "django.core.exceptions")
FORM = "application/x-www-form-urlencoded"


def find_kinds(root):
    return {root}.union(*map(find_kinds, root.__subclasses__()))


for module in DJANGO:
    import_module(module)
KINDS = sorted(
    {*find_kinds(SuspiciousOperation), *find_kinds(BadRequest), MultiPartParserError, UnreadablePostError},
    key=lambda kind: kind.__name__,
)


@pytest.fixture(autouse=True)
def production(settings, monkeypatch):
    settings.DEBUG = False
    monkeypatch.setattr(malformed, "_told", {})


def count(kind):
    samples = (sample for family in measures.collect() for sample in family.samples)
    return sum(one.value for one in samples if one.name == "http_malformed_total" and one.labels["kind"] == kind)


def find_lines(caplog):
    """Return what the log shows, as (event, kind); of nothing is there more than a warning or a traceback."""
    assert not [record for record in caplog.records if record.exc_info or record.levelno > logging.WARNING]
    said = [record.msg for record in caplog.records if record.levelno == logging.WARNING]
    return [(one["event"], one["kind"]) if isinstance(one, dict) else one for one in said]


def break_at(monkeypatch, place, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(place, refuse)


def test_all_of_djangos_kinds_are_tried_here():
    assert {"DisallowedHost", "TooManyFieldsSent", "TooManyFilesSent", "InvalidSessionKey"} <= {
        kind.__name__ for kind in KINDS
    }
    assert len(KINDS) >= 15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("place", "method", "path"),
    [
        ("catalog.public.latest", "get", "/"),
        ("gateway.middleware._resolve", "get", "/api/v1/nowhere"),
        ("rest_framework.views.APIView.initial", "post", "/api/v1/categories"),
    ],
)
def test_each_kind_is_refused_counted_and_told_once(kind, place, method, path, monkeypatch, caplog, settings):
    settings.FAST_PATH_ON = False
    break_at(monkeypatch, place, kind("crafted"))
    before = count(kind.__name__)
    for _ in range(5):
        answer = getattr(Client(), method)(path)
        is_api = path.startswith("/api/")
        assert answer.status_code == (413 if is_api and kind is RequestDataTooBig else 400)
        assert answer["Content-Type"].partition(";")[0] == ("application/problem+json" if is_api else "text/html")
        assert "crafted" not in answer.content.decode()
    assert count(kind.__name__) - before == 5
    assert find_lines(caplog) == [("request_malformed", kind.__name__)]


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/api/v1/products", "application/problem+json")])
def test_a_strange_host_is_told_once_and_then_again_after_a_minute(path, kind, settings, caplog, monkeypatch):
    settings.ALLOWED_HOSTS = ["shop.example"]
    for _ in range(3):
        answer = Client().get(path, headers={"Host": "evil.example"})
        assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (400, kind)
    assert find_lines(caplog) == [("request_malformed", "DisallowedHost")]
    (line,) = [record.msg for record in caplog.records if record.levelno == logging.WARNING]
    assert "evil.example" in line["reason"]
    monkeypatch.setattr(malformed, "_told", {"DisallowedHost": malformed.time.monotonic() - 1})
    Client().get(path, headers={"Host": "evil.example"})
    assert find_lines(caplog) == [("request_malformed", "DisallowedHost")] * 2


def test_what_a_sender_chooses_is_told_in_part(settings, caplog):
    settings.ALLOWED_HOSTS = ["shop.example"]
    Client().get(f"/{'x' * 9_000}/", headers={"Host": f"{'y' * 9_000}.example"})
    (line,) = [record.msg for record in caplog.records if record.levelno == logging.WARNING]
    assert len(line["path"]) == len(line["reason"]) == malformed.SHOWN


def test_too_many_fields_of_a_form_are_no_error_of_the_api(caplog):
    """DRF's standard handler took it for one, and said so with a traceback before it was answered."""
    fields = "&".join(["a=1"] * 1_500)
    answer = Client().post("/api/v1/auth/token", fields, content_type=FORM)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert find_lines(caplog) == [("request_malformed", "TooManyFieldsSent")]


def test_a_form_without_a_token_leaves_one_line(caplog):
    Client(enforce_csrf_checks=True).post("/sign-in/", {"email": "a@example.com"})
    assert [record.msg["event"] for record in caplog.records if record.levelno >= logging.WARNING] == ["form_refused"]


def test_a_sender_who_hangs_up_while_a_page_reads_is_no_error(monkeypatch, caplog):
    break_at(monkeypatch, "django.core.handlers.wsgi.LimitedStream.read", OSError("hung up"))
    body = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na\r\n--x--\r\n'
    answer = Client().post("/sign-in/", body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert find_lines(caplog) == [("request_malformed", "UnreadablePostError")]

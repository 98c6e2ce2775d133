"""Hold webhooks to addresses of the open internet, checked at each attempt."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Response

from core.db import InsideTransaction, transaction
from notifications.providers import webhooks

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def post(url, **more):
    options = {"message_id": "m-1", "body": b"{}", "secrets": [SECRET], "sent_at": datetime.now(UTC)} | more
    return webhooks.send(url=url, **options)


@pytest.fixture
def names(monkeypatch):
    """A name server that answers with the next list of addresses, and repeats the last."""
    answers: list[list[str]] = []
    asked: list[str] = []

    def look_up(host, port, **_):
        asked.append(host)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(10 if ":" in text else 2, 1, 6, "", (text, port)) for text in found]

    monkeypatch.setattr("core.outside.open_internet.getaddrinfo", look_up)
    return answers, asked


@pytest.fixture
def dialled(monkeypatch):
    """Addresses that would be called; nothing is."""
    called: list[str] = []

    def refuse(self, host, *_):
        called.append(host)
        raise webhooks.httpcore2.ConnectError("nobody there")

    monkeypatch.setattr("httpcore2.SyncBackend.connect_tcp", refuse)
    return called


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://example.com/", "https://", "https://user:pw@example.com/", "https://example.com/#here",
        "https://example.com/" + "x" * 2048, "https://127.0.0.1/", "https://[::1]:8443/", "https://169.254.169.254/",
        "http://example.com/", "https://exa mple.com/", "https://example.com:99999/", "//example.com",
    ],
)  # fmt: skip
def test_a_bad_url_is_refused(settings, url):
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = False, True
    with pytest.raises(webhooks.UrlRefused):
        webhooks.check_url(url)


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com:8443/a?b=c", "https://пример.рф/x"])
def test_a_good_url_is_taken(settings, url):
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = False, True
    assert webhooks.check_url(url).scheme == "https"


def test_a_name_that_leads_inside_is_not_called(settings, names, dialled):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    answers, _ = names
    for addresses in (["10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["93.184.216.34", "10.0.0.1"]):
        answers[:] = [addresses]
        answer = post("https://hooks.example/")
        assert (answer.status_code, answer.is_success) == (None, False)
        assert "private" in answer.error
    assert dialled == []


def test_numbers_in_disguise_are_resolved_and_refused(settings, dialled):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    for host in ("2130706433", "127.1", "0x7f.0.0.1", "localhost"):
        assert not post(f"https://{host}/").is_success
    assert dialled == []


def test_the_address_that_was_checked_is_the_one_called(settings, names, dialled):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    answers, asked = names
    answers[:] = [["93.184.216.34"], ["127.0.0.1"]]
    assert "ConnectError" in post("https://hooks.example/").error
    assert (asked, dialled) == (["hooks.example"], ["93.184.216.34"])
    assert "private" in post("https://hooks.example/").error
    assert (asked, dialled) == (["hooks.example"] * 2, ["93.184.216.34"])


def test_the_next_address_is_tried_when_one_is_dead(names, dialled):
    answers, _ = names
    answers[:] = [["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]]
    assert not post("https://hooks.example/").is_success
    assert dialled == ["1.1.1.1", "1.1.1.2", "1.1.1.3"]


def test_an_unknown_name_is_a_failure(monkeypatch):
    def look_up(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("core.outside.open_internet.getaddrinfo", look_up)
    assert "cannot be found" in post("https://hooks.example/").error


def test_the_host_header_keeps_the_name(names, httpserver):
    answers, _ = names
    answers[:] = [["127.0.0.1"]]
    httpserver.expect_request("/a", query_string="b=c", method="POST").respond_with_data("thanks")
    answer = post(f"http://hooks.example:{httpserver.port}/a?b=c")
    assert (answer.status_code, answer.excerpt, answer.error) == (200, "thanks", "")
    assert httpserver.log[0][0].headers["Host"] == f"hooks.example:{httpserver.port}"


def certificate(folder, name):
    """A self-signed certificate for a name, as (certificate file, key file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.mark.parametrize(("name", "is_trusted"), [("hooks.example", True), ("other.example", False)])
def test_tls_verifies_the_name_not_the_address(monkeypatch, tmp_path, names, name, is_trusted):
    cert, key = certificate(tmp_path, "hooks.example")
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(cert, key)
    asked_for = []
    ours.sni_callback = lambda _, server_name, __: asked_for.append(server_name)
    monkeypatch.setattr("core.outside.open_internet.tls_context", lambda: ssl.create_default_context(cafile=str(cert)))
    with HTTPServer(ssl_context=ours) as server:
        names[0][:] = [["127.0.0.1"]]
        server.expect_request("/").respond_with_data("")
        answer = post(f"https://{name}:{server.port}/")
    assert answer.is_success == is_trusted, answer.error
    assert asked_for == [name]


def test_a_dripping_answer_ends_with_the_deadline(monkeypatch, httpserver):
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 0.5)
    over = threading.Event()
    httpserver.expect_request("/").respond_with_handler(lambda _: over.wait(60) and Response("late"))
    answer = post(httpserver.url_for("/"))
    over.set()
    assert (answer.status_code, "Timeout" in answer.error) == (None, True)
    assert 400 <= answer.duration_ms < 30_000


def test_of_a_long_answer_only_the_beginning_is_kept(httpserver):
    httpserver.expect_request("/").respond_with_data(b"\0" + b"\xff" + b"x" * 1_000_000, status=500)
    answer = post(httpserver.url_for("/"))
    assert (answer.status_code, len(answer.excerpt) <= 2048, "\0" in answer.excerpt) == (500, True, False)


@pytest.mark.django_db(databases=["notifications"])
def test_nothing_is_sent_inside_a_transaction():
    with pytest.raises(InsideTransaction), transaction("notifications"):
        post("https://example.com/")

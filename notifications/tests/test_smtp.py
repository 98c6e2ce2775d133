"""Mail leaves by a real server: with and without TLS, signed in or refused, there or away."""

import os
import ssl
import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from smtplib import SMTPException

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as project
from django.utils import timezone

from config.declared.business import SMTP as SMTP_BACKEND
from core.ids import uuid7
from core.outside.letters import Letter, Piece
from notifications.providers import mail
from notifications.providers.port import Refused
from tests import ports

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it begins with it
HOST = "127.0.0.1"
USER, PASSWORD = "autosalon", "mail-password"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for this address, in one file, which is its own authority."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = timezone.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(key.private_bytes(pem, shape, serialization.NoEncryption()) + made.public_bytes(pem))
    return path


class Box:
    """Keeps what it is given; refuses the recipients it is told to."""

    def __init__(self):
        self.kept, self.signed_in, self.answer = [], [], "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server, session, envelope):
        told = message_from_bytes(envelope.content, policy=policy.default)
        self.kept.append(
            (envelope.mail_from, envelope.rcpt_tos, bool(server.transport.get_extra_info("ssl_object")), told)
        )
        return "250 kept"

    def check(self, server, session, envelope, mechanism, login):
        is_right = (login.login, login.password) == (USER.encode(), PASSWORD.encode())
        self.signed_in.append(is_right)
        return AuthResult(success=is_right)


class Server(Controller):
    """aiosmtpd on a port of its own; TLS is asked for by STARTTLS, or begun with."""

    def __init__(self, box, security, certificate):
        self.security, self.box = security, box
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(certificate)
        super().__init__(box, hostname=HOST, port=0, ssl_context=self.tls if security == "tls" else None)

    def factory(self):
        needs_login = self.security != "none"
        context = self.tls if self.security == "starttls" else None
        return SMTP(
            self.handler, tls_context=context, require_starttls=bool(context), authenticator=self.box.check,
            auth_required=needs_login, auth_require_tls=self.security == "starttls",
        )  # fmt: skip

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def serve(certificate, settings, monkeypatch):
    """Start a server and point the settings at it; return its box and its port."""
    running = []

    def start(security="none", *, is_known=True, **changed):
        box = Box()
        server = Server(box, security, certificate)
        server.start()
        running.append(server)
        if is_known:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP_BACKEND, HOST, server.port
        settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = security == "starttls", security == "tls"
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = (USER, PASSWORD) if security != "none" else ("", "")
        settings.EMAIL_TIMEOUT = 2
        for name, value in changed.items():
            setattr(settings, name, value)
        return box, server.port

    yield start
    for server in running:
        server.stop()


def send(to="anna@example.com"):
    letter = Letter(subject="Your order", pieces=(Piece(title="Your order", text="It is ready."),), language="en")
    mail.send(message_id=uuid7(), to=to, letter=letter)


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_message_arrives(serve, security):
    box, _ = serve(security)
    send()
    ((sender, recipients, is_private, told),) = box.kept
    assert (recipients, told["Subject"]) == (["anna@example.com"], "Your order")
    assert sender == "autosalon@localhost"
    assert is_private is (security != "none")
    assert box.signed_in == ([] if security == "none" else [True])


def test_the_settings_name_the_server(serve, certificate):
    """As an operator tries it: `manage.py sendtestemail`, with the environment alone."""
    box, port = serve("starttls")
    secret = certificate.parent / "password"
    secret.write_text(PASSWORD + "\n")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "AUTOSALON_EMAIL_BACKEND": SMTP_BACKEND,
        "AUTOSALON_EMAIL_HOST": HOST,
        "AUTOSALON_EMAIL_PORT": str(port),
        "AUTOSALON_EMAIL_SECURITY": "starttls",
        "AUTOSALON_EMAIL_USER": USER,
        "AUTOSALON_EMAIL_PASSWORD_FILE": str(secret),
        "AUTOSALON_FROM_EMAIL": "Autosalon <shop@autosalon.example>",
        "SSL_CERT_FILE": str(certificate),
    }
    command = [sys.executable, "manage.py", "sendtestemail", "anna@example.com"]
    done = subprocess.run(
        command, cwd=project.BASE_DIR, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    ((sender, recipients, is_private, told),) = box.kept
    assert (sender, recipients, is_private) == ("shop@autosalon.example", ["anna@example.com"], True)
    assert told["From"] == "Autosalon <shop@autosalon.example>"


def test_a_server_that_refuses_us_costs_no_message(serve):
    """A wrong password, no STARTTLS, a stranger's certificate, nobody there: each is tried again, never given up."""
    box, _ = serve("starttls", EMAIL_HOST_PASSWORD="wrong")
    with pytest.raises(SMTPException):
        send()
    assert box.signed_in[0] is False
    serve("none", EMAIL_USE_TLS=True)
    with pytest.raises(SMTPException, match="STARTTLS"):
        send()
    serve("none", EMAIL_PORT=ports.hold_port())
    with pytest.raises(ConnectionRefusedError):
        send()
    assert box.kept == []


def test_a_certificate_that_nobody_vouches_for_is_not_believed(serve):
    box, _ = serve("tls", is_known=False)
    with pytest.raises(ssl.SSLError):
        send()
    assert box.kept == []


def test_only_the_servers_word_on_the_recipient_is_final(serve):
    box, _ = serve()
    box.answer = "550 no such mailbox"
    with pytest.raises(Refused, match="no such mailbox"):
        send()
    box.answer = "450 come again"
    with pytest.raises(SMTPException):
        send()

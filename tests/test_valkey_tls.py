"""Speak to Valkey by TLS with every library that does, and to nobody who cannot prove to be it."""

import os
import socket
import ssl
import threading
from datetime import timedelta
from ipaddress import ip_address

import pytest
import redis
from channels_redis.pubsub import RedisPubSubChannelLayer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.core.cache.backends.redis import RedisCache
from django.utils import timezone
from kombu import Connection

from config.declared import kinds
from config.servers.redis import RedisAddresses


def issue(folder):
    """Write a key and a certificate of 127.0.0.1 that signs itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), timezone.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "valkey")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (folder / "ca.pem").write_bytes(made.public_bytes(pem))
    return folder / "ca.pem", folder / "key.pem"


class Tunnel:
    """A port that speaks TLS and leads to this run's Valkey, which is not built to speak it itself."""

    def __init__(self, certificate, key):
        self.target = str(settings.REDIS.url(0)).removeprefix("unix://").partition("?")[0]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        far = socket.socket(socket.AF_UNIX)
        try:
            private = self.context.wrap_socket(near, server_side=True)
            far.connect(self.target)
        except OSError:
            near.close()
            return
        back = threading.Thread(target=_carry, args=(far, private), daemon=True)
        back.start()
        _carry(private, far)

    def close(self):
        self.server.close()


def _carry(source, target):
    try:
        while part := source.recv(65_536):
            target.sendall(part)
    except OSError:
        pass
    for end in (source, target):
        end.close()


@pytest.fixture
def tunnel(tmp_path):
    certificate, key = issue(tmp_path)
    tunnel = Tunnel(certificate, key)
    yield tunnel
    tunnel.close()


@pytest.fixture
def addresses(tunnel, tmp_path):
    return RedisAddresses(f"rediss://127.0.0.1:{tunnel.port}?ssl_ca_certs={tmp_path}/ca.pem", tmp_path)


def test_the_guards_and_the_cache_speak_tls(addresses):
    assert redis.Redis.from_url(addresses.url(3)).ping()
    cache = RedisCache(addresses.url(1), {"KEY_PREFIX": f"{settings.REDIS_PREFIX}:tls"})
    cache.set("answer", 42)
    assert cache.get("answer") == 42


def test_the_broker_speaks_tls(addresses):
    options = {"global_keyprefix": f"{settings.REDIS_PREFIX}:tls:"}
    with Connection(addresses.celery_url(0), transport_options=options) as connection:
        queue = connection.SimpleQueue("tls")
        queue.put({"answer": 42})
        message = queue.get(timeout=10)
        message.ack()
        assert message.payload == {"answer": 42}
        queue.close()


@pytest.mark.asyncio
async def test_the_live_feed_speaks_tls(addresses):
    layer = RedisPubSubChannelLayer(hosts=[addresses.url(2)], prefix=f"{settings.REDIS_PREFIX}:tls")
    channel = await layer.new_channel()
    await layer.group_add("cars", channel)
    await layer.group_send("cars", {"type": "told"})
    assert await layer.receive(channel) == {"type": "told"}
    await layer.flush()


def test_a_server_that_cannot_prove_itself_is_told_nothing(tunnel, tmp_path):
    """Its certificate is signed by nobody whom this machine trusts; nor does anybody speak plainly instead."""
    strange = RedisAddresses(f"rediss://:secret@127.0.0.1:{tunnel.port}", tmp_path)
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        redis.Redis.from_url(strange.url(3)).ping()
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"), Connection(strange.celery_url(0)) as connection:
        connection.connect()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("redis://x:1?ssl_cert_reqs=none", "ssl_cert_reqs is no option: rediss:// takes"),
        ("rediss://x:1?db=4", "db is no option: rediss:// takes"),
        ("rediss://x:1?ssl_cert_reqs=optional", "ssl_cert_reqs is required or none"),
        ("rediss://x:1?ssl_ca_certs=/nowhere/ca.pem", "there is no file /nowhere/ca.pem"),
    ],
)
def test_an_address_that_says_what_nobody_would_hear_is_refused(value, reason):
    with pytest.raises(kinds.Reason, match=reason):
        kinds.REDIS.read(value)


def test_an_address_with_files_that_are_there_is_taken():
    assert kinds.REDIS.read(f"rediss://x:1?ssl_ca_certs={os.path.abspath(__file__)}&ssl_cert_reqs=required")

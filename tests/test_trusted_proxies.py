"""One list of trust: no server believes a forwarded address that the settings do not."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from config.management.commands import up
from tests.live import Web

ROOT = Path(settings.BASE_DIR)
SERVES = re.compile(r"uvicorn\.(?:run|Config)\(")
LIMITED = {"AUTOSALON_RATE_LIMITS": "on", "AUTOSALON_RATE_LIMIT_LOGIN": "2/m"}


def sign_ins(web, *forwarded):
    """Statuses of sign-ins that carry these X-Forwarded-For."""
    wrong = {"email": "nobody@example.com", "password": "wrong"}
    return [web.http.post("/auth/login", json=wrong, headers={"X-Forwarded-For": one}).status_code for one in forwarded]


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_a_caller_from_loopback_is_not_whom_it_says():
    with Web(LIMITED | {"AUTOSALON_REDIS_PREFIX": "alone"}) as web:
        assert sign_ins(web, "198.51.100.1", "198.51.100.2", "198.51.100.3") == [401, 401, 429]


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_behind_a_trusted_network_each_visitor_has_limits_of_their_own():
    with Web(LIMITED | {"AUTOSALON_REDIS_PREFIX": "behind", "AUTOSALON_TRUSTED_PROXIES": "127.0.0.0/8,::1"}) as web:
        assert sign_ins(web, "198.51.100.11", "198.51.100.12", "198.51.100.13") == [401, 401, 401]
        forged = ("1.1.1.1, 198.51.100.14", "2.2.2.2, 198.51.100.14", "3.3.3.3, 198.51.100.14")
        assert sign_ins(web, *forged) == [401, 401, 429]


def test_every_uvicorn_leaves_forwarded_addresses_to_us():
    assert "--no-proxy-headers" in up._web().command
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    commands = [service.get("command", []) for service in services.values()]
    ours = [command for command in commands if "uvicorn" in command]
    assert ours
    assert all("--no-proxy-headers" in command for command in ours)


def test_every_uvicorn_in_the_code_does_too():
    sources = [path for path in ROOT.rglob("*.py") if not {".venv", ".data", "tests"} & set(path.parts)]
    serving = [text for text in map(Path.read_text, sources) if SERVES.search(text)]
    assert serving
    for text in serving:
        assert len(SERVES.findall(text)) == text.count("proxy_headers=False"), text

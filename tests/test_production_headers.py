"""Read what browsers are told in production: a web process with an operator's settings, behind a TLS proxy."""

import re

import httpx2
import pytest
from django.conf import settings
from django.utils import timezone

from accounts.services import create_user
from core.ids import uuid7
from tests.live import Web

pytestmark = pytest.mark.django_db(
    databases=[alias for alias in settings.DATABASES if alias != "default"], transaction=True
)
HOST = "autosalon.example"
PASSWORD = "correct-horse-battery"
HSTS = "max-age=31536000; includeSubDomains; preload"


@pytest.fixture
def shop(tmp_path):
    """The pages and the API as a visitor of https://autosalon.example meets them."""
    key = tmp_path / "jwt.pem"
    key.write_text(settings.JWT_PRIVATE_KEY)
    env = {
        "AUTOSALON_DEBUG": "off",
        "AUTOSALON_DATA_DIR": str(tmp_path),
        "AUTOSALON_SECRET_KEY": "a-secret-of-this-test-only-" + "x" * 40,
        "AUTOSALON_JWT_PRIVATE_KEY_FILE": str(key),
        "AUTOSALON_SANDBOX_WEBHOOK_SECRET": "whsec_Y2hlY2stZGVwbG95LW9ubHk=",
        "AUTOSALON_ALLOWED_HOSTS": HOST,
        "AUTOSALON_EMAIL_HOST": "localhost",
        "AUTOSALON_PUBLIC_URL": f"https://{HOST}",
        "AUTOSALON_REDIS_URL": settings.REDIS.url(0).partition("?")[0],
        "AUTOSALON_BEHIND_TLS_PROXY": "on",
        "AUTOSALON_RATE_LIMITS": "on",
        "AUTOSALON_STATIC_MANIFEST": "off",
        "AUTOSALON_ACCESS_LOG": "off",
    }
    with Web(env) as web:
        headers = {"Host": HOST, "X-Forwarded-Proto": "https", "Accept-Language": "en"}
        with httpx2.Client(base_url=f"http://127.0.0.1:{web.port}", headers=headers, timeout=30) as http:
            yield http


def cookies(response):
    """Set-Cookie lines by the cookie's name."""
    return {line.partition("=")[0]: line for line in response.headers.get_list("set-cookie")}


def token(page):
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1)


def send(http, path, action="", **fields):
    """Send a form as the browser would that opened its page."""
    page = http.get(path)
    jar = dict(cookie.split(";")[0].split("=", 1) for cookie in cookies(page).values())
    sent = {"csrfmiddlewaretoken": token(page)} | fields
    kept = "; ".join(f"{name}={value}" for name, value in jar.items())
    return http.post(action or path, data=sent, headers={"Cookie": kept, "Referer": f"https://{HOST}{path}"})


def test_every_answer_of_production_is_hardened(shop):
    """One process for all of it: starting one costs more than everything it is asked here."""
    _look_at_pages_and_cookies(shop)
    _look_at_the_api(shop)
    _come_by_plain_http_and_by_strange_names(shop)


def _look_at_pages_and_cookies(shop):
    create_user(email="hardened@example.com", password=PASSWORD, now=timezone.now())
    for path, status in {"/": 200, "/sign-in/": 200, "/nowhere/": 404, "/admin/login/": 200}.items():
        page = shop.get(path)
        assert page.status_code == status, path
        assert page.headers["strict-transport-security"] == HSTS
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cross-origin-opener-policy"] == "same-origin"
        policy = page.headers["content-security-policy"]
        for rule in ("default-src 'self'", "object-src 'none'", "base-uri 'self'", "frame-ancestors 'none'"):
            assert rule in policy
        assert ("unsafe" in policy) == path.startswith("/admin/"), path
    assert "Traceback" not in shop.get("/nowhere/").text
    signed_in = send(shop, "/sign-in/", email="hardened@example.com", password=PASSWORD)
    assert signed_in.status_code == 302
    given = cookies(signed_in) | cookies(send(shop, "/", "/language/", language="ru"))
    assert {"autosalon_session", "autosalon_csrf", "django_language"} <= set(given)
    for line in given.values():
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(line.split("; ")), line


def _look_at_the_api(shop):
    for path, status in {"/api/v1/products": 200, "/api/v1/orders": 401, f"/api/v1/products/{uuid7()}": 404}.items():
        answer = shop.get(path)
        assert answer.status_code == status, path
        assert answer.headers["strict-transport-security"] == HSTS
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
        assert not cookies(answer)
    assert shop.get("/api/v1/orders").headers["cache-control"] == "no-store"


def _come_by_plain_http_and_by_strange_names(shop):
    plain = shop.get("/cart/", headers={"X-Forwarded-Proto": "http"})
    assert (plain.status_code, plain.headers["location"]) == (301, f"https://{HOST}/cart/")
    assert "strict-transport-security" not in plain.headers
    assert shop.get("/health", headers={"X-Forwarded-Proto": "http"}).status_code == 200
    assert (
        "strict-transport-security" not in shop.get("/api/v1/products", headers={"X-Forwarded-Proto": "http"}).headers
    )
    stranger = shop.get("/", headers={"Host": "evil.example"})
    assert stranger.status_code == 400
    assert "evil.example" not in stranger.text
    forged = shop.post("/sign-in/", data={"email": "a@example.com", "password": "x"})
    assert forged.status_code == 403
    assert "This form has expired" in forged.text

"""The button on the sign-in page, against a real OpenID provider run on a thread of the test."""

from urllib.parse import urlsplit

import httpx2
import pyotp
import pytest
from django.utils import timezone
from oidc_provider_mock import User as Claims
from oidc_provider_mock import run_server_in_thread

from accounts import services
from accounts.models import Session, User
from messaging.testing import capture_events
from storefront.tests.make import Visitor
from storefront.tests.test_sign_in import is_signed_in

pytestmark = [
    pytest.mark.django_db(databases=["accounts", "catalog"]),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
START, BACK = "/sign-in/provider/", "/sign-in/provider/callback/"


@pytest.fixture(scope="module")
def issuer():
    claims = {"email": "anna@example.com", "email_verified": True, "name": "Anna"}
    with run_server_in_thread(user_claims=[Claims(sub="anna", claims=claims)]) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def configured(settings, issuer):
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = issuer, "autosalon-test", "secret"


def way_back(visitor, start=START):
    """Leave, agree at the provider, and return where it sends the browser."""
    answer = visitor.get(start)
    assert answer.status_code == 302
    agreed = httpx2.post(answer["Location"], data={"sub": "anna"}, trust_env=False)
    back = urlsplit(agreed.headers["location"])
    assert back.path == BACK
    return f"{back.path}?{back.query}"


def test_the_button_is_there_only_when_a_provider_is_configured(settings):
    settings.OIDC_CLIENT_ID = ""
    assert START not in Visitor().get("/sign-in/").content.decode()
    assert Visitor().get(START).status_code == 404
    settings.OIDC_CLIENT_ID = "autosalon-test"
    page = Visitor().get("/sign-in/?next=/orders/").content.decode()
    assert f"{START}?next=/orders/" in page
    assert "Google" in page


def test_coming_back_opens_the_pages_session_and_leads_on(configured):
    visitor = Visitor()
    with capture_events("accounts") as told:
        answer = visitor.get(way_back(visitor, f"{START}?next=/orders/"))
    assert (answer.status_code, answer["Location"]) == (302, "/orders/")
    assert is_signed_in(visitor)
    person = User.objects.get()
    assert Session.objects.live(person.id, timezone.now()).count() == 1
    assert told == ["user.registered", "user.logged_in"]
    assert visitor.client.cookies["autosalon_page_oidc"].value == ""


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/"])
def test_it_never_leads_to_another_site(configured, next_page):
    visitor = Visitor()
    assert visitor.get(way_back(visitor, f"{START}?next={next_page}"))["Location"] == "/"


def test_a_forged_or_repeated_return_signs_nobody_in(configured):
    visitor = Visitor()
    back = way_back(visitor)
    stranger = Visitor()
    for path in (back, f"{BACK}?code=x&state=y", f"{BACK}?error=access_denied"):
        answer = stranger.get(path)
        assert (answer.status_code, answer["Location"]) == (302, "/sign-in/")
        assert not is_signed_in(stranger)
    assert not User.objects.exists()


def test_a_second_factor_is_still_asked_for(configured):
    visitor = Visitor()
    visitor.get(way_back(visitor))
    person, now = User.objects.get(), timezone.now()
    secret = services.enroll_mfa(user_id=person.id, now=now).secret
    codes = services.confirm_mfa(user_id=person.id, otp=pyotp.TOTP(secret).at(now), address="", now=now)
    again = Visitor()
    asked = again.get(way_back(again))
    assert asked.status_code == 200
    assert not is_signed_in(again)
    token = asked.context["form"].initial["mfa_token"]
    assert again.post("/sign-in/code/", mfa_token=token, otp=codes[0]).status_code == 302
    assert is_signed_in(again)

"""Against a real OpenID provider, run on a thread of the test."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connections
from django.test import Client
from django.utils import timezone
from oidc_provider_mock import User as Claims
from oidc_provider_mock import run_server_in_thread

from accounts import queries, services
from accounts.errors import IdentityProviderUnavailable, IdentityRefused
from accounts.models import Activity, Identity, Session, User
from accounts.providers import oidc
from accounts.tests import make
from core.db import InsideTransaction, transaction
from core.secrecy.sealing import seal
from gateway.principal import read_token
from messaging.testing import capture_events
from tests.ports import nowhere

pytestmark = [pytest.mark.django_db(databases=make.ERASING), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
LOGIN, CALLBACK = "/api/v1/auth/google/login", "/api/v1/auth/google/callback"
ANNA = {"email": "Anna@Example.com", "email_verified": True, "name": "Анна Ким"}


@pytest.fixture(scope="module")
def issuer():
    people = [
        Claims(sub="anna", claims=ANNA),
        Claims(sub="unsure", claims={"email": "anna@example.com", "email_verified": False}),
        Claims(sub="nameless", claims={}),
    ]
    with run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(autouse=True)
def configured(settings, issuer):
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = issuer, "autosalon-test", "secret"


def leave(browser: Client) -> str:
    answer = browser.get(LOGIN)
    assert answer.status_code == 302
    return answer["Location"]


def consent(address: str, sub: str) -> str:
    """Agree at the provider as its own page would; return where it sends the browser."""
    answer = httpx2.post(address, data={"sub": sub}, trust_env=False)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    assert back.path == CALLBACK
    return f"{back.path}?{back.query}"


def sign_in(sub: str = "anna", browser: Client | None = None):
    browser = browser or Client()
    return browser.get(consent(leave(browser), sub))


# The way there ------------------------------------------------------------------------------------------------------
def test_the_browser_is_sent_with_state_nonce_and_a_challenge(issuer, settings):
    browser = Client()
    address = urlsplit(leave(browser))
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}" == issuer
    assert query["response_type"] == "code"
    assert query["redirect_uri"] == f"{settings.PUBLIC_URL}{CALLBACK}"
    assert query["code_challenge_method"] == "S256"
    assert all(len(query[name]) >= 43 for name in ("state", "nonce", "code_challenge"))
    cookie = browser.cookies["autosalon_oidc"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", CALLBACK)
    assert query["state"] not in cookie.value  # sealed


def test_without_a_client_it_still_leads_to_google(settings):
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = oidc.GOOGLE, ""
    query = parse_qs(urlsplit(leave(Client())).query)
    assert {"state", "nonce", "code_challenge"} <= query.keys()


def test_each_departure_is_its_own():
    assert parse_qs(urlsplit(leave(Client())).query)["state"] != parse_qs(urlsplit(leave(Client())).query)["state"]


# And back -----------------------------------------------------------------------------------------------------------
def test_somebody_new_gets_an_account_with_a_verified_email():
    with capture_events("accounts") as events:
        answer = sign_in()
    assert answer.status_code == 200
    person = User.objects.get()
    assert read_token(answer.json()["access_token"]).id == person.id
    assert (person.email, person.full_name, person.roles) == ("anna@example.com", "Анна Ким", ["client"])
    assert person.email_verified_at is not None
    assert not person.has_usable_password()
    assert events == ["user.registered", "user.logged_in"]
    assert Activity.objects.filter(user=person, kind="identity_linked").count() == 1


@pytest.mark.parametrize(("asked", "status", "life"), [("1800", 200, 1800), ("soon", 400, None)])
def test_the_way_back_may_say_how_long_the_tokens_live(asked, status, life):
    browser = Client()
    answer = browser.get(f"{consent(leave(browser), 'anna')}&access_token_seconds={asked}")
    assert (answer.status_code, answer.json().get("expires_in")) == (status, life)


def test_they_are_known_by_sub_ever_after():
    sign_in()
    person = User.objects.get()
    services.update_user(user_id=person.id, changes={"email": "other@example.com"}, now=timezone.now())
    assert sign_in().status_code == 200
    assert (User.objects.count(), Identity.objects.count(), Session.objects.count()) == (1, 1, 2)


def test_a_verified_account_is_linked_by_its_verified_email():
    person = make.user(email="anna@example.com")
    services.verify_email(token=queries.verification_token(person), now=timezone.now())
    assert sign_in().status_code == 200
    assert Identity.objects.get().user_id == person.id
    (shown,) = make.api(person).get(f"/users/{person.id}/integrations").json()["identities"]
    assert (shown["subject"], shown["email"]) == ("anna", "anna@example.com")


def test_an_account_somebody_registered_in_her_name_is_not_handed_over():
    """A thief registers the victim's address first and waits for her to sign in with the provider."""
    make.user(email="anna@example.com")
    answer = sign_in()
    assert (answer.status_code, answer.json()["code"]) == (409, "identity_not_linked")
    assert not Identity.objects.exists()
    assert not Session.objects.exists()


def test_an_email_the_provider_did_not_verify_links_nothing():
    person = make.user(email="anna@example.com")
    services.verify_email(token=queries.verification_token(person), now=timezone.now())
    assert sign_in("unsure").status_code == 409
    assert not Identity.objects.exists()


def test_an_unverified_email_makes_an_unverified_account():
    assert sign_in("unsure").status_code == 200
    assert User.objects.get().email_verified_at is None


def test_without_an_email_there_is_no_account():
    answer = sign_in("nameless")
    assert (answer.status_code, answer.json()["code"]) == (400, "identity_without_email")
    assert not User.objects.exists()


def test_a_closed_account_stays_closed():
    sign_in()
    services.close_account(user_id=User.objects.get().id, now=timezone.now())
    assert sign_in().status_code == 401


def test_the_second_factor_is_asked_for_here_too():
    import pyotp

    sign_in()
    person = User.objects.get()
    totp = pyotp.TOTP(services.enroll_mfa(user_id=person.id, now=timezone.now()).secret)
    earlier = timezone.now() - timedelta(minutes=5)
    services.confirm_mfa(user_id=person.id, otp=totp.at(earlier), address="", now=earlier)
    answer = sign_in()
    assert (answer.status_code, answer.json()["code"]) == (401, "mfa_required")
    body = {"mfa_token": answer.json()["mfa_token"], "otp": totp.now()}
    assert make.Api().post("/auth/login", body).status_code == 200


def test_erasing_a_person_forgets_the_identity():
    sign_in()
    services.erase_user(user_id=User.objects.get().id, now=timezone.now())
    assert not Identity.objects.exists()


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_two_callbacks_at_once_make_one_account():
    claims = oidc.Claims("https://issuer", "double", "double@example.com", True, "")

    def come() -> object:
        try:
            return services.identities._person_behind(claims, "", timezone.now()).id
        finally:
            connections["accounts"].close()

    with ThreadPoolExecutor(2) as pool:
        first, second = [task.result() for task in [pool.submit(come), pool.submit(come)]]
    assert first == second
    assert Identity.objects.count() == User.objects.count() == 1


# Refusals -----------------------------------------------------------------------------------------------------------
def refused(answer, status, code):
    assert answer.status_code == status, answer.content
    assert code in (answer.json()["code"], *(error["code"] for error in answer.json()["errors"]))
    assert not User.objects.exists()
    assert not Session.objects.exists()


def test_another_browser_cannot_finish_what_this_one_began():
    back = consent(leave(Client()), "anna")
    refused(Client().get(back), 400, "invalid_state")


def test_a_state_of_another_departure_is_refused():
    browser = Client()
    back = consent(leave(browser), "anna")
    leave(browser)
    refused(browser.get(back), 400, "invalid_state")


def test_a_departure_ends_after_ten_minutes(time_machine):
    browser = Client()
    back = consent(leave(browser), "anna")
    time_machine.move_to(time.time() + 601)
    refused(browser.get(back), 400, "invalid_state")


def test_a_code_works_once():
    browser = Client()
    cookie_jar = consent(leave(browser), "anna")
    ticket = browser.cookies["autosalon_oidc"].value
    assert browser.get(cookie_jar).status_code == 200
    browser.cookies["autosalon_oidc"] = ticket
    answer = browser.get(cookie_jar)
    assert (answer.status_code, answer.json()["code"]) == (401, "identity_refused")
    assert Session.objects.count() == 1


def test_a_refusal_at_the_provider_is_told():
    browser = Client()
    state = parse_qs(urlsplit(leave(browser)).query)["state"][0]
    refused(browser.get(f"{CALLBACK}?error=access_denied&state={state}"), 401, "identity_refused")


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=я"])
def test_nonsense_is_refused(query):
    refused(Client().get(CALLBACK + query), 400, "invalid_state")


def test_a_forged_cookie_is_refused():
    browser = Client()
    browser.cookies["autosalon_oidc"] = "gAAAAA" + "x" * 60
    refused(browser.get(f"{CALLBACK}?code=x&state=x"), 400, "invalid_state")
    browser.cookies["autosalon_oidc"] = seal(b"[]").decode()
    refused(browser.get(f"{CALLBACK}?code=x&state=x"), 400, "invalid_state")


def test_a_provider_that_is_away_is_a_503(settings):
    settings.OIDC_ISSUER = nowhere()
    answer = Client().get(LOGIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"]


def test_nobody_is_asked_inside_a_transaction():
    with transaction("accounts"), pytest.raises(InsideTransaction):
        oidc.redeem(code="x", redirect_uri="x", verifier="x", nonce="x")


# The id token itself ------------------------------------------------------------------------------------------------
KEYS = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in "12"]


class Issuer:
    """An issuer whose keys and tokens a test makes itself."""

    def __init__(self, server) -> None:
        self.key, self.another = KEYS
        self.provider = oidc.Provider("https://issuer", "https://issuer/a", "https://issuer/t", server.url_for("/keys"))
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True) | {"kid": "one", "use": "sig"}
        server.expect_request("/keys").respond_with_json({"keys": [jwk]})

    def token(self, key=None, kid="one", algorithm="RS256", **changes) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://issuer", "aud": "autosalon-test", "sub": "anna", "iat": now, "exp": now + 300,
            "nonce": "n", "email": "anna@example.com",
        } | changes  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        key = {None: self.key, "another": self.another}.get(key, key)
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
def signed(httpserver):
    return Issuer(httpserver)


def test_a_good_id_token_is_believed(signed):
    claims = oidc._verify(signed.provider, signed.token(), "n")
    assert (claims.subject, claims.email, claims.email_verified) == ("anna", "anna@example.com", False)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another"},
        {"aud": "another-client"},
        {"aud": ["autosalon-test", "another"], "azp": "another"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"nonce": "another"},
        {"nonce": None},
        {"iat": 9_999_999_999},
        {"kid": "unknown"},
        {"key": "another"},
        {"key": "x" * 64, "algorithm": "HS256"},
        {"key": "", "algorithm": "none"},
    ],
    ids=str,
)
def test_a_bad_id_token_is_refused(signed, changes):
    with pytest.raises(IdentityRefused):
        oidc._verify(signed.provider, signed.token(**changes), "n")


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_what_is_no_token_is_refused(signed, token):
    with pytest.raises(IdentityRefused):
        oidc._verify(signed.provider, token, "n")


def test_an_issuer_that_calls_itself_otherwise_is_not_used(httpserver):
    httpserver.expect_request("/.well-known/openid-configuration").respond_with_json({"issuer": "https://evil"})
    with pytest.raises(IdentityProviderUnavailable):
        oidc._discover(httpserver.url_for("").rstrip("/"))


def test_the_code_is_sent_with_its_verifier(httpserver, settings):
    from werkzeug import Response

    seen = {}

    def token(request):
        seen.update(request.form)
        return Response('{"error": "invalid_grant"}', status=400, content_type="application/json")

    base = httpserver.url_for("").rstrip("/")
    httpserver.expect_request("/.well-known/openid-configuration").respond_with_json(
        {"issuer": base, "authorization_endpoint": base, "token_endpoint": f"{base}/token", "jwks_uri": base}
    )
    httpserver.expect_request("/token").respond_with_handler(token)
    settings.OIDC_ISSUER = base
    with pytest.raises(IdentityRefused):
        oidc.redeem(code="the-code", redirect_uri="https://back", verifier="the-verifier", nonce="n")
    assert {name: seen[name] for name in ("code", "code_verifier", "client_id", "redirect_uri")} == {
        "code": "the-code", "code_verifier": "the-verifier", "client_id": "autosalon-test",
        "redirect_uri": "https://back",
    }  # fmt: skip

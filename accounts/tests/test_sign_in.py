import time
from datetime import timedelta
from unittest import mock
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as project
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.utils import timezone

from accounts import queries, services
from accounts.errors import TooManyFailures, WrongCredentials
from accounts.models import Session, User
from accounts.queries.tokens import signing_key_id
from accounts.services import lockout
from accounts.tests import make
from core.testing import Api, token_for
from gateway.access.keyring import public_keys
from gateway.principal import read_token
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["accounts"])


def login(caller: Api | None = None, **body):
    return (caller or Api()).post("/auth/login", body)


def test_an_email_and_a_password_open_a_session():
    person = make.user("manager")
    answer = login(email=person.email.upper(), password=make.PASSWORD)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    principal = read_token(body["access_token"])
    assert (principal.id, principal.email, principal.roles) == (person.id, person.email, {"manager"})
    assert published("accounts") == ["user.created", "user.logged_in"]
    assert User.objects.get().last_login is not None


def test_the_access_token_has_the_promised_claims():
    token = make.pair(make.user()).access_token
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": signing_key_id()}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert {"sub", "email", "roles", "jti", "iat", "exp", "iss", "aud"} <= set(claims)
    assert claims["exp"] - claims["iat"] == 900


def test_the_token_names_its_bearer_by_user_id_too():
    person = make.user()
    claims = jwt.decode(make.pair(person).access_token, options={"verify_signature": False})
    assert claims["user_id"] == claims["sub"] == str(person.id)


@pytest.mark.parametrize(("asked", "given"), [(60, 60), (1800, 1800), (86_400, 7200), (None, 900)])
def test_a_session_says_how_long_its_access_tokens_live(asked, given, settings):
    settings.CONTRACT_TOKEN_SECONDS_MAX = 7200
    person = make.user()
    life = {} if asked is None else {"access_token_seconds": asked}
    first = login(email=person.email, password=make.PASSWORD, **life).json()
    again = Api().post("/auth/refresh", {"refresh_token": first["refresh_token"]}).json()
    for pair in (first, again):
        claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
        assert (pair["expires_in"], claims["exp"] - claims["iat"]) == (given, given)


def test_the_oauth_form_takes_the_life_of_its_tokens():
    form = urlencode({"username": make.user().email, "password": make.PASSWORD, "access_token_seconds": "1800"})
    answer = Api().client.post("/api/v1/auth/token", form, content_type="application/x-www-form-urlencoded")
    assert answer.json()["expires_in"] == 1800


@pytest.mark.parametrize("life", [0, 59, -1, "long", 40_000_000])
def test_a_life_that_is_none_is_refused(life):
    answer = login(email=make.user().email, password=make.PASSWORD, access_token_seconds=life)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "access_token_seconds")
    assert not Session.objects.exists()


def test_no_token_of_staff_outlives_their_session(settings):
    settings.STAFF_SESSION_HOURS = 1
    pair = make.pair(make.user("manager"), access_token_seconds=86_400)
    assert pair.expires_in == 3600


def test_a_user_name_works_whatever_its_case():
    make.user(username="Anna.K")
    assert login(username="anna.k", password=make.PASSWORD).status_code == 200


def test_the_oauth_form_gives_the_same():
    person = make.user()
    form = urlencode({"grant_type": "password", "username": person.email, "password": make.PASSWORD})
    answer = Api().client.post("/api/v1/auth/token", form, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert read_token(answer.json()["access_token"]).id == person.id


def test_the_oauth_form_is_a_form():
    assert Api().post("/auth/token", {"username": "a", "password": "b"}).status_code == 415
    answer = Api().client.post(
        "/api/v1/auth/token", "grant_type=magic&username=a&password=b", content_type="application/x-www-form-urlencoded"
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "grant_type")


def test_nobody_learns_what_was_wrong():
    person, closed = make.user(), make.user()
    services.close_account(user_id=closed.id, now=timezone.now())
    answers = [
        login(email=person.email, password="wrong"),
        login(email="nobody@example.com", password=make.PASSWORD),
        login(username="nobody", password=make.PASSWORD),
        login(email=closed.email, password=make.PASSWORD),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({(answer.json()["code"], answer.json()["detail"]) for answer in answers}) == 1
    assert not Session.objects.exists()
    assert "user.logged_in" not in published("accounts")


@pytest.mark.parametrize("body", [{}, {"email": "a@b.ru"}, {"password": "x"}, {"email": "", "password": "x"}])
def test_incomplete_input_is_refused(body):
    assert login(**body).status_code == 400


def test_unknown_people_cost_a_hash_too():
    person = make.user()
    hasher = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
    with mock.patch(hasher, autospec=True, return_value="md5$salt$hash") as encode:
        for identifier in (person.email, "nobody@example.com", "nobody"):
            with pytest.raises(WrongCredentials):
                services.authenticate(identifier=identifier, password="x", address=make.ADDRESS, now=timezone.now())
    assert encode.call_count == 3


def _fail(person: User, times: int, address: str = make.ADDRESS) -> None:
    for _ in range(times):
        with pytest.raises(WrongCredentials):
            services.authenticate(identifier=person.email, password="wrong", address=address, now=timezone.now())


def test_five_failures_make_the_account_wait_at_that_address():
    person = make.user(username="anna")
    for _ in range(5):
        assert login(email=person.email, password="wrong").status_code == 401
    for identifier in ({"email": person.email}, {"username": "anna"}):
        answer = login(**identifier, password=make.PASSWORD)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_failures")
        assert 0 < int(answer["Retry-After"]) == answer.json()["retry_after"] <= 60
    assert not Session.objects.exists()
    other = Api()
    other.client.defaults["REMOTE_ADDR"] = "127.1.2.3"
    assert login(other, email=person.email, password=make.PASSWORD).status_code == 200


def test_somebody_unknown_waits_just_the_same():
    for _ in range(5):
        assert login(email="nobody@example.com", password="wrong").status_code == 401
    assert login(email="nobody@example.com", password="wrong").status_code == 429


def test_a_right_password_starts_the_count_afresh():
    person = make.user()
    for _ in range(3):
        _fail(person, 4)
        services.authenticate(identifier=person.email, password=make.PASSWORD, address=make.ADDRESS, now=timezone.now())


def test_failures_from_many_addresses_make_the_account_wait_everywhere():
    person = make.user()
    for number in range(7):
        with mock.patch.object(lockout, "FAILURES_AT_ADDRESS", 99):
            _fail(person, 4 if number < 6 else 1, address=f"127.0.1.{number}")
    with pytest.raises(TooManyFailures):
        services.authenticate(identifier=person.email, password=make.PASSWORD, address="127.0.2.1", now=timezone.now())


def test_an_address_that_fails_at_many_accounts_waits_for_all_of_them(settings):
    settings.RATE_LIMITS_ON = True
    person, stranger = make.user(), make.user()
    spread = {"password": "Summer2026", "address": "127.44.7.1", "now": timezone.now()}
    for number in range(lockout.ACCOUNTS_AT_ADDRESS - 1):
        with pytest.raises(WrongCredentials):
            services.authenticate(identifier=f"n{number}@example.com", **spread)
    services.authenticate(identifier=person.email, **spread | {"password": make.PASSWORD})  # forgives nothing
    with pytest.raises(WrongCredentials):
        services.authenticate(identifier=stranger.email, **spread)
    for identifier in (person.email, "nobody@example.com"):
        with pytest.raises(TooManyFailures) as refused:
            services.authenticate(**spread | {"identifier": identifier, "password": make.PASSWORD})
        assert 0 < refused.value.extra["retry_after"] <= lockout.ADDRESS_WAIT_S
    elsewhere = {"password": make.PASSWORD, "address": "127.44.7.2", "now": timezone.now()}
    assert services.authenticate(identifier=person.email, **elsewhere) == person


def test_one_account_that_fails_often_does_not_close_the_address(settings):
    settings.RATE_LIMITS_ON = True
    person, neighbour = make.user(), make.user()
    with mock.patch.object(lockout, "FAILURES_AT_ADDRESS", 999), mock.patch.object(lockout, "FAILURES_ANYWHERE", 999):
        _fail(person, lockout.ACCOUNTS_AT_ADDRESS + 1, address="127.44.7.3")
    here = {"password": make.PASSWORD, "address": "127.44.7.3", "now": timezone.now()}
    assert services.authenticate(identifier=neighbour.email, **here) == neighbour


def test_a_network_of_ipv6_counts_as_one_address():
    assert lockout._of_address("2001:db8::1") == lockout._of_address("2001:db8::ffff:1")
    assert lockout._of_address("2001:db8::1") != lockout._of_address("2001:db8:0:1::1")
    assert lockout._of_address("127.0.0.1") != lockout._of_address("127.0.0.2")


def test_the_wait_grows_to_an_hour():
    waits = [lockout.wait_s(failures, 5) for failures in (4, 5, 6, 7, 10, 11, 500)]
    assert waits == [0, 60, 120, 240, 1920, 3600, 3600]


def test_a_lock_that_falls_while_a_guess_runs_holds_for_it_too():
    person = make.user()
    right = User.check_password

    def slowly(self: User, password: str) -> bool:
        for _ in range(5):
            lockout.count_failure(str(person.id), make.ADDRESS)
        return right(self, password)

    with mock.patch.object(User, "check_password", slowly), pytest.raises(TooManyFailures):
        services.authenticate(identifier=person.email, password=make.PASSWORD, address=make.ADDRESS, now=timezone.now())


def test_without_valkey_people_still_sign_in(settings):
    import redis

    person = make.user()
    away = redis.Redis(unix_socket_path="/nowhere/valkey.sock", retry=None)
    with mock.patch.object(lockout, "client", return_value=away):
        _fail(person, 6)
        assert (
            services.authenticate(
                identifier=person.email, password=make.PASSWORD, address=make.ADDRESS, now=timezone.now()
            )
            == person
        )


def test_signing_in_is_limited_per_address(settings):
    settings.RATE_LIMITS_ON = True
    caller = Api()
    caller.client.defaults["REMOTE_ADDR"] = "127.44.0.1"
    statuses = [login(caller, email=f"n{number}@example.com", password="x").status_code for number in range(11)]
    assert statuses == [401] * 10 + [429]


def test_signing_in_makes_a_hash_of_other_parameters_anew(settings):
    person = make.user()
    dear = Argon2PasswordHasher().encode(make.PASSWORD, "somesaltsomesalt")
    User.objects.filter(pk=person.pk).update(password=dear)
    settings.PASSWORD_HASHERS = ["core.secrecy.hashing.BoundedArgon2PasswordHasher"]
    assert login(email=person.email, password="wrong").status_code == 401
    assert User.objects.get().password == dear
    assert login(email=person.email, password=make.PASSWORD).status_code == 200
    assert "m=19456,t=2,p=1" in User.objects.get().password
    assert login(email=person.email, password=make.PASSWORD).status_code == 200


# Tokens that must not open anything ---------------------------------------------------------------------------------
def _claims(**changes):
    now = int(time.time())
    return {
        "sub": "01900000-0000-7000-8000-000000000001", "email": "a@b.ru", "roles": ["admin"], "jti": "x",
        "iat": now, "exp": now + 900, "iss": project.JWT_ISSUER, "aud": project.JWT_AUDIENCE,
    } | changes  # fmt: skip


def _public_pem() -> bytes:
    key = public_keys()[signing_key_id()]
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _hs256_with_the_public_key() -> str:
    """The classic confusion of keys; PyJWT refuses to make one, so it is made by hand."""
    import base64
    import hashlib
    import hmac
    import json

    def encode(part: bytes) -> str:
        return base64.urlsafe_b64encode(part).rstrip(b"=").decode()

    head = encode(json.dumps({"alg": "HS256", "typ": "JWT", "kid": signing_key_id()}).encode())
    body = f"{head}.{encode(json.dumps(_claims()).encode())}"
    signature = hmac.digest(_public_pem(), body.encode(), hashlib.sha256)
    return f"{body}.{encode(signature)}"


def _bad_tokens() -> dict[str, str]:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = {"kid": signing_key_id()}
    good = token_for()
    head, body, signature = good.split(".")
    return {
        "forged": jwt.encode(_claims(), stranger, algorithm="RS256", headers=kid),
        "unknown key": jwt.encode(_claims(), stranger, algorithm="RS256", headers={"kid": "0123456789abcdef"}),
        "expired": token_for(exp=int(time.time()) - 1),
        "alg none": jwt.encode(_claims(), None, algorithm="none"),
        "alg none unsigned": f"{jwt.encode(_claims(), None, algorithm='none').rsplit('.', 1)[0]}.",
        "hs256 with the public key": _hs256_with_the_public_key(),
        "another audience": token_for(aud="somebody-else"),
        "another issuer": token_for(iss="somebody-else"),
        "changed body": f"{head}.{body[:-2]}AA.{signature}",
        "no signature": f"{head}.{body}.",
        "no subject": token_for(sub=""),
        "garbage": "garbage",
        "refresh as access": "0" * 64,
    }


@pytest.mark.parametrize("kind", list(_bad_tokens()))
def test_bad_tokens_are_refused(kind):
    answer = make.bearer(_bad_tokens()[kind]).get("/auth/me")
    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_token"
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("kind", list(_bad_tokens()))
def test_verify_says_that_they_are_not_valid(kind):
    answer = Api().post("/auth/verify", {"token": _bad_tokens()[kind]})
    assert (answer.status_code, answer.json()) == (200, {"valid": False})


def test_verify_says_who_a_token_speaks_for():
    person = make.user("manager", username="anna")
    body = Api().post("/auth/verify", {"token": make.pair(person).access_token}).json()
    assert body["valid"] is True
    assert (body["user_id"], body["username"], body["email"]) == (str(person.id), "anna", person.email)
    assert body["roles"] == ["manager"]
    assert body["expires_at"].endswith("Z")


def test_verify_knows_closed_accounts_and_strangers():
    person = make.user()
    token = make.pair(person).access_token
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert queries.inspect_token(token) is None
    assert queries.inspect_token(token_for()) is None


def test_the_keys_are_published():
    answer = Api().client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    (key,) = answer.json()["keys"]
    assert (key["kty"], key["alg"], key["use"], key["kid"]) == ("RSA", "RS256", "sig", signing_key_id())
    token = make.pair(make.user()).access_token
    public = jwt.PyJWK(key).key
    assert jwt.decode(token, public, algorithms=["RS256"], audience=project.JWT_AUDIENCE)["iss"] == project.JWT_ISSUER


def test_tokens_live_as_long_as_they_say():
    now = timezone.now()
    make.pair(make.user(), now=now)
    assert Session.objects.get().expires_at == now + timedelta(days=30)

"""Ask a fresh proof at every door for what makes an account another's; every service is sorted here."""

import inspect
from datetime import timedelta

import pyotp
import pytest
from django.utils import timezone

from accounts import services
from accounts.models import Activity, ApiKey, Session, User
from accounts.tests import make
from core.ids import uuid7
from core.testing import Api, token_for
from gateway.access import step_up
from gateway.access.step_up import StepUpRequired
from tests.permissions import table

pytestmark = pytest.mark.django_db(databases=make.ERASING)

ASKS = {
    "change_roles": lambda one: services.change_roles(user_id=one.id, roles=["manager"], now=timezone.now()),
    "confirm_mfa": lambda one: services.confirm_mfa(user_id=one.id, otp="1", address="", now=timezone.now()),
    "create_api_key": lambda one: services.create_api_key(
        user_id=one.id, name="till", scopes=["orders:read"], expires_at=None, address="", now=timezone.now()
    ),
    "create_user": lambda one: make.user("manager"),
    "enroll_mfa": lambda one: services.enroll_mfa(user_id=one.id, now=timezone.now()),
    "erase_user": lambda one: services.erase_user(user_id=one.id, now=timezone.now()),
    "reset_mfa": lambda one: services.reset_mfa(user_id=one.id, actor_id=uuid7(), reason="lost", now=timezone.now()),
    "update_user": lambda one: services.update_user(
        user_id=one.id, changes={"email": "new@example.com"}, now=timezone.now()
    ),
}
"""Services that ask, each with a call that must be refused when nobody proved anything."""
PROVES = {
    "change_password",
    "disable_mfa",
    "erase_own_account",
    "prove",
    "reset_password",
    "undo_email",
    "verify_email",
}
"""They take the proof with the call: a password, a code, a mailed link."""
OPENS = {"authenticate", "authenticate_pending", "begin_oidc", "finish_oidc", "issue_tokens", "open_session", "refresh",
         "register", "sign_in"}  # fmt: skip
"""Ways in: they are what a proof is."""
ENDS = {"close_account", "maintain_erasures", "reopen_account", "replay_erasures", "revoke_api_key", "revoke_session",
        "sign_out"}  # fmt: skip
"""They take away, or give back what was there: an owner in a hurry must not be held up, nor an erasure of before."""
CHANGES_NO_ACCOUNT = {
    "brought_back", "check_password_strength", "check_second_factor", "end_closings", "forget_former_emails",
    "gather_exports", "is_export_due", "list_erasure", "publish_api_keys", "purge_activity", "purge_expired",
    "publish_agreement", "purge_exports", "push_key_revocations", "push_revocations", "record", "renew_api_keys",
    "request_export", "request_password_reset", "request_verification", "require_proof", "resend_verification",
    "use_session", "save_view", "change_view", "delete_view",
}  # fmt: skip


def test_every_service_is_sorted():
    every = {name for name in services.__all__ if inspect.isfunction(getattr(services, name))}
    assert every == {*ASKS, *PROVES, *OPENS, *ENDS, *CHANGES_NO_ACCOUNT}


@pytest.mark.parametrize("name", ASKS)
def test_a_request_without_a_proof_is_refused_and_changes_nothing(name):
    one = make.user()
    before, lines = User.objects.values().get(pk=one.pk), Activity.objects.count()
    with step_up.attempt() as asked, pytest.raises(StepUpRequired):
        ASKS[name](one)
    assert asked.is_refused
    assert (User.objects.values().get(pk=one.pk), Activity.objects.count()) == (before, lines)
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 0)


@pytest.mark.parametrize("name", ["change_roles", "create_api_key", "enroll_mfa", "erase_user", "update_user"])
def test_commands_are_asked_nothing(name):
    ASKS[name](make.user())


WANTED = {
    ("POST", "/auth/api-keys"): {"name": "till", "scopes": ["orders:read"]},
    ("POST", "/auth/mfa/enroll"): {},
    ("POST", "/auth/mfa/confirm"): {"otp": "123456"},
    ("POST", "/users"): {"email": "boss@example.com", "password": make.PASSWORD, "role": "admin"},
    ("PUT", "/users/me"): {"email": "evil@example.com"},
    ("PATCH", "/users/me"): {"email": "evil@example.com"},
    ("PUT", "/users/{}"): {"email": "evil@example.com"},
    ("PATCH", "/users/{}"): {"email": "evil@example.com"},
    ("PUT", "/users/{}/roles"): {"roles": ["admin"]},
    ("DELETE", "/users/{}"): None,
}
"""Endpoints that want a fresh proof, each with a body that would change something."""
FREE = {
    ("POST", "/auth/register"), ("POST", "/auth/token"), ("POST", "/auth/login"), ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"), ("POST", "/auth/verify"), ("DELETE", "/auth/sessions/{}"),
    ("POST", "/auth/reset-password"), ("POST", "/auth/reset-password/confirm"), ("POST", "/auth/verify-email"),
    ("POST", "/auth/verify-email/confirm"), ("POST", "/auth/undo-email"), ("POST", "/auth/step-up"),
    ("POST", "/auth/mfa/disable"),
    ("DELETE", "/auth/api-keys/{}"), ("POST", "/auth/ws-ticket"), ("PUT", "/users/me/password"),
    ("POST", "/users/{}/exports"),
}  # fmt: skip
"""Those that do not: anybody's, those that bring a proof along, and those that only end something."""


def changing_rows():
    return [(row.method, row.path) for row in table.rows() if row.part == "Accounts" and row.method != "GET"]


@pytest.mark.parametrize(("method", "path"), changing_rows())
def test_every_endpoint_that_changes_an_account_is_sorted(method, path):
    assert ((method, path) in WANTED) != ((method, path) in FREE)


def stale(person):
    """A caller whose sign-in is older than a proof may be, and whose token was refreshed since."""
    pair = make.pair(person)
    Session.objects.filter(pk=pair.session_id).update(proved_at=timezone.now() - timedelta(minutes=11))
    fresh = services.refresh(refresh_token=pair.refresh_token, address=make.ADDRESS, now=timezone.now())
    return make.bearer(fresh.access_token, person)


@pytest.mark.parametrize(("method", "path"), WANTED)
def test_an_old_sign_in_is_not_enough(method, path):
    person, other = make.user("admin"), make.user()
    caller = stale(person)
    before = list(User.objects.order_by("pk").values())
    answer = caller.request(method.lower(), path.format(other.id), WANTED[method, path])
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    assert answer.json()["methods"] == ["password", "sign_in"]
    assert list(User.objects.order_by("pk").values()) == before
    assert not ApiKey.objects.exists()


def test_a_token_that_no_session_gave_out_proves_nothing():
    person = make.user()
    caller = Api(user_id=person.id)
    caller.headers = {"Authorization": f"Bearer {token_for(person.id, auth_time=0)}"}
    assert caller.post("/auth/mfa/enroll").json()["code"] == "step_up_required"


def test_a_fresh_sign_in_is_enough():
    assert make.api(make.user()).post("/auth/api-keys", WANTED["POST", "/auth/api-keys"]).status_code == 201


def test_the_password_in_the_body_is_enough():
    caller = stale(make.user())
    body = WANTED["POST", "/auth/api-keys"]
    assert caller.post("/auth/api-keys", body | {"password": make.PASSWORD}).status_code == 201
    wrong = caller.post("/auth/api-keys", body | {"password": "wrong"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "password")
    assert ApiKey.objects.count() == 1


def test_guessing_by_the_body_counts_as_failing_to_sign_in():
    caller = stale(make.user())
    tries = [caller.post("/auth/mfa/enroll", {"password": f"wrong {number}"}).status_code for number in range(6)]
    assert tries == [400] * 5 + [429]


def test_stepping_up_opens_the_same_token_for_a_while():
    person = make.user()
    caller = stale(person)
    answer = caller.post("/auth/step-up", {"password": make.PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["expires_at"] > timezone.now().isoformat()
    assert caller.post("/auth/api-keys", WANTED["POST", "/auth/api-keys"]).status_code == 201
    assert Activity.objects.filter(user=person, kind="proved").count() == 1
    Session.objects.update(proved_at=timezone.now() - timedelta(minutes=11))
    assert caller.post("/auth/api-keys", WANTED["POST", "/auth/api-keys"]).status_code == 403


def test_stepping_up_by_a_code(settings):
    person = make.user()
    secret = services.enroll_mfa(user_id=person.id, now=timezone.now()).secret
    now = timezone.now() - timedelta(minutes=5)
    services.confirm_mfa(user_id=person.id, otp=pyotp.TOTP(secret).at(now), address="", now=now)
    caller = stale(person)
    refused = caller.post("/auth/api-keys", WANTED["POST", "/auth/api-keys"])
    assert refused.json()["methods"] == ["password", "otp", "sign_in"]
    assert caller.post("/auth/step-up", {"otp": "000000"}).status_code == 401
    assert caller.post("/auth/step-up", {"otp": pyotp.TOTP(secret).now()}).status_code == 200
    assert caller.post("/auth/api-keys", WANTED["POST", "/auth/api-keys"]).status_code == 201


@pytest.mark.parametrize("body", [{}, {"otp": "123456"}, {"password": ""}])
def test_stepping_up_wants_a_proof(body):
    caller = stale(make.user())
    answer = caller.post("/auth/step-up", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "password")
    assert not Activity.objects.filter(kind="proved").exists()


def test_an_api_key_cannot_step_up():
    person = make.user()
    key = token_for(person.id, scope="accounts:read orders:write")
    caller = make.bearer(key, person)
    assert caller.post("/auth/step-up", {"password": make.PASSWORD}).json()["code"] == "insufficient_scope"
    assert Api().post("/auth/step-up", {"password": make.PASSWORD}).status_code == 401


def test_changing_the_password_by_the_old_one_needs_no_more():
    body = {"old_password": make.PASSWORD, "new_password": "another-horse-battery"}
    assert stale(make.user()).put("/users/me/password", body).status_code == 204


def test_a_profile_without_another_e_mail_needs_none():
    person = make.user()
    body = {"full_name": "Anna", "email": person.email.upper()}
    assert stale(person).patch("/users/me", body).json()["full_name"] == "Anna"

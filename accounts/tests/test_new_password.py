"""A new password ends every other way in that somebody may have left behind."""

import pyotp
import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts import queries, services
from accounts.models import ApiKey, Identity, RecoveryCode, Session, Totp, User
from accounts.tests import make
from core.testing import Api
from messaging.testing import capture_events, drain_outbox

pytestmark = pytest.mark.django_db(databases=["accounts"])
NEW = "quite-another-horse"


def change(person, caller):
    body = {"old_password": make.PASSWORD, "new_password": NEW}
    assert caller.put("/users/me/password", body).status_code == 204


def reset(person, caller):
    token = queries.password_reset_token(User.objects.get(pk=person.pk))
    body = {"token": token, "new_password": NEW}
    assert Api().post("/auth/reset-password/confirm", body).status_code == 204


def enrolled(person):
    now = timezone.now()
    secret = services.enroll_mfa(user_id=person.id, now=now).secret
    services.confirm_mfa(user_id=person.id, otp=pyotp.TOTP(secret).at(now), address="", now=now)


@pytest.mark.parametrize("way", [change, reset])
def test_keys_sessions_and_unverified_identities_end(way):
    person = make.user()
    _, key = services.create_api_key(
        user_id=person.id, name="till", scopes=["accounts:read"], expires_at=None, address="", now=timezone.now()
    )
    now = timezone.now()
    for number, is_verified in enumerate([True, False]):
        Identity.objects.create(
            user=person, issuer=f"https://{number}.example", subject="1", is_verified=is_verified, linked_at=now,
            last_used_at=now,
        )  # fmt: skip
    services.publish_api_keys(now=now)
    assert make.bearer(key).get("/users/me").status_code == 200
    elsewhere, here = make.pair(person), make.api(person)
    way(person, here)
    drain_outbox("accounts")
    services.push_key_revocations(now=timezone.now())
    assert not ApiKey.objects.live(timezone.now()).exists()
    assert make.bearer(key).get("/users/me").status_code == 401
    assert list(Identity.objects.values_list("is_verified", flat=True)) == [True]
    assert Session.objects.get(pk=elsewhere.session_id).revoked_at is not None
    assert Session.objects.live(person.id, timezone.now()).count() == (1 if way is change else 0)


def test_a_reset_proves_the_mailbox_and_takes_off_a_strangers_factor():
    person = make.user()
    enrolled(person)
    with capture_events("accounts") as told:
        reset(person, None)
    person.refresh_from_db()
    assert told == ["user.updated"]
    assert person.is_email_proved
    assert person.mfa_enabled_at is None
    assert not Totp.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_a_factor_enrolled_after_the_proof_stays():
    person = make.user()
    services.verify_email(token=queries.verification_token(person), now=timezone.now())
    enrolled(person)
    reset(person, None)
    person.refresh_from_db()
    assert person.mfa_enabled_at is not None
    assert Totp.objects.exists()


def test_a_mailbox_takes_no_factor_off_staff():
    person = make.user("manager")
    enrolled(person)
    reset(person, None)
    person.refresh_from_db()
    assert (person.mfa_enabled_at is not None, person.is_email_proved) == (True, True)


def test_the_admin_has_no_way_of_its_own(mailoutbox, settings):
    person = make.user("manager")
    browser = Client()
    browser.force_login(person, backend="accounts.backends.EmailBackend")
    sent = {"old_password": make.PASSWORD, "new_password1": NEW, "new_password2": NEW}
    for name in ("password_change", "password_change_done"):
        answer = browser.post(reverse(f"admin:{name}"), sent)
        assert (answer.status_code, answer["Location"]) == (302, "/account/#password")
    person.refresh_from_db()
    assert person.check_password(make.PASSWORD)
    settings.HAS_SHOP = False
    assert browser.get(reverse("admin:password_change"))["Location"] == "/admin/"
    drain_outbox("accounts")
    assert mailoutbox[-1].to == [person.email]


@pytest.mark.parametrize(
    "name",
    [
        "password_reset",
        "password_reset_confirm",
        "admin_password_reset",
        "auth_user_password_change",
        "password_change",
    ],
)
def test_djangos_own_account_views_stand_nowhere(name):
    for space in ("", "admin:"):
        if space + name != "admin:password_change":
            with pytest.raises(NoReverseMatch):
                reverse(space + name)

import pyotp
import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.errors import MfaNotEnabled, MfaResetRefused, UserNotFound
from accounts.models import Activity, RecoveryCode, Session, Totp
from accounts.tests import make
from core.ids import uuid7
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["accounts"])
REASON = "came in with a passport"


def guarded(*roles):
    """Somebody with an authenticator, signed in once."""
    person, now = make.user(*roles), timezone.now()
    secret = services.enroll_mfa(user_id=person.id, now=now).secret
    services.confirm_mfa(user_id=person.id, otp=pyotp.TOTP(secret).at(now), address=make.ADDRESS, now=now)
    make.pair(person)
    person.refresh_from_db()
    return person


def reset(person, actor):
    services.reset_mfa(user_id=person.id, actor_id=actor.id, reason=REASON, now=timezone.now())


def press(person, by, reason=REASON):
    browser = Client()
    browser.force_login(by, backend="accounts.backends.EmailBackend")
    path = f"/admin/accounts/user/{person.pk}/reset_mfa/"
    return browser.post(path, {"reason": reason, "_form_submitted": "on"})


def test_a_lost_factor_is_taken_off_and_every_session_ends():
    person, admin = guarded(), make.user("admin")
    with capture_events("accounts") as told:
        reset(person, admin)
    person.refresh_from_db()
    assert person.mfa_enabled_at is None
    assert not Totp.objects.filter(user=person).exists()
    assert not RecoveryCode.objects.filter(user=person).exists()
    assert not Session.objects.live(person.id, timezone.now()).exists()
    assert told == ["user.mfa_reset", "user.logged_out"]
    line = Activity.objects.get(user=person, kind="mfa_reset")
    assert line.details == {"by": str(admin.id), "reason": REASON}
    services.authenticate(identifier=person.email, password=make.PASSWORD, address=make.ADDRESS, now=timezone.now())
    with pytest.raises(MfaNotEnabled):
        reset(person, admin)


def test_nobody_takes_off_their_own_and_nobody_is_not_found():
    admin = guarded("admin")
    with capture_events("accounts") as told:
        with pytest.raises(MfaResetRefused):
            reset(admin, admin)
        with pytest.raises(UserNotFound):
            services.reset_mfa(user_id=uuid7(), actor_id=admin.id, reason=REASON, now=timezone.now())
    admin.refresh_from_db()
    assert admin.mfa_enabled_at is not None
    assert told == []


def test_an_administrator_does_it_from_the_screen_with_a_reason():
    person, admin = guarded(), make.user("admin")
    assert press(person, admin, reason="").status_code == 200  # the dialog again
    assert Totp.objects.filter(user=person).exists()
    assert press(person, admin).status_code == 302
    assert not Totp.objects.filter(user=person).exists()
    assert Activity.objects.get(user=person, kind="mfa_reset").details["reason"] == REASON


@pytest.mark.parametrize("role", ["client", "manager"])
def test_others_may_not(role):
    person = guarded()
    assert press(person, make.user(role)).status_code in (302, 403)
    assert Totp.objects.filter(user=person).exists()

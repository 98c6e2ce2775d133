from datetime import timedelta
from urllib.parse import urlencode

import pyotp
import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.errors import TooManyFailures, WrongOtp
from accounts.models import Activity, RecoveryCode, Session, Totp, User
from accounts.services import lockout
from accounts.tests import make
from core.testing import Api
from gateway.principal import read_token
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["accounts"])
LOGIN = "/admin/login/"


def enrolled(*roles: str) -> tuple[User, pyotp.TOTP, list[str]]:
    """A person with two-factor on, a generator whose present code is not spent, and the recovery codes."""
    person, earlier = make.user(*roles), timezone.now() - timedelta(minutes=5)
    totp = pyotp.TOTP(services.enroll_mfa(user_id=person.id, now=earlier).secret)
    codes = services.confirm_mfa(user_id=person.id, otp=totp.at(earlier), address=make.ADDRESS, now=earlier)
    person.refresh_from_db()
    return person, totp, codes


def login(person: User, **more: str):
    return Api().post("/auth/login", {"email": person.email, "password": make.PASSWORD} | more)


def test_enrolling_and_confirming_switches_it_on():
    person = make.user()
    caller = make.api(person)
    enrollment = caller.post("/auth/mfa/enroll").json()
    assert enrollment["otpauth_uri"].startswith("otpauth://totp/Autosalon:")
    assert enrollment["secret"] in enrollment["otpauth_uri"]
    assert caller.get("/auth/me").json()["mfa_enabled"] is False
    assert login(person).status_code == 200  # not before it is confirmed
    answer = caller.post("/auth/mfa/confirm", {"otp": pyotp.TOTP(enrollment["secret"]).now()})
    assert answer.status_code == 200
    assert len(set(answer.json()["recovery_codes"])) == 10
    assert caller.get("/auth/me").json()["mfa_enabled"] is True
    assert Activity.objects.filter(user=person, kind="mfa_enabled").count() == 1


def test_nothing_secret_is_stored_in_the_clear():
    _, totp, codes = enrolled()
    stored = bytes(Totp.objects.get().secret)
    assert totp.secret.encode() not in stored
    assert not any(code in str(list(RecoveryCode.objects.values())) for code in codes)


def test_signing_in_needs_the_code_too():
    person, totp, _ = enrolled()
    answer = login(person)
    assert (answer.status_code, answer.json()["code"]) == (401, "mfa_required")
    assert not Session.objects.exists()
    assert "user.logged_in" not in published("accounts")
    assert login(person, otp=totp.now()).status_code == 200


def test_the_oauth_form_takes_it_as_well():
    person, totp, _ = enrolled()
    form = {"username": person.email, "password": make.PASSWORD}
    kind = "application/x-www-form-urlencoded"
    answer = Api().client.post("/api/v1/auth/token", urlencode(form), content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (401, "mfa_required")
    answer = Api().client.post("/api/v1/auth/token", urlencode(form | {"otp": totp.now()}), content_type=kind)
    assert answer.status_code == 200


def test_the_second_step_may_be_sent_alone():
    person, totp, _ = enrolled()
    pending = login(person).json()["mfa_token"]
    answer = Api().post("/auth/login", {"mfa_token": pending, "otp": totp.now()})
    assert read_token(answer.json()["access_token"]).id == person.id


@pytest.mark.parametrize("pending", ["x", "x:y:z", "0" * 200])
def test_a_forged_first_step_opens_nothing(pending):
    _, totp, _ = enrolled()
    answer = Api().post("/auth/login", {"mfa_token": pending, "otp": totp.now()})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")
    assert not Session.objects.exists()


def test_a_first_step_is_good_for_five_minutes(time_machine):
    person, totp, _ = enrolled()
    pending = login(person).json()["mfa_token"]
    time_machine.move_to(timezone.now() + timedelta(seconds=301))
    assert Api().post("/auth/login", {"mfa_token": pending, "otp": totp.now()}).status_code == 401


def test_a_replayed_code_is_refused():
    person, totp, _ = enrolled()
    code = totp.now()
    assert login(person, otp=code).status_code == 200
    answer = login(person, otp=code)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_otp")
    assert Session.objects.count() == 1


def test_an_earlier_code_is_refused_after_a_later_one():
    person, totp, _ = enrolled()
    now = timezone.now()
    services.check_second_factor(user=person, otp=totp.at(now + timedelta(seconds=30)), address="", now=now)
    with pytest.raises(WrongOtp):
        services.check_second_factor(user=person, otp=totp.at(now), address="", now=now)


def test_clocks_may_differ_by_one_step_only():
    person, totp, _ = enrolled()
    now = timezone.now()
    for seconds in (-60, 60):
        with pytest.raises(WrongOtp):
            services.check_second_factor(
                user=person, otp=totp.at(now + timedelta(seconds=seconds)), address="127.8.8.8", now=now
            )
    services.check_second_factor(user=person, otp=totp.at(now - timedelta(seconds=30)), address="", now=now)


@pytest.mark.parametrize("otp", ["000000", "12345", "abcdef", "１２３４５６", "0" * 32])
def test_a_wrong_code_opens_nothing(otp):
    person, _, _ = enrolled()
    assert login(person, otp=otp).status_code == 401
    assert not Session.objects.exists()
    assert Activity.objects.get(user=person, kind="sign_in_failed").details == {"reason": "otp"}


def test_a_recovery_code_works_once():
    person, _, codes = enrolled()
    assert login(person, otp=codes[0].upper().replace("-", " ")).status_code == 200
    assert login(person, otp=codes[0]).status_code == 401
    assert login(person, otp=codes[1]).status_code == 200
    assert [row.details["left"] for row in Activity.objects.filter(kind="recovery_code_used").order_by("at")] == [9, 8]


def test_wrong_codes_make_the_account_wait():
    person, totp, _ = enrolled()
    for _ in range(5):
        assert login(person, otp="000000").status_code == 401
    answer = login(person, otp=totp.now())
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_failures")


def test_a_right_password_alone_does_not_start_the_count_afresh():
    person, _, _ = enrolled()
    for _ in range(4):
        lockout.count_failure(str(person.id), "127.0.0.1")
    assert login(person).json()["code"] == "mfa_required"
    assert login(person, otp="000000").status_code == 401
    assert login(person).status_code == 429


def test_a_wrong_first_code_confirms_nothing_and_counts():
    person = make.user()
    caller = make.api(person)
    caller.post("/auth/mfa/enroll")
    answers = [caller.post("/auth/mfa/confirm", {"otp": "000000"}).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert User.objects.get(pk=person.pk).mfa_enabled_at is None


def test_confirming_needs_an_enrolment_and_a_code():
    caller = make.api(make.user())
    answer = caller.post("/auth/mfa/confirm", {"otp": "123456"})
    assert (answer.status_code, answer.json()["code"]) == (409, "mfa_not_started")
    assert caller.post("/auth/mfa/confirm", {}).status_code == 400


def test_another_authenticator_needs_the_first_switched_off():
    person, totp, _ = enrolled()
    caller = make.api(person)
    for path, body in (("enroll", {}), ("confirm", {"otp": totp.now()})):
        answer = caller.post(f"/auth/mfa/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "mfa_already_enabled")
    assert Totp.objects.get().confirmed_at is not None


def test_switching_it_off_needs_a_code():
    person, totp, _ = enrolled()
    caller = make.api(person)
    assert caller.post("/auth/mfa/disable", {"otp": "000000"}).status_code == 401
    assert caller.post("/auth/mfa/disable", {}).status_code == 400
    assert User.objects.get().mfa_enabled_at is not None
    assert caller.post("/auth/mfa/disable", {"otp": totp.now()}).status_code == 204
    assert login(person).status_code == 200
    assert not Totp.objects.exists()
    assert not RecoveryCode.objects.exists()
    answer = caller.post("/auth/mfa/disable", {"otp": totp.now()})
    assert (answer.status_code, answer.json()["code"]) == (409, "mfa_not_enabled")


@pytest.mark.parametrize("path", ["enroll", "confirm", "disable"])
def test_strangers_have_no_factor(path):
    assert Api().post(f"/auth/mfa/{path}", {"otp": "123456"}).status_code == 401


def test_guessing_waits_here_too():
    person, _, _ = enrolled()
    for _ in range(5):
        lockout.count_failure(str(person.id), make.ADDRESS)
    with pytest.raises(TooManyFailures):
        services.disable_mfa(user_id=person.id, otp="000000", address=make.ADDRESS, now=timezone.now())


# Obligatory for staff -----------------------------------------------------------------------------------------------
def test_staff_without_a_second_factor_may_only_enrol(settings):
    settings.MFA_REQUIRED_FOR_STAFF = True
    boss = make.user("admin")
    pair = login(boss).json()
    limited = make.bearer(pair["access_token"])
    for path in ("/users", "/orders", "/auth/sessions", "/payments"):
        answer = limited.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "mfa_enrollment_required"), path
    assert limited.post("/orders", {}).status_code == 403  # the fast path as well
    assert limited.get("/auth/me").json() == limited.get("/users/me").json()
    assert limited.patch("/users/me", {"phone": ""}).status_code == 403
    secret = limited.post("/auth/mfa/enroll").json()["secret"]
    assert limited.post("/auth/mfa/confirm", {"otp": pyotp.TOTP(secret).now()}).status_code == 200
    whole = Api().post("/auth/refresh", {"refresh_token": pair["refresh_token"]}).json()
    assert make.bearer(whole["access_token"]).get("/users").status_code == 200


def test_a_limited_token_carries_no_role_of_staff(settings):
    settings.MFA_REQUIRED_FOR_STAFF = True
    principal = read_token(make.pair(make.user("manager", "admin")).access_token)
    assert (principal.roles, principal.scopes) == ({"client"}, {"mfa:enroll"})


def test_clients_need_none(settings):
    settings.MFA_REQUIRED_FOR_STAFF = True
    assert make.api(make.user()).get("/users/me").status_code == 200


def test_staff_cannot_switch_it_off(settings):
    settings.MFA_REQUIRED_FOR_STAFF = True
    person, totp, _ = enrolled("manager")
    answer = make.api(person).post("/auth/mfa/disable", {"otp": totp.now()})
    assert (answer.status_code, answer.json()["code"]) == (409, "mfa_obligatory")
    assert User.objects.get().mfa_enabled_at is not None


# The admin ----------------------------------------------------------------------------------------------------------
def test_the_admin_asks_for_the_code():
    person, totp, _ = enrolled("manager")
    form = {"username": person.email, "password": make.PASSWORD}
    answer = Client().post(LOGIN, form)
    assert answer.status_code == 200
    assert [error.code for error in answer.context["form"].errors.as_data()["__all__"]] == ["mfa_required"]
    assert 'name="otp"' in answer.content.decode()
    assert Client().post(LOGIN, form | {"otp": "000000"}).status_code == 200
    answer = Client().post(f"{LOGIN}?next=/admin/", form | {"otp": totp.now()})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_the_admin_is_closed_to_staff_who_have_not_enrolled(settings):
    settings.MFA_REQUIRED_FOR_STAFF = True
    person = make.user("admin")
    answer = Client().post(LOGIN, {"username": person.email, "password": make.PASSWORD})
    assert [error.code for error in answer.context["form"].errors.as_data()["__all__"]] == ["mfa_enrollment_required"]
    browser = Client()
    browser.force_login(person, backend="accounts.backends.EmailBackend")
    assert browser.get("/admin/").status_code == 302  # signed in on another page: no way around

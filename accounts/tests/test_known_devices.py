"""Strangers who fail on purpose keep nobody out of a device they signed in on before."""

from datetime import timedelta
from unittest import mock

import pytest
from django.conf import settings as project
from django.core import signing
from django.test import Client
from django.utils import timezone

from accounts import queries, services
from accounts.errors import WrongCredentials
from accounts.services import lockout
from accounts.tests import make
from core.testing import Api

pytestmark = pytest.mark.django_db(databases=["accounts"])
NAME = project.DEVICE_COOKIE_NAME


def login(caller, person, password=make.PASSWORD):
    return caller.post("/auth/login", {"email": person.email, "password": password})


def known(person):
    """A caller who signed in before, from an address of their own."""
    caller = Api()
    caller.client.defaults["REMOTE_ADDR"] = "127.61.0.1"
    assert login(caller, person).status_code == 200
    return caller


def fail_everywhere(person, times=30):
    for number in range(times):
        with mock.patch.object(lockout, "refuse_waiting"), pytest.raises(WrongCredentials):
            services.authenticate(
                identifier=person.email, password="wrong", address=f"127.62.0.{number}", now=timezone.now()
            )


@pytest.mark.parametrize("roles", [["client"], ["admin"]])
def test_the_owner_gets_in_on_a_known_device_and_nobody_else_does(roles):
    person = make.user(*roles)
    owner, stranger = known(person), Api()
    fail_everywhere(person)
    assert login(stranger, person).status_code == 429
    assert login(owner, person).status_code == 200


def test_a_known_device_may_guess_no_more_than_others():
    person = make.user()
    owner = known(person)
    assert [login(owner, person, "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    assert login(owner, person).status_code == 429
    assert login(Api(), person).status_code == 200


def test_a_device_is_known_to_one_account_only():
    mine, other = make.user(), make.user()
    caller = known(mine)
    fail_everywhere(other)
    assert login(caller, other).status_code == 429


@pytest.mark.parametrize("cookie", ["x", "a:b:c", signing.dumps(["1"], salt="accounts.device")])
def test_a_cookie_made_up_makes_no_device_known(cookie):
    person = make.user()
    fail_everywhere(person)
    caller = Api()
    caller.client.cookies[NAME] = cookie
    assert login(caller, person).status_code == 429


def test_a_device_is_forgotten_after_half_a_year(time_machine):
    person = make.user()
    caller = known(person)
    time_machine.move_to(timezone.now() + timedelta(days=181))
    fail_everywhere(person)
    assert login(caller, person).status_code == 429


def test_a_mailed_link_makes_the_device_known():
    person = make.user()
    caller = Api()
    token = queries.password_reset_token(person)
    body = {"token": token, "new_password": "another-horse-battery"}
    assert caller.post("/auth/reset-password/confirm", body).status_code == 204
    fail_everywhere(person)
    assert login(caller, person, "another-horse-battery").status_code == 200


def test_pages_and_the_admin_know_devices_too():
    for path, name in (("/sign-in/", "email"), ("/admin/login/", "username")):
        person = make.user("admin")
        browser = Client(REMOTE_ADDR="127.63.0.1")
        sent = {name: person.email, "password": make.PASSWORD, "next": "/account/"}
        assert browser.post(path, sent).status_code == 302
        cookie = browser.cookies[NAME]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        browser.cookies.pop(project.SESSION_COOKIE_NAME)
        fail_everywhere(person)
        assert browser.post(path, sent).status_code == 302


def test_pages_say_when_to_come_back():
    person = make.user()
    fail_everywhere(person)
    answer = Client().post("/sign-in/", {"email": person.email, "password": make.PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= lockout.LONGEST_WAIT_S


def test_pages_say_when_the_limit_ends(settings):
    settings.RATE_LIMITS_ON = True
    browser = Client(REMOTE_ADDR="127.64.0.1")
    for _ in range(11):
        answer = browser.post("/forgot-password/", {"email": "nobody@example.com"})
    assert (answer.status_code, 0 < int(answer["Retry-After"]) <= 60) == (429, True)


def test_the_admins_sign_in_is_limited_like_any_other(settings):
    settings.RATE_LIMITS_ON = True
    person, browser = make.user("admin"), Client(REMOTE_ADDR="127.64.0.2")
    for number in range(10):
        browser.post("/admin/login/", {"username": f"nobody{number}@example.com", "password": "wrong"})
    answer = browser.post("/admin/login/", {"username": person.email, "password": make.PASSWORD})
    (refusal,) = answer.context["form"].errors.as_data()["__all__"]
    assert refusal.code == "throttled"

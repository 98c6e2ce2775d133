from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import queries, services
from accounts.models import Activity, User
from accounts.tests import make
from core.testing import Api
from gateway.principal import read_token
from messaging.testing import capture_events, drain_outbox

pytestmark = pytest.mark.django_db(databases=["accounts"])


def register(email="anna@example.com") -> User:
    body = {"email": email, "password": make.PASSWORD}
    assert Api().post("/auth/register", body).status_code == 201
    return User.objects.get(email=email)


def mailed_token(mailoutbox) -> str:
    return mailoutbox[-1].body.split("/verify-email/?token=")[1].split()[0]


def confirm(token):
    return Api().post("/auth/verify-email/confirm", {"token": token})


def test_registering_mails_a_link_that_verifies_once(mailoutbox):
    person = register()
    drain_outbox("accounts")
    assert mailoutbox[-1].to == [person.email]
    token = mailed_token(mailoutbox)
    with capture_events("accounts") as events:
        assert confirm(token).status_code == 204
    assert events == ["user.updated"]
    person.refresh_from_db()
    assert person.email_verified_at is not None
    assert Activity.objects.filter(user=person, kind="email_verified").count() == 1
    answer = confirm(token)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_token")


def test_the_next_token_says_so():
    person = register()
    assert read_token(make.pair(person).access_token).email_verified is False
    services.verify_email(token=queries.verification_token(person), now=timezone.now())
    assert read_token(make.pair(person).access_token).email_verified is True
    assert make.api(person).get("/users/me").json()["email_verified"] is True


def test_another_address_must_be_verified_again(mailoutbox):
    person = register()
    services.verify_email(token=queries.verification_token(person), now=timezone.now())
    old = queries.verification_token(person)
    answer = make.api(person).patch("/users/me", {"email": "new@example.com"})
    assert (answer.json()["email"], answer.json()["pending_email"]) == (person.email, "new@example.com")
    assert answer.json()["email_verified"] is True
    drain_outbox("accounts")
    assert confirm(old).status_code == 400
    letter = next(mail for mail in mailoutbox if mail.to == ["new@example.com"])
    assert confirm(mailed_token([letter])).status_code == 204
    assert make.api(person).get("/users/me").json()["email"] == "new@example.com"


def test_a_link_can_be_asked_for_again(mailoutbox, time_machine):
    person = register()
    drain_outbox("accounts")
    time_machine.move_to(timezone.now() + timedelta(minutes=1))
    assert make.api(person).post("/auth/verify-email").status_code == 202
    drain_outbox("accounts")
    assert len(mailoutbox) == 2
    confirm(mailed_token(mailoutbox))
    time_machine.move_to(timezone.now() + timedelta(minutes=1))
    assert make.api(person).post("/auth/verify-email").status_code == 202
    drain_outbox("accounts")
    assert len(mailoutbox) == 2
    assert Api().post("/auth/verify-email").status_code == 401


def test_asking_again_within_a_minute_mails_once(mailoutbox):
    person, now = make.user(), timezone.now()
    for _ in range(3):
        services.resend_verification(user_id=person.id, now=now)
    drain_outbox("accounts")
    assert len(mailoutbox) == 1


def test_a_link_lives_a_day(time_machine):
    token = queries.verification_token(register())
    time_machine.move_to(timezone.now() + timedelta(days=1, seconds=1))
    assert confirm(token).status_code == 400


@pytest.mark.parametrize("token", ["x", "a:b:c", "0" * 500])
def test_a_forged_link_verifies_nothing(token):
    person = register()
    with capture_events("accounts") as events:
        assert confirm(token).status_code == 400
        assert Api().post("/auth/verify-email/confirm", {}).status_code == 400
    assert events == []
    assert User.objects.get(pk=person.pk).email_verified_at is None

"""Another e-mail waits until its mailbox is proved, and the mailbox of before is told and may take it back."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import queries, services
from accounts.errors import OddEmail
from accounts.models import Activity, ApiKey, Session, User
from accounts.providers import oidc
from accounts.tests import make
from core.testing import Api
from messaging.testing import capture_events, drain_outbox, published

pytestmark = pytest.mark.django_db(databases=make.ERASING)
NEW = "new@example.com"


def proved(*roles, **fields) -> User:
    person = make.user(*roles, **fields)
    return services.verify_email(token=queries.verification_token(person), now=timezone.now())


def ask(person, email=NEW):
    return services.update_user(user_id=person.id, changes={"email": email}, now=timezone.now())


def letters(mailoutbox):
    drain_outbox("accounts")
    return {mail.to[0]: mail.body for mail in mailoutbox}


def link_in(body):
    return body.split("?token=")[1].split()[0]


def confirm(token):
    return Api().post("/auth/verify-email/confirm", {"token": token})


def undo(token):
    return Api().post("/auth/undo-email", {"token": token})


def test_nothing_changes_before_the_proof(mailoutbox):
    person = proved()
    with capture_events("accounts") as told:
        answer = make.api(person).patch("/users/me", {"email": NEW.upper()}).json()
    assert (answer["email"], answer["pending_email"], answer["email_verified"]) == (person.email, NEW, True)
    assert told == ["user.logged_in"]
    for identifier, status in ((person.email, 200), (NEW, 401)):
        assert Api().post("/auth/login", {"email": identifier, "password": make.PASSWORD}).status_code == status
    assert set(letters(mailoutbox)) == {person.email, NEW}
    assert Activity.objects.filter(user=person, kind="email_asked").count() == 1


def test_the_link_makes_it_the_e_mail(mailoutbox):
    person = proved()
    ask(person)
    token = link_in(letters(mailoutbox)[NEW])
    with capture_events("accounts") as told:
        assert confirm(token).status_code == 204
    assert told == ["user.updated"]
    person.refresh_from_db()
    assert (person.email, person.pending_email, person.is_email_proved) == (NEW, "", True)
    assert Activity.objects.filter(user=person, kind="email_changed").count() == 1
    assert confirm(token).status_code == 400


def test_links_for_a_new_password_die_with_the_old_e_mail():
    person = proved()
    token = queries.password_reset_token(person)
    changed = ask(person)
    services.verify_email(token=queries.verification_token(changed), now=timezone.now())
    answer = Api().post("/auth/reset-password/confirm", {"token": token, "new_password": "another-horse-battery"})
    assert answer.status_code == 400
    assert User.objects.get().check_password(make.PASSWORD)


@pytest.mark.parametrize("is_confirmed", [False, True])
def test_the_old_mailbox_takes_it_back(mailoutbox, is_confirmed):
    person = proved()
    services.create_api_key(
        user_id=person.id, name="till", scopes=["orders:read"], expires_at=None, address="", now=timezone.now()
    )
    make.pair(person)
    ask(person)
    told = letters(mailoutbox)
    if is_confirmed:
        confirm(link_in(told[NEW]))
    token = link_in(told[person.email])
    with capture_events("accounts") as facts:
        assert undo(token).status_code == 204
    assert facts == ["user.updated", "user.logged_out"]
    changed = User.objects.get()
    assert (changed.email, changed.pending_email, changed.former_email) == (person.email, "", "")
    assert changed.is_email_proved
    assert not changed.has_usable_password()
    assert not Session.objects.live(person.id, timezone.now()).exists()
    assert not ApiKey.objects.live(timezone.now()).exists()
    assert confirm(link_in(told[NEW])).status_code == 400
    assert undo(token).status_code == 400
    drain_outbox("accounts")
    assert mailoutbox[-1].to == [person.email]
    assert "/reset-password/?token=" in mailoutbox[-1].body


def test_a_mailbox_that_was_never_proved_is_told_nothing(mailoutbox):
    person = make.user()
    ask(person)
    assert set(letters(mailoutbox)) == {NEW}
    assert undo(queries.undo_token(User.objects.get())).status_code == 400
    assert User.objects.get().pending_email == NEW


def test_only_the_last_change_can_be_taken_back():
    person = proved()
    first = queries.undo_token(ask(person))
    ask(person, "third@example.com")
    assert undo(first).status_code == 400
    assert User.objects.get().pending_email == "third@example.com"


def test_the_link_back_lives_a_week(time_machine):
    person = proved()
    token = queries.undo_token(ask(person))
    time_machine.move_to(timezone.now() + timedelta(days=7, seconds=1))
    assert undo(token).status_code == 400
    assert services.forget_former_emails(now=timezone.now()) == 1
    person.refresh_from_db()
    assert (person.former_email, person.pending_email, person.email_asked_at) == ("", "", None)


@pytest.mark.parametrize("token", ["x", "a:b:c", "0" * 500])
def test_a_forged_link_takes_nothing_back(token):
    ask(proved())
    before = published("accounts")
    assert undo(token).status_code == 400
    assert undo(queries.verification_token(User.objects.get())).status_code == 400
    assert (User.objects.get().pending_email, published("accounts")) == (NEW, before)


def test_a_waiting_e_mail_keeps_nobody_from_it():
    person, other = proved(), make.user()
    waiting = ask(person)
    services.update_user(user_id=other.id, changes={"email": NEW}, now=timezone.now())
    services.verify_email(token=queries.verification_token(User.objects.get(pk=other.pk)), now=timezone.now())
    answer = confirm(queries.verification_token(waiting))
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    person.refresh_from_db()
    assert person.pending_email == NEW


def test_the_present_e_mail_given_again_changes_nothing():
    person = proved()
    ask(person)
    version = User.objects.get().version
    ask(person, person.email.upper())
    assert (User.objects.get().version, User.objects.get().pending_email) == (version, NEW)


def test_an_administrators_change_is_proved_too(mailoutbox):
    person, admin = proved(), make.user("admin")
    answer = make.api(admin).patch(f"/users/{person.id}", {"email": NEW, "full_name": "Anna"}).json()
    assert (answer["email"], answer["pending_email"], answer["full_name"]) == (person.email, NEW, "Anna")
    assert set(letters(mailoutbox)) == {person.email, NEW}


def test_erasing_forgets_every_mailbox():
    person = proved()
    ask(person)
    services.erase_user(user_id=person.id, now=timezone.now())
    person.refresh_from_db()
    assert (person.pending_email, person.former_email, person.email_asked_at) == ("", "", None)


def test_the_database_knows_a_waiting_e_mail_from_the_present_one():
    person = make.user()
    for wrong in (person.email, "Upper@example.com"):
        with pytest.raises(IntegrityError), transaction.atomic(using="accounts"):  # noqa: TID251 - the constraint itself
            User.objects.filter(pk=person.pk).update(pending_email=wrong)


ODD = [
    "admin@example.com\u200b", "\u017f@example.com", "\u212a@example.com", "anna@ex\u200bample.com",
    "anna@\uff45xample.com", "anna@example\u3002com", "\u0430nna@example.com",
]  # fmt: skip


@pytest.mark.parametrize("email", ODD)
def test_addresses_that_look_like_others_are_refused_at_every_door(email):
    person, admin = proved(), make.user("admin")
    doors = [
        make.api(person).patch("/users/me", {"email": email}),
        make.api(admin).patch(f"/users/{person.id}", {"email": email}),
        Api().post("/auth/register", {"email": email, "password": make.PASSWORD}),
        make.api(admin).post("/users", {"email": email, "password": make.PASSWORD}),
    ]
    for answer in doors:
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "email")
    with pytest.raises(OddEmail):
        ask(person, email)
    assert User.objects.count() == 2
    assert not User.objects.exclude(pending_email="").exists()


@pytest.mark.parametrize(
    "email", ["o'neil+cars@example.com", "anna@xn--e1afmkfd.xn--p1ai", "anna@пример.рф", "a_b@1.example"]
)
def test_ordinary_addresses_of_every_script_are_taken(email):
    assert Api().post("/auth/register", {"email": email, "password": make.PASSWORD}).status_code == 201


def test_a_provider_cannot_fold_one_address_into_another():
    assert oidc._small("ANNA@Example.com") == "anna@example.com"
    assert oidc._small("\u212aim@example.com") != "kim@example.com"

import pytest
from django.utils import timezone

from accounts import queries, services
from accounts.models import Session, User
from accounts.tests import make
from core.testing import Api, token_for
from messaging.testing import capture_events, drain_outbox, published

pytestmark = pytest.mark.django_db(databases=["accounts"])
NEW = "quite-another-horse"


def test_me_is_the_same_at_both_addresses():
    person = make.user(full_name="Анна")
    caller = make.api(person)
    body = caller.get("/auth/me").json()
    assert body == caller.get("/users/me/").json()
    assert (body["id"], body["email"], body["roles"]) == (str(person.id), person.email, ["client"])


@pytest.mark.parametrize("path", ["/auth/me", "/users/me"])
def test_an_api_key_reads_its_owners_profile_if_it_has_the_scope(path):
    person, key = make.user(), Api()
    for scope, status in (("accounts:read", 200), ("orders:read", 403)):
        key.headers = {"Authorization": f"Bearer {token_for(person.id, 'client', scope=scope)}"}
        assert key.get(path).status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/auth/me"),
        ("get", "/users/me"),
        ("put", "/users/me"),
        ("patch", "/users/me"),
        ("put", "/users/me/password"),
    ],
)
def test_a_profile_needs_a_token(method, path):
    assert Api().request(method, path, {} if method != "get" else None).status_code == 401


def test_somebody_accounts_does_not_know_has_no_profile():
    assert Api("client").get("/auth/me").status_code == 404
    assert Api("client").patch("/users/me", {"phone": "+79001234567"}).status_code == 404


def test_patch_changes_what_is_sent():
    person = make.user(full_name="Анна", phone="+79001112233")
    with capture_events("accounts") as events:
        answer = make.api(person).patch("/users/me", {"full_name": "Анна Каренина"})
    body = answer.json()
    assert (answer.status_code, body["full_name"], body["phone"], body["version"]) == (
        200, "Анна Каренина", "+79001112233", 2,
    )  # fmt: skip
    assert events == ["user.logged_in", "user.updated"]


def test_put_empties_nothing_that_is_not_named():
    person = make.user(full_name="Анна", phone="+79001112233", username="anna")
    body = make.api(person).put("/users/me", {"first_name": "Анна", "last_name": "К."}).json()
    assert (body["full_name"], body["phone"]) == ("Анна", "+79001112233")
    assert (body["email"], body["username"]) == (person.email, "anna")


def test_a_composed_full_name_follows_its_parts_and_a_chosen_one_stays():
    composed, chosen = make.user(first_name="Анна", last_name="К."), make.user(full_name="Королева", first_name="Анна")
    assert make.api(composed).patch("/users/me", {"last_name": "Б."}).json()["full_name"] == "Анна Б."
    assert make.api(chosen).patch("/users/me", {"last_name": "Б."}).json()["full_name"] == "Королева"


def test_what_changes_nothing_publishes_nothing():
    person = make.user(full_name="Анна")
    before = published("accounts")
    services.update_user(user_id=person.id, changes={"full_name": "Анна "}, now=timezone.now())
    assert published("accounts") == before
    assert User.objects.get().version == 1


def test_nobody_gives_oneself_power():
    person = make.user()
    power = {"roles": ["admin"], "role": "admin", "is_active": False, "is_superuser": True, "id": "x"}
    answer = make.api(person).patch("/users/me", power)
    assert (answer.status_code, {wrong["field"] for wrong in answer.json()["errors"]}) == (400, set(power))
    person.refresh_from_db()
    assert (person.roles, person.is_active, person.version) == (["client"], True, 1)


@pytest.mark.parametrize(
    "change", [{"email": "x"}, {"email": ""}, {"phone": "x"}, {"username": "a b"}, {"full_name": "x" * 301}, ["list"]]
)
def test_bad_input_changes_nothing(change):
    person = make.user()
    answer = make.api(person).patch("/users/me", change)
    assert answer.status_code == 400
    assert "user.updated" not in published("accounts")


def test_a_taken_email_is_a_conflict():
    other, person = make.user(), make.user()
    answer = make.api(person).patch("/users/me", {"email": other.email.upper()})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


def test_a_stale_version_is_refused():
    person = make.user()
    caller = make.api(person)
    assert caller.get("/users/me")["ETag"] == '"1"'
    assert caller.patch("/users/me", {"phone": "+79001234567"}, If_Match='"1"').status_code == 200
    answer = caller.patch("/users/me", {"phone": ""}, If_Match='"1"')
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    assert User.objects.get().phone == "+79001234567"


# Password -----------------------------------------------------------------------------------------------------------
def test_a_new_password_ends_every_other_session():
    person = make.user()
    here, there = make.pair(person), make.pair(person)
    body = {"old_password": make.PASSWORD, "new_password": NEW}
    with capture_events("accounts") as events:
        assert make.bearer(here.access_token).put("/users/me/password", body).status_code == 204
    assert events == ["user.logged_out"]
    drain_outbox("accounts")
    assert make.bearer(here.access_token).get("/auth/me").status_code == 200
    assert make.bearer(there.access_token).get("/auth/me").status_code == 401
    assert Api().post("/auth/login", {"email": person.email, "password": make.PASSWORD}).status_code == 401
    assert Api().post("/auth/login", {"email": person.email, "password": NEW}).status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "field", "code"),
    [
        ("wrong", NEW, "old_password", "wrong_password"),
        (make.PASSWORD, "short", "new_password", "password_too_short"),
        (make.PASSWORD, "", "new_password", "blank"),
    ],
)
def test_a_refused_password_changes_nothing(old, new, field, code):
    person = make.user()
    make.pair(person)
    answer = make.api(person).put("/users/me/password", {"old_password": old, "new_password": new})
    assert answer.status_code == 400
    assert (field, code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert User.objects.get().check_password(make.PASSWORD)
    assert "user.logged_out" not in published("accounts")


def test_guessing_the_old_password_makes_the_account_wait():
    caller = make.api(make.user())
    guesses = [{"old_password": f"guess{number}", "new_password": NEW} for number in range(6)]
    assert [caller.put("/users/me/password", guess).status_code for guess in guesses] == [400] * 5 + [429]


# Forgotten ----------------------------------------------------------------------------------------------------------
def _mailed_token(mailoutbox) -> str:
    return mailoutbox[-1].body.split("token=")[1].split()[0]


def test_a_mailed_link_sets_a_password_once(mailoutbox):
    person = make.user()
    make.pair(person)
    assert Api().post("/auth/reset-password", {"email": person.email.upper()}).status_code == 202
    drain_outbox("accounts")
    assert mailoutbox[-1].to == [person.email]
    body = {"token": _mailed_token(mailoutbox), "new_password": NEW}
    assert Api().post("/auth/reset-password/confirm", body).status_code == 204
    assert User.objects.get().check_password(NEW)
    assert not Session.objects.filter(revoked_at__isnull=True).exists()
    answer = Api().post("/auth/reset-password/confirm", body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_reset_token")


def test_nobody_learns_who_has_an_account(mailoutbox):
    closed = make.user()
    services.close_account(user_id=closed.id, now=timezone.now())
    for email in ("nobody@example.com", closed.email):
        answer = Api().post("/auth/reset-password", {"email": email})
        assert (answer.status_code, answer.content) == (202, b"")
    drain_outbox("accounts")
    assert mailoutbox == []


def test_asking_again_within_a_minute_mails_once(mailoutbox):
    person, now = make.user(), timezone.now()
    for _ in range(3):
        services.request_password_reset(email=person.email, now=now)
    drain_outbox("accounts")
    assert len(mailoutbox) == 1


def test_a_link_dies_with_the_next_sign_in():
    person = make.user()
    token = queries.password_reset_token(person)
    make.pair(person)
    answer = Api().post("/auth/reset-password/confirm", {"token": token, "new_password": NEW})
    assert answer.status_code == 400


def test_a_link_lets_a_waiting_account_in_again():
    person = make.user()
    for _ in range(5):
        Api().post("/auth/login", {"email": person.email, "password": "wrong"})
    assert Api().post("/auth/login", {"email": person.email, "password": make.PASSWORD}).status_code == 429
    token = queries.password_reset_token(person)
    assert Api().post("/auth/reset-password/confirm", {"token": token, "new_password": NEW}).status_code == 204
    assert Api().post("/auth/login", {"email": person.email, "password": NEW}).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "a-b-c", "0" * 32 + "-abc-def", "x" * 300])
def test_a_forged_link_is_refused(token):
    person = make.user()
    answer = Api().post("/auth/reset-password/confirm", {"token": token, "new_password": NEW})
    assert answer.status_code == 400
    answer = Api().post("/auth/reset-password/confirm", {"token": f"{person.id.hex}-{token}", "new_password": NEW})
    assert answer.status_code == 400
    assert User.objects.get().check_password(make.PASSWORD)


def test_a_weak_new_password_leaves_the_link_good():
    person = make.user()
    token = queries.password_reset_token(person)
    answer = Api().post("/auth/reset-password/confirm", {"token": token, "new_password": "short"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "new_password")
    assert Api().post("/auth/reset-password/confirm", {"token": token, "new_password": NEW}).status_code == 204


def test_a_mail_server_that_is_away_is_tried_again(mailoutbox, monkeypatch):
    from messaging.testing import make_due

    person = make.user()
    services.request_password_reset(email=person.email, now=timezone.now())
    with monkeypatch.context() as away:
        away.setattr("core.outside.letters.EmailMultiAlternatives.send", _refuse)
        drain_outbox("accounts")
    assert mailoutbox == []
    make_due("accounts")
    drain_outbox("accounts")
    assert len(mailoutbox) == 1


def _refuse(*_: object) -> None:
    raise ConnectionRefusedError

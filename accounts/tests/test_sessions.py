from datetime import timedelta
from unittest import mock

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import handlers, services, tasks
from accounts.events import UserLoggedOut
from accounts.models import Session
from accounts.services.sessions import end_sessions
from accounts.tests import make
from core.ids import uuid7
from core.testing import Api
from gateway.guards import guard
from gateway.principal import read_token
from messaging.testing import capture_events, drain_outbox, published

pytestmark = pytest.mark.django_db(databases=["accounts"])


def test_logout_ends_the_session_and_both_tokens():
    person = make.user()
    pair, other = make.pair(person), make.pair(person)
    with capture_events("accounts") as events:
        answer = make.bearer(pair.access_token).post("/auth/logout", {"refresh_token": pair.refresh_token})
    assert (answer.status_code, events) == (204, ["user.logged_out"])
    drain_outbox("accounts")
    assert make.bearer(pair.access_token).get("/auth/me").status_code == 401
    assert Api().post("/auth/refresh", {"refresh_token": pair.refresh_token}).status_code == 401
    assert make.bearer(other.access_token).get("/auth/me").status_code == 200


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_logout_bites_at_once():
    pair = make.pair(make.user())
    assert make.bearer(pair.access_token).post("/auth/logout", {}).status_code == 204
    assert make.bearer(pair.access_token).get("/auth/me").status_code == 401
    assert Api().post("/auth/verify", {"token": pair.access_token}).json() == {"valid": False}


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_a_long_token_is_refused_at_once_and_until_it_would_have_expired():
    person = make.user()
    first = make.pair(person, access_token_seconds=86_400)
    second = services.refresh(refresh_token=first.refresh_token, address=make.ADDRESS, now=timezone.now())
    end_sessions(user_id=person.id, because="password_changed", now=timezone.now())
    for pair in (first, second):
        assert make.bearer(pair.access_token).get("/auth/me").status_code == 401
        kept = guard.client().ttl(f"{settings.REDIS_PREFIX}:revoked:{read_token(pair.access_token).jti}")
        assert 86_300 < kept <= 86_401
    assert services.push_revocations(now=timezone.now() + timedelta(hours=23)) == 2


def test_logout_needs_a_token():
    assert Api().post("/auth/logout", {"refresh_token": "x"}).status_code == 401


def test_logout_leaves_somebody_elses_session_alone():
    mine, theirs = make.pair(make.user()), make.pair(make.user())
    assert (
        make.bearer(mine.access_token).post("/auth/logout", {"refresh_token": theirs.refresh_token}).status_code == 204
    )
    assert Session.objects.get(pk=theirs.session_id).revoked_at is None
    assert Session.objects.get(pk=mine.session_id).revoked_at is not None


def test_one_sees_ones_own_sessions():
    person = make.user()
    pair = make.pair(person, device="phone")
    make.pair(person, device="laptop", now=timezone.now() - timedelta(hours=1))
    make.pair(person, now=timezone.now() - timedelta(days=31))
    make.pair(make.user())
    page = make.bearer(pair.access_token).get("/auth/sessions").json()
    shown = [(row["device"], row["address"], row["is_current"]) for row in page["results"]]
    assert shown == [("phone", make.ADDRESS, True), ("laptop", make.ADDRESS, False)]
    assert set(page["results"][0]) == {
        "id", "device", "address", "created_at", "last_used_at", "expires_at", "is_current",
    }  # fmt: skip


def test_the_session_list_costs_the_same_for_any_length(django_assert_num_queries):
    person = make.user()
    caller = make.api(person)
    for _ in range(50):
        make.pair(person)
    for size in (5, 50):
        with django_assert_num_queries(1, using="accounts"):
            assert len(caller.get(f"/auth/sessions?page_size={size}").json()["results"]) == size


def test_a_session_can_be_ended_from_another():
    person = make.user()
    lost, here = make.pair(person), make.pair(person)
    caller = make.bearer(here.access_token)
    with capture_events("accounts") as events:
        assert caller.delete(f"/auth/sessions/{lost.session_id}").status_code == 204
    assert events == ["user.logged_out"]
    drain_outbox("accounts")
    assert make.bearer(lost.access_token).get("/auth/me").status_code == 401
    assert caller.get("/auth/me").status_code == 200
    assert caller.delete(f"/auth/sessions/{lost.session_id}").status_code == 404


def test_nobody_ends_a_session_of_another():
    theirs = make.pair(make.user())
    for caller, status in ((make.api(make.user()), 404), (make.api(make.user("admin")), 404), (Api(), 401)):
        assert caller.delete(f"/auth/sessions/{theirs.session_id}").status_code == status
    assert make.api(make.user()).delete(f"/auth/sessions/{uuid7()}").status_code == 404
    assert Session.objects.get(pk=theirs.session_id).revoked_at is None
    assert "user.logged_out" not in published("accounts")


def test_sessions_need_a_token():
    assert Api().get("/auth/sessions").status_code == 401


@pytest.mark.parametrize("query", ["ordering=nonsense", "page_size=0", "cursor=garbage", "colour=red"])
def test_bad_list_parameters_are_refused(query):
    assert make.api(make.user()).get(f"/auth/sessions?{query}").status_code == 400


def test_hearing_twice_refuses_once_and_harms_nobody():
    person = make.user()
    pair, other = make.pair(person), make.pair(person)
    services.revoke_session(user_id=person.id, session_id=pair.session_id, now=timezone.now())
    event = UserLoggedOut(user_id=person.id, session_id=pair.session_id)
    handlers.refuse_revoked_tokens(event)
    handlers.refuse_revoked_tokens(event)
    assert guard.is_revoked(read_token(pair.access_token))
    assert not guard.is_revoked(read_token(other.access_token))


def test_what_valkey_forgot_is_told_again():
    person = make.user()
    pair = make.pair(person)
    services.revoke_session(user_id=person.id, session_id=pair.session_id, now=timezone.now())
    make.pair(make.user())
    assert tasks.restore_revocations() == 1
    assert guard.is_revoked(read_token(pair.access_token))
    assert services.push_revocations(now=timezone.now() + timedelta(minutes=16)) == 0


def test_the_nightly_purge_counts_what_went():
    make.pair(make.user(), now=timezone.now() - timedelta(days=100))
    assert tasks.purge_sessions() == 2


def test_signing_out_survives_valkey_being_away():
    import redis

    person = make.user()
    pair = make.pair(person)
    away = redis.Redis(unix_socket_path="/nowhere/valkey.sock", retry=None)
    with mock.patch.object(guard, "client", return_value=away):
        services.sign_out(principal=read_token(pair.access_token), refresh_token="", now=timezone.now())
    drain_outbox("accounts")
    assert guard.is_revoked(read_token(pair.access_token))


@pytest.mark.parametrize(("role", "is_let_on"), [("client", True), ("manager", False), ("admin", False)])
def test_staff_sign_in_again_after_a_day(role, is_let_on, time_machine):
    """However often the session is used meanwhile; a client's lives on by being used."""
    person, now = make.user(role), timezone.now()
    pair = make.pair(person)
    page = services.open_session(user_id=person.id, device="", address="", now=now)
    for hours in (10, 20):
        time_machine.move_to(now + timedelta(hours=hours))
        pair = services.refresh(refresh_token=pair.refresh_token, address="", now=timezone.now())
        assert services.use_session(user_id=person.id, session_id=page.id, now=timezone.now())
    time_machine.move_to(now + timedelta(hours=24, minutes=1))
    assert services.use_session(user_id=person.id, session_id=page.id, now=timezone.now()) == is_let_on
    answer = Api().post("/auth/refresh", {"refresh_token": pair.refresh_token})
    assert (answer.status_code == 200) == is_let_on


def test_a_session_older_than_the_role_ends_with_its_day(time_machine):
    person, now = make.user(), timezone.now()
    page = services.open_session(user_id=person.id, device="", address="", now=now)
    services.change_roles(user_id=person.id, roles=["manager"], now=now)
    time_machine.move_to(now + timedelta(hours=25))
    assert not services.use_session(user_id=person.id, session_id=page.id, now=timezone.now())

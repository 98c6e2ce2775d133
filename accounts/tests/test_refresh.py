import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts import services
from accounts.errors import InvalidRefreshToken
from accounts.models import RefreshToken, Session
from accounts.tests import make
from core.testing import Api
from gateway.guards import guard
from gateway.principal import read_token
from messaging.testing import drain_outbox, published

pytestmark = pytest.mark.django_db(databases=["accounts"])


def refresh(token: str, **options) -> services.TokenPair:
    return services.refresh(refresh_token=token, **({"address": make.ADDRESS, "now": timezone.now()} | options))


def test_a_refresh_token_is_spent_for_a_new_pair():
    person = make.user()
    first = make.pair(person)
    answer = Api().post("/auth/refresh", {"refresh_token": first.refresh_token})
    assert answer.status_code == 200
    body = answer.json()
    assert body["refresh_token"] != first.refresh_token
    assert read_token(body["access_token"]).id == person.id
    assert read_token(body["access_token"]).jti != read_token(first.access_token).jti


def test_only_digests_are_stored():
    pair = make.pair(make.user())
    second = refresh(pair.refresh_token)
    stored = str(list(RefreshToken.objects.values()))
    assert pair.refresh_token not in stored
    assert second.refresh_token not in stored


def test_within_the_grace_it_gives_the_same_child():
    first = make.pair(make.user())
    now = timezone.now()
    second = refresh(first.refresh_token, now=now)
    assert refresh(first.refresh_token, now=now + timedelta(seconds=9)) == second
    assert RefreshToken.objects.count() == 2


def test_a_second_use_after_the_grace_ends_the_whole_session():
    first = make.pair(make.user())
    now = timezone.now()
    second = refresh(first.refresh_token, now=now)
    third = refresh(second.refresh_token, now=now + timedelta(seconds=5))
    with pytest.raises(InvalidRefreshToken):
        refresh(first.refresh_token, now=now + timedelta(seconds=11))
    session = Session.objects.get()
    assert (session.revoked_because, published("accounts")[-1]) == ("reuse", "user.logged_out")
    with pytest.raises(InvalidRefreshToken):
        refresh(third.refresh_token, now=now + timedelta(seconds=12))
    assert published("accounts").count("user.logged_out") == 1


def test_after_reuse_the_thiefs_access_token_stops_working(settings):
    settings.REFRESH_GRACE_S = -1
    first = make.pair(make.user())
    second = refresh(first.refresh_token)
    assert make.bearer(second.access_token).get("/auth/me").status_code == 200
    assert Api().post("/auth/refresh", {"refresh_token": first.refresh_token}).status_code == 401
    drain_outbox("accounts")
    assert make.bearer(second.access_token).get("/auth/me").status_code == 401


def test_other_sessions_of_the_person_live_on(settings):
    settings.REFRESH_GRACE_S = -1
    person = make.user()
    stolen, other = make.pair(person), make.pair(person)
    refresh(stolen.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        refresh(stolen.refresh_token)
    assert refresh(other.refresh_token)


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "я" * 20])
def test_an_unknown_token_is_refused(token):
    with pytest.raises(InvalidRefreshToken):
        refresh(token)


def test_an_unknown_token_is_a_401_and_none_is_a_400():
    answer = Api().post("/auth/refresh", {"refresh_token": "unknown"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_refresh_token")
    assert Api().post("/auth/refresh", {}).status_code == 400


def test_an_access_token_is_no_refresh_token():
    pair = make.pair(make.user())
    assert Api().post("/auth/refresh", {"refresh_token": pair.access_token[:200]}).status_code == 401


def test_a_session_lives_thirty_days_from_its_last_refresh():
    start = timezone.now()
    first = make.pair(make.user(), now=start)
    second = refresh(first.refresh_token, now=start + timedelta(days=29))
    third = refresh(second.refresh_token, now=start + timedelta(days=58))
    with pytest.raises(InvalidRefreshToken):
        refresh(third.refresh_token, now=start + timedelta(days=89))


def test_a_closed_account_cannot_refresh():
    person = make.user()
    pair = make.pair(person)
    services.close_account(user_id=person.id, now=timezone.now())
    with pytest.raises(InvalidRefreshToken):
        refresh(pair.refresh_token)


def test_a_new_pair_carries_the_roles_of_today():
    person = make.user()
    pair = make.pair(person)
    services.change_roles(user_id=person.id, roles=["manager"], now=timezone.now())
    assert read_token(refresh(pair.refresh_token).access_token).roles == {"manager"}


def test_purging_leaves_the_living_chain():
    start = timezone.now() - timedelta(days=31)
    first = make.pair(make.user(), now=start)
    second = refresh(first.refresh_token, now=start + timedelta(days=20))
    make.pair(make.user(), now=start - timedelta(days=40))
    assert services.purge_expired(now=timezone.now()) == 3
    assert refresh(second.refresh_token)


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_five_parallel_refreshes_all_get_the_same_child():
    first = make.pair(make.user())
    gate, got = threading.Barrier(5), []

    def ask() -> None:
        try:
            gate.wait()
            got.append(refresh(first.refresh_token))
        finally:
            connections["accounts"].close()

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 5
    assert len(set(got)) == 1
    assert RefreshToken.objects.count() == 2
    assert refresh(got[0].refresh_token)


@pytest.mark.django_db(databases=["accounts"], transaction=True)
def test_an_ended_session_is_refused_right_after_the_commit():
    person = make.user()
    pair = make.pair(person)
    services.revoke_session(user_id=person.id, session_id=pair.session_id, now=timezone.now())
    assert guard.is_revoked(read_token(pair.access_token))

from datetime import timedelta
from unittest import mock

import pytest
import redis
from django.utils import timezone

from accounts import services
from accounts.models import Activity, ApiKey
from accounts.tests import make
from core.testing import Api
from gateway.access import api_keys
from gateway.access.bearer import read_header
from gateway.guards import guard
from gateway.principal import InvalidToken, read_token

pytestmark = pytest.mark.django_db(databases=["accounts"], transaction=True)


def new_key(person, *scopes: str, **body) -> dict:
    scopes = scopes or ("accounts:read",)
    answer = make.api(person).post("/auth/api-keys", {"name": "Robot", "scopes": scopes} | body)
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_a_key_is_shown_once_and_kept_as_a_digest():
    person = make.user()
    made = new_key(person)
    assert set(made) == {"id", "name", "prefix", "scopes", "created_at", "expires_at", "revoked_at", "key"}
    assert made["key"].startswith(made["prefix"])
    assert made["key"] not in str(list(ApiKey.objects.values()))
    (listed,) = make.api(person).get("/auth/api-keys").json()["results"]
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert Activity.objects.get(kind="api_key_created").details["prefix"] == made["prefix"]


def test_it_opens_what_its_scopes_say_and_nothing_else():
    person = make.user("admin")
    robot = make.bearer(new_key(person, "accounts:read")["key"])
    assert robot.get("/users/me").json()["id"] == str(person.id)
    assert robot.get("/users").status_code == 200
    for answer in (robot.post("/users", {}), robot.get("/orders"), robot.post("/orders", {}), robot.get("/payments")):
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert robot.get("/orders").json()["scope"] == "orders:read"


def test_it_has_the_roles_of_its_owner():
    robot = make.bearer(new_key(make.user(), "accounts:read")["key"])
    answer = robot.get("/users")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("path", ["/auth/mfa/enroll", "/auth/logout", "/auth/api-keys", "/auth/ws-ticket"])
def test_a_key_cannot_change_the_account(path):
    robot = make.bearer(new_key(make.user())["key"])
    assert robot.post(path, {"name": "x", "scopes": ["orders:read"]}).status_code == 403
    assert ApiKey.objects.count() == 1


def test_services_are_asked_nothing(django_assert_num_queries):
    """The token behind the key says it all: no database is touched to know the caller."""
    key = new_key(make.user())["key"]
    with django_assert_num_queries(0, using="accounts"):
        assert read_header(f"Bearer {key}").scopes == {"accounts:read"}


def test_a_revoked_key_stops_with_the_next_request():
    person = make.user()
    made = new_key(person)
    robot = make.bearer(made["key"])
    token = api_keys.token_behind(made["key"])
    assert make.api(person).delete(f"/auth/api-keys/{made['id']}").status_code == 204
    assert robot.get("/users/me").status_code == 401
    assert guard.is_revoked(read_token(token))  # somebody who kept the token is refused as well
    assert make.api(person).delete(f"/auth/api-keys/{made['id']}").status_code == 404
    services.publish_api_keys(now=timezone.now())
    assert robot.get("/users/me").status_code == 401


def test_anothers_key_is_not_there():
    made = new_key(make.user())
    stranger = make.api(make.user("admin"))
    assert stranger.delete(f"/auth/api-keys/{made['id']}").status_code == 404
    assert stranger.get("/auth/api-keys").json()["results"] == []
    assert ApiKey.objects.get().revoked_at is None


def test_strangers_have_no_keys():
    assert Api().get("/auth/api-keys").status_code == 401
    assert Api().post("/auth/api-keys", {"name": "x", "scopes": ["orders:read"]}).status_code == 401
    assert Api().delete(f"/auth/api-keys/{make.user().id}").status_code == 401
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"scopes": ["accounts:write"]}, "scopes.0"),
        ({"name": ""}, "name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_bad_input_makes_no_key(change, field):
    answer = make.api(make.user()).post("/auth/api-keys", {"name": "Robot", "scopes": ["orders:read"]} | change)
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not ApiKey.objects.exists()


def test_a_person_has_only_so_many():
    caller = make.api(make.user())
    with mock.patch.object(services.api_keys, "MOST_KEYS", 2):
        statuses = [caller.post("/auth/api-keys", {"name": "x", "scopes": ["orders:read"]}).status_code for _ in "123"]
    assert statuses == [201, 201, 409]


def test_a_key_follows_the_roles_of_its_owner_at_once():
    person = make.user("admin")
    make.user("admin")
    robot = make.bearer(new_key(person)["key"])
    before = api_keys.token_behind(robot.headers["Authorization"].split()[1])
    assert robot.get("/users").status_code == 200
    services.change_roles(user_id=person.id, roles=["client"], now=timezone.now())
    assert robot.get("/users").status_code == 403
    assert robot.get("/users/me").status_code == 200
    assert guard.is_revoked(read_token(before))


@pytest.mark.django_db(databases=make.ERASING, transaction=True)
@pytest.mark.parametrize("end", [services.close_account, services.erase_user])
def test_a_closed_account_has_no_keys(end):
    person = make.user()
    robot = make.bearer(new_key(person)["key"])
    end(user_id=person.id, now=timezone.now())
    assert robot.get("/users/me").status_code == 401
    if end is services.close_account:
        services.reopen_account(user_id=person.id, now=timezone.now())
        assert robot.get("/users/me").status_code == 401


def test_a_key_expires():
    person, now = make.user(), timezone.now()
    _, key = services.create_api_key(
        user_id=person.id,
        name="x",
        scopes=["accounts:read"],
        expires_at=now + timedelta(minutes=1),
        address="",
        now=now,
    )
    assert read_header(f"Bearer {key}").expires_at == int((now + timedelta(minutes=1)).timestamp())
    assert services.publish_api_keys(now=now + timedelta(minutes=2)) == 0


def test_tokens_are_renewed_before_they_expire(time_machine):
    person, now = make.user(), timezone.now()
    key = new_key(person)["key"]
    first = api_keys.token_behind(key)
    assert services.publish_api_keys(now=now + timedelta(minutes=1)) == 0
    time_machine.move_to(now + timedelta(minutes=8))
    assert services.publish_api_keys(now=now + timedelta(minutes=8)) == 1
    second = api_keys.token_behind(key)
    assert read_token(second).expires_at > read_token(first).expires_at
    assert read_token(second).jti != read_token(first).jti


def test_what_valkey_lost_is_restored():
    key = new_key(make.user())["key"]
    guard.client().flushdb()
    with pytest.raises(InvalidToken):
        read_header(f"Bearer {key}")
    assert services.publish_api_keys(now=timezone.now()) == 1
    assert read_header(f"Bearer {key}")


def test_without_valkey_a_process_goes_by_what_it_saw():
    key = new_key(make.user())["key"]
    assert read_header(f"Bearer {key}")
    away = redis.Redis(unix_socket_path="/nowhere/valkey.sock", retry=None)
    with mock.patch.object(api_keys, "client", return_value=away):
        assert read_header(f"Bearer {key}")
        with pytest.raises(InvalidToken):
            read_header("Bearer ask_00000000_unknown")


@pytest.mark.parametrize("key", ["ask_", "ask_x", "ask_00000000_" + "x" * 43])
def test_an_unknown_key_is_a_401(key):
    assert make.bearer(key).get("/users/me").status_code == 401


def test_guessing_keys_and_tokens_is_limited_per_address(settings):
    settings.RATE_LIMITS_ON = True
    guesser = make.bearer("ask_00000000_guess")
    guesser.client.defaults["REMOTE_ADDR"] = "127.45.0.1"
    statuses = [guesser.get("/users/me").status_code for _ in range(101)]
    assert statuses == [401] * 100 + [429]
    guesser.headers = {"Authorization": "Bearer not.a.token"}
    assert guesser.post("/orders", {}).status_code == 429  # the fast path counts with it

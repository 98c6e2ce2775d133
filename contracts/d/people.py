"""Contract D's accounts: the sign-in and user services."""

from typing import Any

from contracts.d.table import CONTRACT, TOKEN_SECONDS, say
from contracts.mapping import const, highest, number, show, take
from contracts.people import read_person
from contracts.trips import Reply, Trip

ROLES = {"admin": "admin", "manager": "manager", "client": "client"}
USER = show(
    number("user"), "username", "email", "full_name", "first_name", "last_name", "phone", "is_active", "created_at",
    user_id=number("user", "id"), role=highest(ROLES), last_login="last_login_at",
)  # fmt: skip
PROFILE = take("email", "username", "first_name", "last_name", "full_name", "phone")
TOKENS = show("access_token", "refresh_token", "token_type", "expires_in")
LIFE = const(access_token_seconds=TOKEN_SECONDS)
NEW = {
    "username": "ivan", "email": "ivan@example.com", "password": "securepassword123", "first_name": "Ivan",
    "last_name": "Ivanov",
}  # fmt: skip

CONTRACT.route(
    "POST /auth/register", call="POST /auth/register", status=201, is_open=True, scope="login", example=NEW,
    request=take("username", "email", "password", "first_name", "last_name"), answer=USER,
)  # fmt: skip


@CONTRACT.handle(
    "POST /auth/login", call="POST /auth/login", is_open=True, scope="login", request=take("email", "password") | LIFE,
    answer=TOKENS, example={"email": "ivan@example.com", "password": "securepassword123"},
)  # fmt: skip
def sign_in(trip: Trip) -> Reply:
    """Take a pair of tokens, and show whose they are."""
    assert trip.route.request is not None
    pair = trip.call("POST", "/auth/login", trip.take(trip.route.request)).data
    person = trip.call("GET", "/auth/me", token=pair["access_token"]).data
    return Reply(TOKENS.out(pair, trip.numbers) | {"user": USER.out(person, trip.numbers)})


CONTRACT.route(
    "POST /auth/refresh", call="POST /auth/refresh", is_open=True, request=take("refresh_token"), answer=TOKENS
)


@CONTRACT.handle("POST /auth/logout", call="POST /auth/logout", request=take("refresh_token"))
def sign_out(trip: Trip) -> Reply:
    """Refuse this access token from now on, and end the session of the refresh token."""
    trip.call("POST", "/auth/logout", trip.take(take("refresh_token")))
    return Reply(say("Logged out successfully"))


CONTRACT.route("GET /auth/me", call="GET /auth/me", answer=USER)


@CONTRACT.handle(
    "POST /auth/reset-password", call="POST /auth/reset-password", is_open=True, scope="login", request=take("email"),
    example={"email": "ivan@example.com"},
)  # fmt: skip
def reset_password(trip: Trip) -> Reply:
    """Send a link for a new password; the answer is the same whether or not there is such an account."""
    trip.call("POST", "/auth/reset-password", trip.take(take("email")))
    return Reply(say("Password reset instructions were sent, if the account exists"))


CONTRACT.route("GET /users", call="GET /users", answer=USER, is_list=True)
CONTRACT.route(
    "POST /users", call="POST /users", status=201, request=PROFILE | take("password", "role"), answer=USER,
    example=NEW | {"role": "client"},
)  # fmt: skip


@CONTRACT.handle("GET /users/{user}", call="GET /users/{user}", answer=USER)
def read_user(trip: Trip) -> Reply:
    """Show somebody, unless they were erased."""
    return Reply(USER.out(read_person(trip), trip.numbers))


CHANGED = PROFILE | take("role")


@CONTRACT.handle(
    "PUT /users/{user}", call="PATCH /users/{user}", request=CHANGED, answer=USER, example={"first_name": "Ivan"}
)
def change_user(trip: Trip) -> Reply:
    """Change somebody's profile, and their role where one is sent; a password is changed by its owner alone."""
    given = trip.take(CHANGED)
    role = given.pop("role", None)
    read_person(trip)
    if given:
        trip.call("PATCH", trip.fill("/users/{user}"), given)
    if role is not None:
        trip.call("PUT", trip.fill("/users/{user}/roles"), {"roles": [role]})
    return Reply(USER.out(read_person(trip), trip.numbers))


@CONTRACT.handle("DELETE /users/{user}", call="DELETE /users/{user}")
def delete_user(trip: Trip) -> Reply:
    """Close an account."""
    read_person(trip)
    trip.call("DELETE", trip.fill("/users/{user}"))
    return Reply(say("User deleted successfully"))


@CONTRACT.handle("GET /users/{user}/integrations", call="GET /users/{user}/integrations")
def list_integrations(trip: Trip) -> Reply:
    """Show by what else somebody signs in: accounts elsewhere, and API keys."""
    found: dict[str, Any] = trip.call("GET", trip.fill("/users/{user}/integrations")).data
    kinds = {"identities": "identity", "api_keys": "api_key"}
    return Reply([{"type": kinds[name], **row} for name, rows in found.items() for row in rows])


CONTRACT.route("GET /users/{user}/activity", call="GET /users/{user}/activity", is_list=True)

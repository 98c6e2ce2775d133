"""The Authorization header: an access token, or an API key that stands for one."""

from typing import Any

from gateway.access import api_keys
from gateway.guards import guard
from gateway.guards.address import client_address
from gateway.principal import InvalidToken, Principal, read_token


def identify(meta: dict[str, Any]) -> Principal | None:
    """The caller a request names; None when it names none.

    Raises InvalidToken, after counting the try against its address, and TooManyRequests when those are used up: else
    tokens and keys could be guessed without limit.
    """
    try:
        return read_header(meta.get("HTTP_AUTHORIZATION", ""))
    except InvalidToken:
        guard.check(None, client_address(meta), "default")
        raise


def read_header(header: str) -> Principal | None:
    """Return the bearer named by an Authorization header; None when it names none. Raises InvalidToken."""
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token or " " in token.strip():
        raise InvalidToken
    return read_token(_token(token.strip()))


def _token(credential: str) -> str:
    if not credential.startswith(api_keys.PREFIX):
        return credential
    found = api_keys.token_behind(credential)
    if found is None:
        raise InvalidToken
    return found

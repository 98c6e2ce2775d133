"""An OpenID provider (OpenID Connect Core 1.0, code flow with PKCE, RFC 7636): its addresses, tokens and keys."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
import structlog
from django.conf import settings
from jwt.types import Options

from accounts.errors import IdentityProviderUnavailable, IdentityRefused
from core.db import refuse_inside_transaction

GOOGLE = "https://accounts.google.com"
ALGORITHMS = ["RS256", "PS256", "ES256"]
LEEWAY_S = 60
METADATA_S = 3600
KEYS_S = 300
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Provider:
    """Addresses of an issuer: where it sends people, gives out tokens and shows its keys."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True)
class Claims:
    """Claims of an issuer about somebody."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


_GOOGLE = Provider(
    issuer=GOOGLE,
    authorization_endpoint="https://accounts.google.com/o/oauth2/v2/auth",
    token_endpoint="https://oauth2.googleapis.com/token",
    jwks_uri="https://www.googleapis.com/oauth2/v3/certs",
)
_providers: dict[str, tuple[float, Provider]] = {}
_keys: dict[str, tuple[float, jwt.PyJWKSet]] = {}


def authorization_url(*, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
    """Return the address to send a browser to that wants to sign in. Raises IdentityProviderUnavailable."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{_provider().authorization_endpoint}?{urlencode(query)}"


def redeem(*, code: str, redirect_uri: str, verifier: str, nonce: str) -> Claims:
    """Exchange a code for an id token and believe nothing unsigned in it.

    Raises IdentityRefused, IdentityProviderUnavailable.
    """
    provider = _provider()
    answer = _ask(
        "POST",
        provider.token_endpoint,
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": settings.OIDC_CLIENT_ID,
            "client_secret": settings.OIDC_CLIENT_SECRET,
            "code_verifier": verifier,
        },
    )
    return _verify(provider, str(answer.get("id_token", "")), nonce)


def _verify(provider: Provider, id_token: str, nonce: str) -> Claims:
    """Signature, issuer, audience, times and nonce (OpenID Connect Core 1.0 §3.1.3.7)."""
    required: Options = {"require": ["exp", "iat", "sub", "aud", "iss"]}
    try:
        claims = jwt.decode(
            id_token,
            _key(provider, jwt.get_unverified_header(id_token).get("kid")),
            algorithms=ALGORITHMS,
            audience=settings.OIDC_CLIENT_ID,
            issuer=[provider.issuer, *(["accounts.google.com"] if provider.issuer == GOOGLE else [])],
            leeway=LEEWAY_S,
            options=required,
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        log.warning("id_token_refused", issuer=provider.issuer, error=type(error).__name__)
        raise IdentityRefused from error
    if not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
        raise IdentityRefused
    if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
        raise IdentityRefused
    return Claims(
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        email=_small(str(claims.get("email", "")).strip()),
        email_verified=claims.get("email_verified") in (True, "true"),
        name=str(claims.get("name", ""))[:300],
    )


def _small(email: str) -> str:
    """Small ASCII letters; what only folds to one, as U+212A does to k, stays: else it would be another's address."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in email)


def _key(provider: Provider, kid: str | None) -> Any:
    """The key an id token names; of a key nobody knows yet, the issuer is asked again."""
    for is_fresh in (False, True):
        keys = _key_set(provider, is_fresh=is_fresh).keys
        found = [key for key in keys if key.key_id == kid] if kid else (keys if len(keys) == 1 else [])
        if found:
            return found[0].key
    raise jwt.InvalidTokenError("signed with an unknown key")


def _key_set(provider: Provider, *, is_fresh: bool) -> jwt.PyJWKSet:
    until, keys = _keys.get(provider.jwks_uri, (0.0, None))
    if keys is None or is_fresh or until < time.monotonic():
        keys = jwt.PyJWKSet.from_dict(_ask("GET", provider.jwks_uri))
        _keys[provider.jwks_uri] = (time.monotonic() + KEYS_S, keys)
    return keys


def _provider() -> Provider:
    """Google's addresses are well known; any other issuer tells its own (OpenID Connect Discovery 1.0)."""
    issuer = settings.OIDC_ISSUER
    if issuer == GOOGLE:
        return _GOOGLE
    until, known = _providers.get(issuer, (0.0, None))
    if known is None or until < time.monotonic():
        known = _discover(issuer)
        _providers[issuer] = (time.monotonic() + METADATA_S, known)
    return known


def _discover(issuer: str) -> Provider:
    metadata = _ask("GET", f"{issuer}/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        log.error("oidc_issuer_differs", wanted=issuer, found=metadata.get("issuer"))
        raise IdentityProviderUnavailable(retry_after=60)
    try:
        return Provider(
            issuer=issuer,
            authorization_endpoint=metadata["authorization_endpoint"],
            token_endpoint=metadata["token_endpoint"],
            jwks_uri=metadata["jwks_uri"],
        )
    except KeyError as error:
        raise IdentityProviderUnavailable(retry_after=60) from error


def _ask(method: str, url: str, **options: Any) -> dict[str, Any]:
    """One call, never inside a transaction: JSON, or why not."""
    import httpx2

    refuse_inside_transaction()
    timeout = httpx2.Timeout(settings.PROVIDER_TIMEOUT_S, connect=settings.PROVIDER_CONNECT_TIMEOUT_S)
    try:
        answer = httpx2.request(method, url, timeout=timeout, trust_env=False, **options)
        body = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        log.warning("oidc_unavailable", url=url, error=repr(error))
        raise IdentityProviderUnavailable(retry_after=5) from error
    if answer.status_code >= 500 or not isinstance(body, dict):
        raise IdentityProviderUnavailable(retry_after=5)
    if answer.status_code >= 400:
        log.warning("oidc_refused", url=url, error=body.get("error"))
        raise IdentityRefused
    return body


def is_configured() -> bool:
    """Tell whether there is a provider to send people to."""
    return bool(settings.OIDC_CLIENT_ID)

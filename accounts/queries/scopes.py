"""Say what API keys may be allowed."""

from django.conf import settings


def known_scopes() -> tuple[str, ...]:
    """List what a key may be allowed: reading or writing of one app. Nothing that changes an account is among them."""
    every = (f"{app}:{what}" for app in settings.APPS for what in ("read", "write"))
    return tuple(scope for scope in every if scope != "accounts:write")

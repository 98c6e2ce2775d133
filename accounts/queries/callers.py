"""Read who an access token speaks for."""

from accounts.models import User
from gateway.guards import guard
from gateway.principal import InvalidToken, Principal, read_token


def inspect_token(token: str) -> tuple[Principal, User] | None:
    """Return who an access token speaks for; None when forged, expired, revoked, or of a closed account."""
    try:
        principal = read_token(token)
    except InvalidToken:
        return None
    user = User.objects.filter(pk=principal.id, is_active=True).first()
    if user is None or guard.is_revoked(principal):
        return None
    return principal, user

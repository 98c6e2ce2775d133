"""Every read of accounts that is more than a filter: structs out, never a write."""

from accounts.queries.callers import inspect_token
from accounts.queries.exports import read_export
from accounts.queries.links import password_reset_token, undo_token, verification_token
from accounts.queries.providers import is_oidc_offered, provider_name
from accounts.queries.scopes import known_scopes

__all__ = [
    "inspect_token",
    "is_oidc_offered",
    "known_scopes",
    "password_reset_token",
    "provider_name",
    "read_export",
    "undo_token",
    "verification_token",
]

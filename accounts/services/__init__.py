"""Everything accounts can do, by concept."""

from accounts.services.passwords import (
    change_password,
    password_reset_token,
    request_password_reset,
    reset_password,
)
from accounts.services.people import (
    change_roles,
    check_password_strength,
    close_account,
    create_user,
    erase_user,
    register,
    reopen_account,
    update_user,
)
from accounts.services.sessions import (
    TokenPair,
    authenticate,
    inspect_token,
    issue_tokens,
    purge_expired,
    push_revocations,
    refresh,
    revoke_session,
    sign_in,
    sign_out,
)

__all__ = [
    "TokenPair",
    "authenticate",
    "change_password",
    "change_roles",
    "check_password_strength",
    "close_account",
    "create_user",
    "erase_user",
    "inspect_token",
    "issue_tokens",
    "password_reset_token",
    "purge_expired",
    "push_revocations",
    "refresh",
    "register",
    "reopen_account",
    "request_password_reset",
    "reset_password",
    "revoke_session",
    "sign_in",
    "sign_out",
    "update_user",
]

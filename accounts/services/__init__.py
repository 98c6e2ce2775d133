"""Everything accounts can do, by concept."""

from accounts.services.activity import purge_activity, record
from accounts.services.agreements import Agreement, publish_agreement
from accounts.services.api_keys import (
    create_api_key,
    publish_api_keys,
    push_key_revocations,
    renew_api_keys,
    revoke_api_key,
)
from accounts.services.codes import check_second_factor
from accounts.services.erasures import brought_back, list_erasure, maintain_erasures, replay_erasures
from accounts.services.exports import GATHER, gather_exports, is_export_due, purge_exports, request_export
from accounts.services.factors import (
    Enrollment,
    confirm_mfa,
    disable_mfa,
    enroll_mfa,
)
from accounts.services.identities import TICKET_S, Departure, begin_oidc, finish_oidc
from accounts.services.passwords import change_password, erase_own_account, request_password_reset, reset_password
from accounts.services.people import (
    change_roles,
    check_password_strength,
    close_account,
    create_user,
    end_closings,
    erase_user,
    register,
    reopen_account,
    update_user,
)
from accounts.services.proofs import prove, require_proof
from accounts.services.recovery import forget_former_emails, reset_mfa, undo_email
from accounts.services.saved_views import LONGEST_NAME, change_view, delete_view, save_view
from accounts.services.sessions import (
    TokenPair,
    authenticate,
    authenticate_pending,
    issue_tokens,
    open_session,
    purge_expired,
    push_revocations,
    refresh,
    revoke_session,
    sign_in,
    sign_out,
    use_session,
)
from accounts.services.verification import request_verification, resend_verification, verify_email

__all__ = [
    "GATHER",
    "LONGEST_NAME",
    "TICKET_S",
    "Agreement",
    "Departure",
    "Enrollment",
    "TokenPair",
    "authenticate",
    "authenticate_pending",
    "begin_oidc",
    "brought_back",
    "change_password",
    "change_roles",
    "change_view",
    "check_password_strength",
    "check_second_factor",
    "close_account",
    "confirm_mfa",
    "create_api_key",
    "create_user",
    "delete_view",
    "disable_mfa",
    "end_closings",
    "enroll_mfa",
    "erase_own_account",
    "erase_user",
    "finish_oidc",
    "forget_former_emails",
    "gather_exports",
    "is_export_due",
    "issue_tokens",
    "list_erasure",
    "maintain_erasures",
    "open_session",
    "prove",
    "publish_agreement",
    "publish_api_keys",
    "purge_activity",
    "purge_expired",
    "purge_exports",
    "push_key_revocations",
    "push_revocations",
    "record",
    "refresh",
    "register",
    "renew_api_keys",
    "reopen_account",
    "replay_erasures",
    "request_export",
    "request_password_reset",
    "request_verification",
    "require_proof",
    "resend_verification",
    "reset_mfa",
    "reset_password",
    "revoke_api_key",
    "revoke_session",
    "save_view",
    "sign_in",
    "sign_out",
    "undo_email",
    "update_user",
    "use_session",
    "verify_email",
]

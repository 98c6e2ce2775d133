"""Tables of accounts, by concept."""

from accounts.models.activity import Activity, ActivityKind
from accounts.models.exports import ExportPart, ExportStatus, PersonalDataExport
from accounts.models.factors import ApiKey, ApiKeyQuerySet, Identity, RecoveryCode, Totp
from accounts.models.people import (
    FRAMEWORK_APPS,
    PHONE_PATTERN,
    PROFILE_FIELDS,
    USERNAME_PATTERN,
    Role,
    User,
    UserManager,
    plain_email,
)
from accounts.models.saved_views import SavedView, SavedViewQuerySet
from accounts.models.sessions import RefreshToken, Session, SessionQuerySet

__all__ = [
    "FRAMEWORK_APPS",
    "PHONE_PATTERN",
    "PROFILE_FIELDS",
    "USERNAME_PATTERN",
    "Activity",
    "ActivityKind",
    "ApiKey",
    "ApiKeyQuerySet",
    "ExportPart",
    "ExportStatus",
    "Identity",
    "PersonalDataExport",
    "RecoveryCode",
    "RefreshToken",
    "Role",
    "SavedView",
    "SavedViewQuerySet",
    "Session",
    "SessionQuerySet",
    "Totp",
    "User",
    "UserManager",
    "plain_email",
]

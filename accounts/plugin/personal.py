"""Declare what accounts holds of a person beside what carries their id by itself."""

from accounts.models import (
    Activity,
    ApiKey,
    ExportPart,
    Identity,
    PersonalDataExport,
    RecoveryCode,
    RefreshToken,
    SavedView,
    Session,
    Totp,
    User,
)
from messaging.people.classified import forgets, plain
from messaging.people.personal import delete, holds

holds(User, owner="id")
holds(SavedView, owner="user_id", erase=delete)

_BY = "accounts.services.erase_user"
forgets(
    User, "password email username full_name first_name last_name phone pending_email former_email search_text", _BY
)
plain(User, "roles")
forgets(Activity, "address device details", _BY)
plain(Activity, "request_id")
plain(PersonalDataExport, "gathered")
plain(ExportPart, "app")
forgets(ExportPart, "body", _BY)
forgets(Totp, "secret", _BY)
forgets(RecoveryCode, "digest", _BY)
forgets(Identity, "issuer subject email", _BY)
forgets(ApiKey, "name", _BY)
plain(ApiKey, "prefix digest scopes")
forgets(Session, "device address", _BY)
plain(Session, "revoked_because")
plain(RefreshToken, "digest salt")

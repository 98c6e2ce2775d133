"""Declare what goes in and out of the accounts API."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.models import (
    PHONE_PATTERN,
    USERNAME_PATTERN,
    Activity,
    ApiKey,
    Identity,
    PersonalDataExport,
    Role,
    Session,
    User,
)
from accounts.queries import known_scopes

MAX_PASSWORD = 256
_PROOF = ("password", "otp")


class UserSerializer(serializers.ModelSerializer):
    last_login_at = serializers.DateTimeField(source="last_login", allow_null=True)
    email_verified = serializers.SerializerMethodField()
    mfa_enabled = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = (
            "id", "email", "pending_email", "username", "full_name", "first_name", "last_name", "phone", "roles",
            "is_active", "email_verified", "mfa_enabled", "created_at", "updated_at", "last_login_at", "version",
        )  # fmt: skip
        read_only_fields = fields

    def get_email_verified(self, user: User) -> bool:
        return user.email_verified_at is not None

    def get_mfa_enabled(self, user: User) -> bool:
        return user.mfa_enabled_at is not None


class SessionSerializer(serializers.ModelSerializer):
    is_current = serializers.BooleanField(default=False)

    class Meta:
        model = Session
        fields = ("id", "device", "address", "created_at", "last_used_at", "expires_at", "is_current")
        read_only_fields = fields


class PasswordField(serializers.CharField):
    """Kept to the letter: spaces at the ends are part of it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_PASSWORD, trim_whitespace=False, write_only=True, **kwargs)


class _ProvingSerializer(serializers.Serializer):
    """Input of what asks for a young proof of who is asking: it may come along, and the edge has taken it."""

    password = PasswordField(required=False)
    otp = serializers.CharField(max_length=32, required=False, write_only=True)

    def to_internal_value(self, data: Any) -> Any:
        return {name: value for name, value in super().to_internal_value(data).items() if name not in _PROOF}


class _ProfileFields(serializers.Serializer):
    email = serializers.EmailField(max_length=254, required=False)
    username = serializers.RegexField(
        USERNAME_PATTERN,
        max_length=150,
        required=False,
        allow_blank=True,
        error_messages={"invalid": "Letters, digits and . + - _ only."},
    )
    full_name = serializers.CharField(max_length=300, required=False, allow_blank=True)
    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    phone = serializers.RegexField(
        PHONE_PATTERN,
        max_length=32,
        required=False,
        allow_blank=True,
        error_messages={"invalid": "A phone number, such as +7 900 123-45-67."},
    )


class ProfileSerializer(_ProvingSerializer, _ProfileFields):
    """A person's profile. Absent fields stay, by PUT as by PATCH: a form that knows fewer must not empty the others."""


class AccountSerializer(ProfileSerializer):
    is_active = serializers.BooleanField(required=False)


class _NewAccountSerializer(_ProfileFields):
    email = serializers.EmailField(max_length=254)
    password = PasswordField()


class RegistrationSerializer(_NewAccountSerializer):
    role = serializers.CharField(max_length=20, required=False)


class NewUserSerializer(_NewAccountSerializer):
    role = serializers.ChoiceField(choices=Role.choices, required=False)


class RolesSerializer(_ProvingSerializer):
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.choices), min_length=1, max_length=3)


class LifeSerializer(serializers.Serializer):
    """Asks for the life of the session's access tokens, in seconds; more than the house allows becomes that."""

    access_token_seconds = serializers.IntegerField(min_value=60, max_value=31_536_000, required=False)


class PasswordGrantSerializer(LifeSerializer):
    """RFC 6749 §4.3; `scope` and client credentials are accepted and mean nothing here."""

    ignores_unknown = True
    """RFC 6749 §3.2: "The authorization server MUST ignore unrecognized request parameters."."""

    grant_type = serializers.ChoiceField(choices=["password"], required=False)
    username = serializers.CharField(max_length=254)
    password = PasswordField()
    otp = serializers.CharField(max_length=32, required=False, default="")


class LoginSerializer(LifeSerializer):
    """A name and a password, with `otp` where two-factor is on; or `otp` and the `mfa_token` of a `mfa_required`."""

    email = serializers.CharField(max_length=254, required=False)
    username = serializers.CharField(max_length=254, required=False)
    password = PasswordField(required=False)
    otp = serializers.CharField(max_length=32, required=False, default="")
    mfa_token = serializers.CharField(max_length=256, required=False, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["mfa_token"]:
            return attrs
        if "password" not in attrs:
            raise serializers.ValidationError({"password": [_("This field is required.")]}, code="required")
        identifier = attrs.get("email") or attrs.get("username")
        if not identifier:
            raise serializers.ValidationError({"email": [_("Send an e-mail or a user name.")]}, code="required")
        return attrs | {"identifier": identifier}


class RefreshSerializer(serializers.Serializer):
    refresh_token = serializers.CharField(max_length=256)


class LogoutSerializer(serializers.Serializer):
    refresh_token = serializers.CharField(max_length=256, required=False, default="")


class VerifySerializer(serializers.Serializer):
    token = serializers.CharField(max_length=8192)


class PasswordChangeSerializer(serializers.Serializer):
    old_password = PasswordField()
    new_password = PasswordField()


class StepUpSerializer(serializers.Serializer):
    """The password, or a code of the authenticator."""

    password = PasswordField(required=False, default="")
    otp = serializers.CharField(max_length=32, required=False, default="")


class ProvedSerializer(serializers.Serializer):
    expires_at = serializers.DateTimeField()


class PasswordResetSerializer(serializers.Serializer):
    email = serializers.EmailField(max_length=254)


class PasswordResetConfirmSerializer(serializers.Serializer):
    token = serializers.CharField(max_length=256)
    new_password = PasswordField()


class TokenPairSerializer(serializers.Serializer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()


class VerifiedSerializer(serializers.Serializer):
    valid = serializers.BooleanField()
    user_id = serializers.UUIDField(required=False)
    username = serializers.CharField(required=False)
    email = serializers.EmailField(required=False)
    roles = serializers.ListField(child=serializers.CharField(), required=False)
    expires_at = serializers.DateTimeField(required=False)


class TicketSerializer(serializers.Serializer):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField()


class EnrollmentSerializer(serializers.Serializer):
    secret = serializers.CharField()
    otpauth_uri = serializers.CharField()


class OtpSerializer(serializers.Serializer):
    """A code of the authenticator, or a recovery code where two-factor is on already."""

    otp = serializers.CharField(max_length=32)


class RecoveryCodesSerializer(serializers.Serializer):
    recovery_codes = serializers.ListField(child=serializers.CharField())


class LinkSerializer(serializers.Serializer):
    token = serializers.CharField(max_length=1024)


class ActivitySerializer(serializers.ModelSerializer):
    class Meta:
        model = Activity
        fields = ("id", "kind", "at", "address", "device", "details", "request_id")
        read_only_fields = fields


class IdentitySerializer(serializers.ModelSerializer):
    class Meta:
        model = Identity
        fields = ("id", "issuer", "subject", "email", "linked_at", "last_used_at")
        read_only_fields = fields


class ApiKeySerializer(serializers.ModelSerializer):
    scopes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiKey
        fields = ("id", "name", "prefix", "scopes", "created_at", "expires_at", "revoked_at")
        read_only_fields = fields


class ShownApiKeySerializer(ApiKeySerializer):
    key = serializers.SerializerMethodField()

    class Meta:
        model = ApiKey
        fields = (*ApiKeySerializer.Meta.fields, "key")

    def get_key(self, row: ApiKey) -> str:
        """Shown this once."""
        return str(self.context["key"])


class NewApiKeySerializer(_ProvingSerializer):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=known_scopes()), min_length=1, max_length=len(known_scopes())
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError(_("Must be in the future."), code="past")
        return value


class ProgressSerializer(serializers.Serializer):
    done = serializers.IntegerField()
    total = serializers.IntegerField()


class ExportSerializer(serializers.ModelSerializer):
    progress = ProgressSerializer()
    missing = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = PersonalDataExport
        fields = ("id", "status", "progress", "missing", "created_at", "finished_at", "expires_at")
        read_only_fields = fields


class IntegrationsSerializer(serializers.Serializer):
    identities = IdentitySerializer(many=True)
    api_keys = ApiKeySerializer(many=True)

"""Django's own way to sign in (the admin), through the same rules as the API's."""

from typing import Any
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from accounts.errors import WrongCredentials
from accounts.models import User
from accounts.services import authenticate
from gateway.guards.address import client_address


class EmailBackend(BaseBackend):
    """E-mail or user name, and password. What a person may do is answered by User itself."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **other: Any
    ) -> User | None:
        """The person, or None. Raises TooManyFailures while the account waits, MfaRequired and WrongOtp."""
        identifier = username or other.get(User.USERNAME_FIELD)
        if not identifier or password is None:
            return None
        address = client_address(request.META if request else {})
        try:
            return authenticate(
                identifier=identifier,
                password=password,
                otp=other.get("otp", ""),
                address=address,
                now=timezone.now(),
            )
        except WrongCredentials:
            return None

    def get_user(self, user_id: UUID) -> User | None:
        """The person behind a page's session; a closed account is nobody."""
        try:
            return User.objects.filter(pk=user_id, is_active=True).first()
        except ValidationError:
            return None

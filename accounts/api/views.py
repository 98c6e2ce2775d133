"""Signing in and out, one's own profile, and the administration of users."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, services
from accounts.api import serializers
from accounts.api.failures import counts_failures
from accounts.api.filters import UserFilter
from accounts.errors import UserNotFound
from accounts.models import RefreshToken, Role, Session, User
from accounts.queries.tokens import as_id
from accounts.services import lockout
from core import context
from gateway.access import step_up, tickets
from gateway.access.permissions import IsAdmin, IsPerson, IsSignedIn, IsSignedInOrEnrolling
from gateway.api import ApiViewSet
from gateway.guards.address import client_address
from gateway.requests.etags import require_match
from gateway.requests.filtering import refuse_unknown
from gateway.responses.rendering import JSONParser


def _valid(serializer: Any) -> Any:
    serializer.is_valid(raise_exception=True)
    return serializer


def _address(request: Request) -> str:
    return client_address(request.META)


def _profile_of(user_id: UUID) -> User:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise UserNotFound
    return user


def _expected_version(request: Request, user: User) -> int | None:
    """The version If-Match insists on, to be compared again under the lock."""
    require_match(request, user.version)
    return user.version if request.headers.get("If-Match", "*").strip() != "*" else None


def _answer(user: User, status: int = 200) -> Response:
    return Response(serializers.UserSerializer(user).data, status=status)


def _update(request: Request, user: User, serializer_class: type[serializers.ProfileSerializer]) -> Response:
    serializer = _valid(serializer_class(data=request.data, partial=request.method == "PATCH"))
    updated = services.update_user(
        user_id=user.id,
        changes=serializer.changes(),
        is_active=serializer.validated_data.get("is_active"),
        expected_version=_expected_version(request, user),
        now=timezone.now(),
    )
    return _answer(updated)


def _pair(pair: services.TokenPair) -> Response:
    return Response(serializers.TokenPairSerializer(pair).data)


def _signed_in(pair: services.TokenPair) -> Response:
    response = _pair(pair)
    lockout.remember_device(response, pair.user_id)
    return response


OPEN = ("register", "token", "login", "refresh", "verify", "reset_password", "reset_password_confirm")
"""Actions for anyone: a stale token in the header must not keep its holder from signing in again."""


@extend_schema(tags=["auth"])
class AuthViewSet(ApiViewSet):
    throttle_scopes = dict.fromkeys(
        ("register", "token", "login", "step_up", "reset_password", "reset_password_confirm"), "login"
    )
    pagination_class = None
    filter_backends = ()

    def get_authenticators(self) -> list[Any]:
        return [] if self._method_name() in OPEN else super().get_authenticators()

    def get_permissions(self) -> list[Any]:
        if self.action in OPEN:
            return [AllowAny()]
        if self.action == "me":
            return [IsSignedInOrEnrolling()]
        return [IsPerson()] if self.action in ("logout", "step_up") else [IsSignedIn()]

    def get_parsers(self) -> list[Any]:
        return [FormParser()] if self._method_name() == "token" else [JSONParser()]

    def _method_name(self) -> str:
        """The action, known here before DRF sets it."""
        return self.action_map.get((self.request.method or "").lower(), "") if self.request else ""

    @extend_schema(request=serializers.RegistrationSerializer, responses={201: serializers.UserSerializer}, auth=[])
    @action(detail=False, methods=["post"])
    def register(self, request: Request) -> Response:
        """Make an account for oneself, as a client, and send a link that proves the e-mail."""
        data = _valid(serializers.RegistrationSerializer(data=request.data)).validated_data
        return _answer(services.register(**data, now=timezone.now()), status=201)

    @extend_schema(
        request={"application/x-www-form-urlencoded": serializers.PasswordGrantSerializer},
        responses=serializers.TokenPairSerializer,
        auth=[],
    )
    @counts_failures
    @action(detail=False, methods=["post"])
    def token(self, request: Request) -> Response:
        """Sign in by a form (RFC 6749, the password grant), as tools for OAuth 2 do."""
        data = _valid(serializers.PasswordGrantSerializer(data=request.data)).validated_data
        return self._sign_in(request, data["username"], data["password"], data["otp"])

    @extend_schema(request=serializers.LoginSerializer, responses=serializers.TokenPairSerializer, auth=[])
    @counts_failures
    @action(detail=False, methods=["post"])
    def login(self, request: Request) -> Response:
        """Sign in; where two-factor is on, with `otp` too, or in a second call with the `mfa_token` of the refusal."""
        data = _valid(serializers.LoginSerializer(data=request.data)).validated_data
        if data["mfa_token"]:
            return self._finish_sign_in(request, data["mfa_token"], data["otp"])
        return self._sign_in(request, data["identifier"], data["password"], data["otp"])

    def _finish_sign_in(self, request: Request, mfa_token: str, otp: str) -> Response:
        address, now = _address(request), timezone.now()
        user = services.authenticate_pending(mfa_token=mfa_token, otp=otp, address=address, now=now)
        device = request.headers.get("User-Agent", "")
        return _signed_in(services.issue_tokens(user_id=user.id, device=device, address=address, now=now))

    def _sign_in(self, request: Request, identifier: str, password: str, otp: str) -> Response:
        pair = services.sign_in(
            identifier=identifier,
            password=password,
            otp=otp,
            device=request.headers.get("User-Agent", ""),
            address=_address(request),
            now=timezone.now(),
        )
        return _signed_in(pair)

    @extend_schema(request=serializers.RefreshSerializer, responses=serializers.TokenPairSerializer, auth=[])
    @action(detail=False, methods=["post"])
    def refresh(self, request: Request) -> Response:
        """Take a new pair of tokens for a refresh token. It is good once: coming again later, it ends its session."""
        data = _valid(serializers.RefreshSerializer(data=request.data)).validated_data
        return _pair(services.refresh(**data, address=_address(request), now=timezone.now()))

    @extend_schema(request=serializers.LogoutSerializer, responses={204: None})
    @action(detail=False, methods=["post"])
    def logout(self, request: Request) -> Response:
        """Refuse this access token from now on, and end the session of `refresh_token`."""
        data = _valid(serializers.LogoutSerializer(data=request.data)).validated_data
        services.sign_out(principal=self.principal, **data, now=timezone.now())
        return Response(status=204)

    @extend_schema(request=serializers.VerifySerializer, responses=serializers.VerifiedSerializer, auth=[])
    @action(detail=False, methods=["post"])
    def verify(self, request: Request) -> Response:
        """Say whether an access token would be let in now, and whose it is."""
        found = queries.inspect_token(_valid(serializers.VerifySerializer(data=request.data)).validated_data["token"])
        if found is None:
            return Response({"valid": False})
        principal, user = found
        facts = {
            "valid": True,
            "user_id": user.id,
            "username": user.username or user.email,
            "email": user.email,
            "roles": sorted(principal.roles),
            "expires_at": datetime.fromtimestamp(principal.expires_at, UTC),
        }
        return Response(serializers.VerifiedSerializer(facts).data)

    @extend_schema(responses=serializers.UserSerializer)
    @action(detail=False, methods=["get"])
    def me(self, request: Request) -> Response:
        """Return the owner of this token."""
        return _answer(_profile_of(self.principal.id))

    @extend_schema(request=None, responses=serializers.TicketSerializer)
    @action(detail=False, methods=["post"], url_path="ws-ticket")
    def ws_ticket(self, request: Request) -> Response:
        """Take a ticket for opening one WebSocket: it goes into the address, where no token should stand."""
        return Response({"ticket": tickets.issue_ticket(self.principal), "expires_in": tickets.LIFETIME_S})

    @extend_schema(request=serializers.StepUpSerializer, responses=serializers.ProvedSerializer)
    @counts_failures
    @action(detail=False, methods=["post"], url_path="step-up")
    def step_up(self, request: Request) -> Response:
        """Prove again who one is: changes that make an account another's are then let through for some minutes."""
        data = _valid(serializers.StepUpSerializer(data=request.data)).validated_data
        until = services.prove(principal=self.principal, **data, address=_address(request), now=timezone.now())
        return Response(serializers.ProvedSerializer({"expires_at": until}).data)

    @extend_schema(request=serializers.PasswordResetSerializer, responses={202: None}, auth=[])
    @action(detail=False, methods=["post"], url_path="reset-password")
    def reset_password(self, request: Request) -> Response:
        """Send a link for a new password; the answer is the same whether or not there is such an account."""
        data = _valid(serializers.PasswordResetSerializer(data=request.data)).validated_data
        services.request_password_reset(**data, now=timezone.now())
        return Response(status=202)

    @extend_schema(request=serializers.PasswordResetConfirmSerializer, responses={204: None}, auth=[])
    @action(detail=False, methods=["post"], url_path="reset-password/confirm")
    def reset_password_confirm(self, request: Request) -> Response:
        """Set a new password by the link that was sent; every session and API key ends."""
        data = _valid(serializers.PasswordResetConfirmSerializer(data=request.data)).validated_data
        user = services.reset_password(**data, address=_address(request), now=timezone.now())
        response = Response(status=204)
        lockout.remember_device(response, user.id)
        return response


@extend_schema(tags=["auth"])
class SessionViewSet(ApiViewSet):
    """Devices where one is signed in, a session for each. Ending one refuses its tokens at once."""

    queryset = Session.objects.none()
    serializer_class = serializers.SessionSerializer
    ordering = "-last_used_at"
    ordering_fields = {"last_used_at": "last_used_at"}

    def get_queryset(self) -> QuerySet[Session]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        current = RefreshToken.objects.filter(session=OuterRef("pk"), pk=as_id(self.principal.jti))
        return Session.objects.live(self.principal.id, timezone.now()).annotate(is_current=Exists(current))

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.revoke_session(user_id=self.principal.id, session_id=pk, now=timezone.now())
        return Response(status=204)


OWN = ("update_me", "password")


@extend_schema(tags=["users"])
class UserViewSet(ApiViewSet):
    """The accounts of people, for administrators; one's own is at `/users/me`."""

    queryset = User.objects.filter(erased_at__isnull=True)
    serializer_class = serializers.UserSerializer
    filterset_class = UserFilter
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at", "full_name": "full_name", "email": "email"}

    def get_permissions(self) -> list[Any]:
        if self.action == "me":
            return [IsSignedInOrEnrolling()]
        return [IsSignedIn()] if self.action in OWN else [IsAdmin()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whoever acts on somebody else's account is named in its log."""
        super().initial(request, *args, **kwargs)
        if self.action != "create":  # there the password is the new person's
            step_up.offer(request.data, address=_address(request))
        context.bind(context.current() | {"actor": str(self.principal.id)})

    def list(self, request: Request) -> Response:
        return self._page(self.filter_queryset(self.get_queryset()))

    @extend_schema(
        filters=False,
        parameters=[OpenApiParameter("query", str, required=True)],
        responses=serializers.UserSerializer(many=True),
    )
    @action(detail=False, methods=["get"])
    def search(self, request: Request) -> Response:
        """Find people by words of their name, e-mail, phone or user name."""
        refuse_unknown(request, {"query"})
        text = request.query_params.get("query", "").strip()
        if not text or "\0" in text:
            raise ValidationError({"query": [_("Say what to look for.")]}, code="required")
        return self._page(User.objects.search(text))

    def _page(self, people: QuerySet[User]) -> Response:
        page = self.paginate_queryset(people)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=serializers.NewUserSerializer, responses={201: serializers.UserSerializer})
    def create(self, request: Request) -> Response:
        data = _valid(serializers.NewUserSerializer(data=request.data)).validated_data
        roles = [data.pop("role", Role.CLIENT)]
        return _answer(services.create_user(**data, roles=roles, now=timezone.now()), status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        return _answer(_profile_of(pk))

    @extend_schema(request=serializers.AccountSerializer)
    def update(self, request: Request, pk: UUID) -> Response:
        return _update(request, _profile_of(pk), serializers.AccountSerializer)

    @extend_schema(request=serializers.AccountSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        return _update(request, _profile_of(pk), serializers.AccountSerializer)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Close an account and forget the person; its id stays, and nothing says whose it was."""
        user = _profile_of(pk)
        version = _expected_version(request, user)
        services.erase_user(user_id=user.id, expected_version=version, now=timezone.now())
        return Response(status=204)

    @extend_schema(request=serializers.RolesSerializer)
    @action(detail=True, methods=["put"])
    def roles(self, request: Request, pk: UUID) -> Response:
        """Give somebody other roles, in place of those they have."""
        user = _profile_of(pk)
        data = _valid(serializers.RolesSerializer(data=request.data)).validated_data
        version = _expected_version(request, user)
        return _answer(services.change_roles(user_id=user.id, **data, expected_version=version, now=timezone.now()))

    @action(detail=False, methods=["get"])
    def me(self, request: Request) -> Response:
        """One's own account."""
        return _answer(_profile_of(self.principal.id))

    @extend_schema(request=serializers.ProfileSerializer)
    @me.mapping.put
    @me.mapping.patch
    def update_me(self, request: Request) -> Response:
        """Change one's own profile."""
        return _update(request, _profile_of(self.principal.id), serializers.ProfileSerializer)

    @extend_schema(request=serializers.PasswordChangeSerializer, responses={204: None})
    @counts_failures
    @action(detail=False, methods=["put"], url_path="me/password")
    def password(self, request: Request) -> Response:
        """Change one's own password, by the old one; every other session and every API key ends."""
        data = _valid(serializers.PasswordChangeSerializer(data=request.data)).validated_data
        services.change_password(principal=self.principal, **data, address=_address(request), now=timezone.now())
        return Response(status=204)

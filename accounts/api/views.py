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
from gateway.requests.counted import CountedPagination
from gateway.requests.filtering import refuse_unknown
from gateway.responses.rendering import JSONParser
from gateway.writes import Call, write


def _address(request: Request) -> str:
    return client_address(request.META)


def _get_profile(user_id: UUID) -> User:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise UserNotFound
    return user


def _answer(user: User) -> Response:
    return Response(serializers.UserSerializer(user).data)


def _update(call: Call, user_id: UUID) -> User:
    changes = dict(call.body)
    is_active = changes.pop("is_active", None)
    return services.update_user(
        user_id=user_id,
        changes=changes,
        is_active=is_active,
        expected_version=call.expected_version,
        now=call.now,
    )


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

    @extend_schema(auth=[])
    @action(detail=False, methods=["post"])
    @write(request=serializers.RegistrationSerializer, responses={201: serializers.UserSerializer})
    def register(self, call: Call) -> User:
        """Make an account for oneself, as a client, and send a link that proves the e-mail."""
        return services.register(**call.body, now=call.now)

    @extend_schema(auth=[])
    @counts_failures
    @action(detail=False, methods=["post"])
    @write(
        request={"application/x-www-form-urlencoded": serializers.PasswordGrantSerializer},
        responses=serializers.TokenPairSerializer,
    )
    def token(self, call: Call) -> Response:
        """Sign in by a form (RFC 6749, the password grant), as tools for OAuth 2 do."""
        return self._sign_in(call, call.body["username"])

    @extend_schema(auth=[])
    @counts_failures
    @action(detail=False, methods=["post"])
    @write(request=serializers.LoginSerializer, responses=serializers.TokenPairSerializer)
    def login(self, call: Call) -> Response:
        """Sign in; where two-factor is on, with `otp` too, or in a second call with the `mfa_token` of the refusal."""
        return self._finish_sign_in(call) if call.body["mfa_token"] else self._sign_in(call, call.body["identifier"])

    def _finish_sign_in(self, call: Call) -> Response:
        address, device = _address(call.request), call.request.headers.get("User-Agent", "")
        mfa_token, otp = call.body["mfa_token"], call.body["otp"]
        user = services.authenticate_pending(mfa_token=mfa_token, otp=otp, address=address, now=call.now)
        pair = services.issue_tokens(
            user_id=user.id,
            device=device,
            address=address,
            now=call.now,
            access_token_seconds=call.body.get("access_token_seconds"),
        )
        return _signed_in(pair)

    def _sign_in(self, call: Call, identifier: str) -> Response:
        pair = services.sign_in(
            identifier=identifier,
            password=call.body["password"],
            otp=call.body["otp"],
            device=call.request.headers.get("User-Agent", ""),
            address=_address(call.request),
            now=call.now,
            access_token_seconds=call.body.get("access_token_seconds"),
        )
        return _signed_in(pair)

    @extend_schema(auth=[])
    @action(detail=False, methods=["post"])
    @write(request=serializers.RefreshSerializer, responses=serializers.TokenPairSerializer)
    def refresh(self, call: Call) -> services.TokenPair:
        """Take a new pair of tokens for a refresh token. It is good once: coming again later, it ends its session."""
        return services.refresh(**call.body, address=_address(call.request), now=call.now)

    @action(detail=False, methods=["post"])
    @write(request=serializers.LogoutSerializer, responses={204: None})
    def logout(self, call: Call) -> None:
        """Refuse this access token from now on, and end the session of `refresh_token`."""
        services.sign_out(principal=call.principal, **call.body, now=call.now)

    @extend_schema(auth=[])
    @action(detail=False, methods=["post"])
    @write(request=serializers.VerifySerializer, responses=serializers.VerifiedSerializer)
    def verify(self, call: Call) -> Response:
        """Say whether an access token would be let in now, and whose it is."""
        found = queries.inspect_token(call.body["token"])
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
        return _answer(_get_profile(self.principal.id))

    @action(detail=False, methods=["post"], url_path="ws-ticket")
    @write(responses=serializers.TicketSerializer)
    def ws_ticket(self, call: Call) -> dict[str, Any]:
        """Take a ticket for opening one WebSocket: it goes into the address, where no token should stand."""
        return {"ticket": tickets.issue_ticket(call.principal), "expires_in": tickets.LIFETIME_S}

    @counts_failures
    @action(detail=False, methods=["post"], url_path="step-up")
    @write(request=serializers.StepUpSerializer, responses=serializers.ProvedSerializer)
    def step_up(self, call: Call) -> dict[str, Any]:
        """Prove again who one is: changes that make an account another's are then let through for some minutes."""
        address = _address(call.request)
        return {"expires_at": services.prove(principal=call.principal, **call.body, address=address, now=call.now)}

    @extend_schema(auth=[])
    @action(detail=False, methods=["post"], url_path="reset-password")
    @write(request=serializers.PasswordResetSerializer, responses={202: None})
    def reset_password(self, call: Call) -> None:
        """Send a link for a new password; the answer is the same whether or not there is such an account."""
        services.request_password_reset(**call.body, now=call.now)

    @extend_schema(auth=[])
    @action(detail=False, methods=["post"], url_path="reset-password/confirm")
    @write(request=serializers.PasswordResetConfirmSerializer, responses={204: None})
    def reset_password_confirm(self, call: Call) -> Response:
        """Set a new password by the link that was sent; every session and API key ends."""
        user = services.reset_password(**call.body, address=_address(call.request), now=call.now)
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

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.revoke_session(user_id=call.actor_id, session_id=pk, now=call.now)


OWN = ("update_me", "password")


@extend_schema(tags=["users"])
class UserViewSet(ApiViewSet):
    """The accounts of people, for administrators; one's own is at `/users/me`."""

    queryset = User.objects.filter(erased_at__isnull=True)
    serializer_class = serializers.UserSerializer
    filterset_class = UserFilter
    pagination_class = CountedPagination
    extra_parameters = ("page",)
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
        refuse_unknown(request, {"query", "page"})
        text = request.query_params.get("query", "").strip()
        if not text or "\0" in text:
            raise ValidationError({"query": [_("Say what to look for.")]}, code="required")
        return self._page(User.objects.search(text))

    def _page(self, people: QuerySet[User]) -> Response:
        page = self.paginate_queryset(people)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @write(request=serializers.NewUserSerializer, responses={201: serializers.UserSerializer})
    def create(self, call: Call) -> User:
        data = dict(call.body)
        roles = [data.pop("role", Role.CLIENT)]
        return services.create_user(**data, roles=roles, now=call.now)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        return _answer(_get_profile(pk))

    @write(request=serializers.AccountSerializer, responses=serializers.UserSerializer)
    def update(self, call: Call, pk: UUID) -> User:
        return _update(call, pk)

    @write(request=serializers.AccountSerializer, responses=serializers.UserSerializer)
    def partial_update(self, call: Call, pk: UUID) -> User:
        return _update(call, pk)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """Close an account and forget the person; its id stays, and nothing says whose it was."""
        services.erase_user(user_id=pk, expected_version=call.expected_version, now=call.now)

    @action(detail=True, methods=["put"])
    @write(request=serializers.RolesSerializer, responses=serializers.UserSerializer)
    def roles(self, call: Call, pk: UUID) -> User:
        """Give somebody other roles, in place of those they have."""
        return services.change_roles(user_id=pk, **call.body, expected_version=call.expected_version, now=call.now)

    @action(detail=False, methods=["get"])
    def me(self, request: Request) -> Response:
        """One's own account."""
        return _answer(_get_profile(self.principal.id))

    @me.mapping.put
    @me.mapping.patch
    @write(request=serializers.ProfileSerializer, responses=serializers.UserSerializer)
    def update_me(self, call: Call) -> User:
        """Change one's own profile."""
        return _update(call, call.actor_id)

    @counts_failures
    @action(detail=False, methods=["put"], url_path="me/password")
    @write(request=serializers.PasswordChangeSerializer, responses={204: None})
    def password(self, call: Call) -> None:
        """Change one's own password, by the old one; every other session and every API key ends."""
        address = _address(call.request)
        services.change_password(principal=call.principal, **call.body, address=address, now=call.now)

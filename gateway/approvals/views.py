"""The API of requests that wait for a second person, over the databases of every served app."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from core.ids import find_uuid
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet
from gateway.approvals.asking import shown
from gateway.approvals.deciding import approve, reject
from gateway.approvals.kinds import kinds
from gateway.approvals.reading import Wanted, find_request, find_requests, split_page
from gateway.models import Approval, ApprovalState
from gateway.principal import ADMIN
from gateway.requests.filtering import refuse_unknown
from gateway.requests.pagination import PAGE_SIZE_SCHEMA, CursorPagination, refuse_ordering
from gateway.writes import Call, write


class ApprovalSubject(serializers.Serializer):
    """Subject of a request."""

    type = serializers.CharField()
    id = serializers.UUIDField()
    number = serializers.CharField()


class ApprovalSerializer(serializers.Serializer):
    """An action that waits, or waited, for a second person; `amount` is null where nobody can say."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    subject = ApprovalSubject()
    amount = serializers.DecimalField(14, 2, allow_null=True)
    currency = serializers.CharField()
    asked_by = serializers.UUIDField(allow_null=True)
    asked_at = serializers.DateTimeField()
    reason = serializers.CharField()
    evidence = serializers.CharField()
    state = serializers.ChoiceField(ApprovalState.choices)
    expires_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.UUIDField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField()


class WaitingAnswer(serializers.Serializer):
    """The answer 202 of an action that waits for a second person; nothing of it has happened."""

    approval = ApprovalSerializer()


def may_wait(answer: Any, status: int = 200) -> dict[int, Any]:
    """The answers of an action that may wait for a second person, for its OpenAPI operation."""
    return {status: answer, 202: WaitingAnswer}


class ApprovalPage(serializers.Serializer):
    """A page of requests, the newest first."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ApprovalSerializer(many=True)


class AgreeInput(serializers.Serializer):
    """Remarks of the second person."""

    reason = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)


class TurnDownInput(serializers.Serializer):
    """Why a request is turned down."""

    reason = serializers.CharField(max_length=1000)


class ApprovalViewSet(ApiViewSet):
    """Managers see what waits, administrators all of it; whoever asked and whoever it favours cannot decide."""

    permission_classes = [IsManager]
    serializer_class = ApprovalSerializer
    queryset = Approval.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(
        parameters=[
            OpenApiParameter("state", enum=ApprovalState.values),
            OpenApiParameter("kind", str),
            OpenApiParameter("mine", bool, description="Only those that the caller made."),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", PAGE_SIZE_SCHEMA),
        ],
        responses=ApprovalPage,
    )
    def list(self, request: Request) -> Response:
        """Requests for a second person, newest first."""
        refuse_unknown(request, {"state", "kind", "mine"})
        refuse_ordering(request)
        size = CursorPagination().get_page_size(request)
        rows, following = split_page(find_requests(self._wanted(request), limit=size + 1), size)
        there = None
        if following is not None:
            query = request.query_params.copy()
            query["cursor"] = str(following)
            there = request.build_absolute_uri(f"?{query.urlencode()}")
        return Response({"next": there, "previous": None, "results": [shown(row) for _alias, row in rows]})

    def _wanted(self, request: Request) -> Wanted:
        given = request.query_params
        state, kind, mine = given.get("state", ""), given.get("kind", ""), given.get("mine", "false")
        if state and state not in ApprovalState.values:
            raise ValidationError({"state": [_("One of: %(choices)s.") % {"choices": ", ".join(ApprovalState.values)}]})
        if kind and kind not in {one.name for one in kinds()}:
            raise ValidationError({"kind": [_("There is no such kind.")]})
        if mine not in ("true", "false"):
            raise ValidationError({"mine": [_("true or false.")]})
        return Wanted(
            state=state,
            kind=kind,
            mine=self.principal.id if mine == "true" else None,
            before=_cursor(given.get("cursor")),
            is_admin=self._is_admin,
        )

    @extend_schema(responses=ApprovalSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One request."""
        return Response(shown(find_request(pk, is_admin=self._is_admin)[1]))

    @property
    def idempotent_on(self) -> str:  # type: ignore[override]
        """The database in which the request waits."""
        return find_request(self.kwargs["pk"], is_admin=self._is_admin)[0]

    @property
    def _is_admin(self) -> bool:
        return ADMIN in self.principal.roles

    @action(detail=True, methods=["post"])
    @write(request=AgreeInput, responses=ApprovalSerializer, once="POST /approvals/{id}/approve")
    def approve(self, call: Call, pk: UUID) -> Response:
        """Agree: the action happens now. Not for whoever asked, nor for whom it favours."""
        return _decided(approve, call, pk)

    @action(detail=True, methods=["post"])
    @write(request=TurnDownInput, responses=ApprovalSerializer, once="POST /approvals/{id}/reject")
    def reject(self, call: Call, pk: UUID) -> Response:
        """Turn a request down: nothing happens."""
        return _decided(reject, call, pk)


def _decided(service: Callable[..., Approval], call: Call, pk: UUID) -> Response:
    alias, found = find_request(pk, is_admin=ADMIN in call.principal.roles)
    done = service(alias=alias, approval_id=found.id, person_id=call.actor_id, reason=call.body["reason"], now=call.now)
    return Response(shown(done))


def _cursor(given: str | None) -> UUID | None:
    found = find_uuid(given) if given is not None else None
    if given is not None and found is None:
        raise ValidationError({"cursor": [CursorPagination.invalid_cursor_message]})
    return found

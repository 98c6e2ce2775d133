"""The one way in which an action of a viewset writes: body, caller, clock, If-Match and Idempotency-Key are the edge's.

An action without an effect that is given a body, as a calculator is, is declared like one that writes:

    @action(detail=True, methods=["post"])
    @write(request=PolicyCancelInput, responses=PolicySerializer, once="cancel_policy")
    def cancel(self, call: Call, pk: UUID) -> Policy:
        return services.cancel_policy(policy_id=pk, customer_id=call.owner_id, now=call.now, **call.body)
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core.db import Expected
from gateway.principal import Principal
from gateway.requests import etags
from gateway.requests.idempotency import run_once


@dataclass(frozen=True, slots=True)
class Call:
    """A write as its action is given it: the body as its serializer understood it, and the moment it is made at."""

    request: Request
    body: Any
    now: datetime

    @property
    def principal(self) -> Principal:
        """The signed-in caller; permissions have made sure there is one."""
        return cast(Principal, self.request.user)

    @property
    def actor_id(self) -> UUID:
        """The person who acts."""
        return self.principal.id

    @property
    def owner_id(self) -> UUID | None:
        """The person whose objects alone the caller may touch; None is staff, who may touch everybody's."""
        return self.principal.owner_id

    @property
    def expected_version(self) -> Expected:
        """Versions one of which the object must have once it is locked. An action that reads it honours If-Match."""
        return etags.expected_version(self.request._request)


@dataclass(frozen=True, slots=True)
class Write:
    """Declaration of one action that writes; its answer is the first of `responses`."""

    action: Callable[..., Any]
    request: Any
    responses: dict[int, Any]
    once: str

    def run(self, view: Any, words: dict[str, Any]) -> HttpResponseBase:
        """Judge the body, act, render; once per Idempotency-Key where that is declared."""
        if not self.once:
            return self._act(view, words)
        view.request.data  # noqa: B018  a body that cannot be read is refused before a key is bound to it

        def act() -> HttpResponse:
            return cast(HttpResponse, view.finalize_response(view.request, self._act(view, words)).render())

        request, alias = view.request._request, view.idempotent_on
        return run_once(request, view.principal.id, alias=alias, route=self.once, action=act)

    def _act(self, view: Any, words: dict[str, Any]) -> HttpResponseBase:
        body = self._body(view)
        made = self.action(view, Call(view.request, body, view.now()), **words)
        if isinstance(made, HttpResponseBase):
            return made
        status, serializer = next(iter(self.responses.items()))
        shown = serializer and serializer(made, context=view.get_serializer_context()).data
        return Response(shown, status=status)

    def _body(self, view: Any) -> Any:
        wanted = next(iter(self.request.values())) if isinstance(self.request, dict) else self.request
        if wanted is None:
            return None
        is_made = isinstance(wanted, BaseSerializer)
        options = {"partial": True} if is_made and getattr(wanted, "partial", False) else {}
        return view.valid(type(wanted) if is_made else wanted, context=view.get_serializer_context(), **options)


def write(
    *, request: Any = None, responses: Any, once: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., HttpResponseBase]]:
    """Declare an action that writes, below `@action`: `def action(self, call: Call, **path) -> the object`.

    `request` and `responses` are as in `extend_schema`, and describe the action in OpenAPI too. The first response is
    the answer: the object goes through its serializer, with its status; an action may also return a Response of its
    own. `once` is the name that Idempotency-Keys are kept under, for ever the same; without one a repeat acts again.
    """
    known = responses if isinstance(responses, dict) else {200: responses}

    def declare(action: Callable[..., Any]) -> Callable[..., HttpResponseBase]:
        declared = Write(action, request, known, once)

        @wraps(action)
        def method(self: Any, request: Request, **words: Any) -> HttpResponseBase:
            return declared.run(self, words)

        method.write = declared  # type: ignore[attr-defined]
        # A method mapped to another's path would be described by that one's schema, were it given none of its own.
        described: Callable[..., HttpResponseBase] = extend_schema()(method)
        return described

    return declare

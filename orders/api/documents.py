"""Documents of an order over HTTP."""

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request

from core.errors import InvalidInput, NotFound
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from orders.models import DocumentKind, PaperLanguage
from orders.services import Actor
from orders.services.documents import issue_document

LANGUAGES = PaperLanguage.values


class DocumentActions(ApiViewSet):
    """Invoice, contract, act of handover and act of return as PDF."""

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("lang", str, enum=LANGUAGES, description="Else by Accept-Language; else Russian."),
            OpenApiParameter("version", int, description="An earlier version; else what holds now."),
        ],
    )
    @action(detail=True, methods=["get"], url_path=r"documents/(?P<kind>[a-z-]+)", filterset_class=None)
    def document(self, request: Request, pk: UUID, kind: str) -> HttpResponse:
        """The desk's paper of this name: issued under a number once, and never changed afterwards."""
        refuse_unknown(request, {"lang", "version"})
        if kind not in DocumentKind.values:
            raise NotFound
        language = _language(request)
        printed = issue_document(
            order_id=pk,
            kind=kind,
            language=language,
            version=_version(request),
            actor=Actor(self.principal.id, self.principal.roles),
            now=timezone.now(),
        )
        papers = Papers("orders", kind, pk, printed.customer_id)
        response = hand_over(request, papers, printed.content, "application/pdf")
        response["Content-Disposition"] = f'inline; filename="{printed.number}-{language}.pdf"'
        response["Content-Language"] = language
        response["ETag"] = f'"{printed.sha256}"'
        response["X-Document-Number"] = printed.number
        response["X-Document-Version"] = str(printed.version)
        response["Cache-Control"] = "private, no-cache"
        return response


def _version(request: Request) -> int | None:
    given = request.query_params.get("version")
    if given is None:
        return None
    if not given.isascii() or not given.isdecimal() or not 1 <= int(given) <= 32_000:
        raise InvalidInput("version", "invalid", _("A whole number from 1 on."))
    return int(given)


def _language(request: Request) -> str:
    given = request.query_params.get("lang")
    if given is not None:
        if given not in LANGUAGES:
            raise InvalidInput("lang", "invalid", _("One of: %(choices)s.") % {"choices": ", ".join(LANGUAGES)})
        return given
    wanted = (
        name.partition("-")[0] for name, _ in parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    )
    return next((name for name in wanted if name in LANGUAGES), LANGUAGES[0])

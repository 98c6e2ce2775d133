"""Templates of papers over HTTP: versions, the fields that they may name, and previews."""

from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.db import database_now
from core.errors import InvalidInput, NotFound
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write
from orders.models import DocumentTemplate, PaperKind, PaperLanguage, TemplateState
from orders.queries.paper_preview import preview_html, preview_pdf
from orders.rules.paper_fields import LISTS, list_fields
from orders.rules.paper_template import LONGEST_TEXT
from orders.services import templates

FORMS = ("html", "pdf")


class DocumentTemplateSerializer(serializers.ModelSerializer):
    """A version of the words of a kind of paper; `number` counts the versions of a kind in a language."""

    class Meta:
        model = DocumentTemplate
        fields = [
            "id", "kind", "language", "number", "title", "text", "state", "valid_from", "is_shipped", "created_by",
            "created_at", "enforced_by", "enforced_at", "retired_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class _Text(serializers.Serializer):
    text = serializers.CharField(max_length=LONGEST_TEXT, trim_whitespace=False)


class DocumentTemplateInput(_Text):
    """Words for a kind of paper: a new draft."""

    kind = serializers.ChoiceField(choices=PaperKind.choices)
    language = serializers.ChoiceField(choices=PaperLanguage.choices)
    title = serializers.CharField(max_length=200)


class DocumentTemplateEdit(_Text):
    """Other words for a draft."""

    title = serializers.CharField(max_length=200)


class EnforceInput(serializers.Serializer):
    """The day from which a version is issued."""

    valid_from = serializers.DateField()


class TemplatePreviewInput(_Text):
    """Words that are not kept yet, to be seen with test data."""

    kind = serializers.ChoiceField(choices=PaperKind.choices)
    language = serializers.ChoiceField(choices=PaperLanguage.choices)
    form = serializers.ChoiceField(choices=FORMS, default="html")


class TemplateFieldSerializer(serializers.Serializer):
    """A field that templates of a kind may name: `by_hand` is said by whoever issues the paper."""

    path = serializers.CharField()
    meaning = serializers.CharField(source="label")
    sample = serializers.CharField()
    by_hand = serializers.BooleanField()


class TemplateFieldsSerializer(serializers.Serializer):
    """All that templates of a kind may name; a list has the columns of its items."""

    fields_of_kind = TemplateFieldSerializer(many=True)
    lists = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))


class DocumentTemplateFilter(django_filters.FilterSet):
    """By kind, language and state."""

    kind = django_filters.MultipleChoiceFilter(choices=PaperKind.choices)
    language = django_filters.ChoiceFilter(choices=PaperLanguage.choices)
    state = django_filters.MultipleChoiceFilter(choices=TemplateState.choices)

    class Meta:
        model = DocumentTemplate
        fields: list[str] = []


class DocumentTemplateViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Managers write the words of papers."""

    permission_classes = [IsManager]
    serializer_class = DocumentTemplateSerializer
    filterset_class = DocumentTemplateFilter
    queryset = DocumentTemplate.objects.all()
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}
    throttle_scopes = {"preview": "files", "preview_words": "files"}
    idempotent_on = "orders"

    def now(self) -> datetime:
        return database_now("orders")

    @write(request=DocumentTemplateInput, responses={201: DocumentTemplateSerializer}, once="orders.document_template")
    def create(self, call: Call) -> DocumentTemplate:
        """Keep words as a draft; a wrong field, tag or loop is refused with its line."""
        return templates.create_template(actor_id=call.actor_id, now=call.now, **call.body)

    @write(request=DocumentTemplateEdit(partial=True), responses=DocumentTemplateSerializer)
    def partial_update(self, call: Call, pk: UUID) -> DocumentTemplate:
        """Change a draft."""
        return templates.change_template(template_id=pk, expected_version=call.expected_version, **call.body)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """Throw a draft away."""
        templates.delete_template(template_id=pk, expected_version=call.expected_version)

    @action(detail=True, methods=["post"])
    @write(request=EnforceInput, responses=DocumentTemplateSerializer)
    def enforce(self, call: Call, pk: UUID) -> DocumentTemplate:
        """Put a draft in force from a day on; it never changes afterwards."""
        return templates.enforce_template(
            template_id=pk,
            actor_id=call.actor_id,
            expected_version=call.expected_version,
            now=call.now,
            **call.body,
        )

    @action(detail=True, methods=["post"])
    @write(responses=DocumentTemplateSerializer)
    def retire(self, call: Call, pk: UUID) -> DocumentTemplate:
        """Issue nothing from a version any more."""
        return templates.retire_template(template_id=pk, expected_version=call.expected_version, now=call.now)

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, (200, "text/html"): OpenApiTypes.STR},
        parameters=[OpenApiParameter("form", str, enum=list(FORMS), description="Else HTML.")],
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def preview(self, request: Request, pk: UUID) -> HttpResponse:
        """The version with test data, as HTML or PDF."""
        refuse_unknown(request, {"form"})
        form = request.query_params.get("form", "html")
        if form not in FORMS:
            raise InvalidInput("form", "invalid", ", ".join(FORMS))
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise NotFound
        return _shown(form, kind=found.kind, language=found.language, title=found.title, text=found.text)

    @action(detail=False, methods=["post"], url_path="preview", url_name="preview-words")
    @write(
        request=TemplatePreviewInput,
        responses={(200, "text/html"): OpenApiTypes.STR, (200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def preview_words(self, call: Call) -> HttpResponse:
        """Words that are not kept yet, with test data; a mistake is told with its line."""
        return _shown(title="", **call.body)

    @extend_schema(
        responses=TemplateFieldsSerializer,
        parameters=[OpenApiParameter("kind", str, enum=PaperKind.values, required=True)],
    )
    @action(detail=False, methods=["get"], url_path="fields", filterset_class=None)
    def list_fields(self, request: Request) -> Response:
        """The fields and lists that templates of a kind may name."""
        refuse_unknown(request, {"kind"})
        kind = request.query_params.get("kind", "")
        if kind not in PaperKind.values:
            raise InvalidInput("kind", "invalid", ", ".join(PaperKind.values))
        known = {"fields_of_kind": list_fields(kind), "lists": LISTS}
        return Response(TemplateFieldsSerializer(known).data)


def _shown(form: str, **words: Any) -> HttpResponse:
    """Answer with a preview: test data alone, of nobody."""
    if form == "pdf":
        return HttpResponse(preview_pdf(**words), content_type="application/pdf")
    return HttpResponse(preview_html(kind=words["kind"], text=words["text"]), content_type="text/html; charset=utf-8")

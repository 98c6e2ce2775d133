"""Serve the attributes that describe the products of a category, over HTTP."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import services
from catalog.api.reading import InOrder, once, page, read
from catalog.models import Attribute, AttributeKind, Category
from catalog.models.categories import ancestor_ids
from core.errors import NotFound
from gateway.requests.filtering import refuse_unknown
from gateway.requests.paths import UUID_PATTERN

if TYPE_CHECKING:
    from gateway.api import ApiViewSet as _Base
else:
    _Base = object


class AttributeSerializer(serializers.ModelSerializer):
    category_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = Attribute
        fields = ["id", "category_id", "key", "label", "kind", "unit", "choices", "is_required"]
        read_only_fields = fields


class AttributeChanges(serializers.Serializer):
    label = serializers.CharField(max_length=80)  # type: ignore[assignment]
    unit = serializers.CharField(max_length=20, allow_blank=True, required=False)
    choices = serializers.ListField(child=serializers.CharField(max_length=120), max_length=200, required=False)
    is_required = serializers.BooleanField(required=False)


class AttributeInput(AttributeChanges):
    key = serializers.SlugField(max_length=40)
    kind = serializers.ChoiceField(choices=AttributeKind.choices)


class AttributeActions(_Base):
    """Actions on /categories/{id}: its own attributes are written, those of the categories above only shown."""

    @extend_schema(methods=["get"], responses=AttributeSerializer(many=True))
    @extend_schema(methods=["post"], request=AttributeInput, responses={201: AttributeSerializer})
    @action(detail=True, methods=["get", "post"], pagination_class=InOrder)
    def attributes(self, request: Request, pk: UUID) -> Response | HttpResponse:
        """GET: what products of the category are described by, inherited ones too; POST: one thing more."""
        refuse_unknown(request, set())
        if request.method == "GET":
            if not Category.objects.filter(pk=pk).exists():
                raise NotFound
            known = Attribute.objects.filter(category__in=ancestor_ids(pk))
            return page(self, known, AttributeSerializer)
        given = read(AttributeInput, request)

        def act() -> tuple[object, int]:
            attribute = services.create_attribute(category_id=pk, now=timezone.now(), **given)
            return AttributeSerializer(attribute).data, status.HTTP_201_CREATED

        return once(request, self.principal, "POST attributes", given, act)

    @extend_schema(methods=["get"], responses=AttributeSerializer)
    @extend_schema(methods=["patch"], request=AttributeChanges, responses=AttributeSerializer)
    @extend_schema(methods=["delete"], responses={204: None})
    @action(
        detail=True,
        methods=["get", "patch", "delete"],
        url_path=f"attributes/(?P<attribute_id>{UUID_PATTERN})",
        url_name="attribute",
        pagination_class=None,
    )
    def attribute(self, request: Request, pk: UUID, attribute_id: UUID) -> Response:
        """One attribute of the category's own."""
        refuse_unknown(request, set())
        now = timezone.now()
        if request.method == "DELETE":
            services.delete_attribute(category_id=pk, attribute_id=attribute_id, now=now)
            return Response(status=status.HTTP_204_NO_CONTENT)
        if request.method == "PATCH":
            given = read(AttributeChanges, request, partial=True)
            changed = services.update_attribute(category_id=pk, attribute_id=attribute_id, now=now, **given)
            return Response(AttributeSerializer(changed).data)
        known = Attribute.objects.filter(pk=attribute_id, category=pk).first()
        if known is None:
            raise NotFound
        return Response(AttributeSerializer(known).data)

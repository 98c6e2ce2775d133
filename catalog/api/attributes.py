"""Serve the attributes that describe the products of a category, over HTTP."""

from typing import TYPE_CHECKING
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import services
from catalog.api.reading import InOrder, page
from catalog.models import Attribute, AttributeKind, Category
from catalog.models.categories import ancestor_ids
from core.errors import NotFound
from core.ids import UUID_PATTERN
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write

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

    @extend_schema(responses=AttributeSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=InOrder)
    def attributes(self, request: Request, pk: UUID) -> Response:
        """List what products of the category are described by, inherited ones too."""
        refuse_unknown(request, set())
        if not Category.objects.filter(pk=pk).exists():
            raise NotFound
        return page(self, Attribute.objects.filter(category__in=ancestor_ids(pk)), AttributeSerializer)

    @attributes.mapping.post
    @write(request=AttributeInput, responses={201: AttributeSerializer}, once="POST attributes")
    def add_attribute(self, call: Call, pk: UUID) -> Attribute:
        """Describe the category's products by one thing more."""
        refuse_unknown(call.request, set())
        return services.create_attribute(category_id=pk, now=call.now, **call.body)

    @extend_schema(responses=AttributeSerializer)
    @action(
        detail=True,
        methods=["get"],
        url_path=f"attributes/(?P<attribute_id>{UUID_PATTERN})",
        url_name="attribute",
        pagination_class=None,
    )
    def attribute(self, request: Request, pk: UUID, attribute_id: UUID) -> Response:
        """One attribute of the category's own."""
        refuse_unknown(request, set())
        known = Attribute.objects.filter(pk=attribute_id, category=pk).first()
        if known is None:
            raise NotFound
        return Response(AttributeSerializer(known).data)

    @attribute.mapping.patch
    @write(request=AttributeChanges(partial=True), responses=AttributeSerializer)
    def change_attribute(self, call: Call, pk: UUID, attribute_id: UUID) -> Attribute:
        """Change an attribute of the category's own."""
        refuse_unknown(call.request, set())
        return services.update_attribute(category_id=pk, attribute_id=attribute_id, now=call.now, **call.body)

    @attribute.mapping.delete
    @write(responses={204: None})
    def delete_attribute(self, call: Call, pk: UUID, attribute_id: UUID) -> None:
        """Describe the category's products by it no more."""
        refuse_unknown(call.request, set())
        services.delete_attribute(category_id=pk, attribute_id=attribute_id, now=call.now)

"""Products side by side."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import public
from catalog.errors import UnknownProduct
from gateway.requests.filtering import refuse_unknown

if TYPE_CHECKING:
    from gateway.api import ApiViewSet as _Base
else:
    _Base = object


class ComparedProductSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    image_url = serializers.CharField()


class ComparedRowSerializer(serializers.Serializer):
    name = serializers.CharField(help_text=_("A field of products, or attributes.<key>."))
    values = serializers.ListField(child=serializers.JSONField())
    differs = serializers.BooleanField()


class ComparisonSerializer(serializers.Serializer):
    products = ComparedProductSerializer(many=True)
    rows = ComparedRowSerializer(many=True)


class CompareAction(_Base):
    """GET /products/compare."""

    @extend_schema(
        parameters=[OpenApiParameter("ids", str, required=True, description="1 to 4 ids, separated by commas")],
        responses=ComparisonSerializer,
    )
    @action(detail=False, pagination_class=None, filter_backends=[])
    def compare(self, request: Request) -> Response:
        refuse_unknown(request, {"ids"})
        found = public.compare_products(_ids(request.query_params.get("ids", "")))
        if found is None:
            raise UnknownProduct
        return Response(
            {
                "products": [{"id": one.id, "name": one.name, "image_url": one.image_url} for one in found.products],
                "rows": [{"name": row.name, "values": row.values, "differs": row.differs} for row in found.rows],
            }
        )


def _ids(text: str) -> list[UUID]:
    try:
        ids = list(dict.fromkeys(UUID(part.strip()) for part in text.split(",")))
    except ValueError as error:
        raise ValidationError({"ids": [_("Ids of products, separated by commas, are wanted.")]}) from error
    if len(ids) > public.MOST_COMPARED:
        raise ValidationError({"ids": [_("At most four products are compared.")]})
    return ids

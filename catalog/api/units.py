"""Serve what managers do with one product besides editing it: stages, pictures, prices to come."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import services
from catalog.api.reading import NewestFirst
from catalog.api.serializers import ProductSerializer
from catalog.errors import UnknownProduct
from catalog.models import PriceChange, Product, ProductImage, ScheduledPrice, Stage
from core.money import MAX_AMOUNT
from gateway.access.permissions import IsManager, ReadByAnyone
from gateway.approvals.views import may_wait
from gateway.requests.filtering import refuse_unknown
from gateway.requests.paths import UUID_PATTERN

if TYPE_CHECKING:
    from gateway.api import ApiViewSet as _Base
else:
    _Base = object


class StageInput(serializers.Serializer):
    stage = serializers.ChoiceField(choices=Stage.choices)


class ImageInput(serializers.Serializer):
    file = serializers.FileField()
    alt = serializers.CharField(max_length=200, allow_blank=True, required=False)


class ImageOrder(serializers.Serializer):
    image_ids = serializers.ListField(child=serializers.UUIDField(), max_length=100)


class ImageSerializer(serializers.ModelSerializer):
    urls = serializers.SerializerMethodField()

    class Meta:
        model = ProductImage
        fields = ["id", "position", "alt", "width", "height", "urls", "created_at"]
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_urls(self, image: ProductImage) -> dict[str, str]:
        return {name: default_storage.url(path) for name, path in image.renditions.items()}


class PriceChangeSerializer(serializers.ModelSerializer):
    class Meta:
        model = PriceChange
        fields = ["id", "old_price", "new_price", "currency", "actor", "reason", "at"]
        read_only_fields = fields


class ScheduledPriceInput(serializers.Serializer):
    price = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, max_value=MAX_AMOUNT)
    due_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=200, allow_blank=True, required=False, default="")


class ScheduledPriceSerializer(serializers.ModelSerializer):
    class Meta:
        model = ScheduledPrice
        fields = ["id", "price", "due_at", "reason", "actor", "created_at", "applied_at"]
        read_only_fields = fields


class UnitActions(_Base):
    """Actions on /products/{id}."""

    @extend_schema(request=StageInput, responses=ProductSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def stage(self, request: Request, pk: UUID) -> Response:
        given = self.valid(StageInput)
        product = services.change_stage(product_id=pk, stage=Stage(given["stage"]), now=timezone.now())
        return Response(ProductSerializer(product).data)

    @extend_schema(methods=["GET"], responses=ImageSerializer(many=True))
    @extend_schema(methods=["POST"], request={"multipart/form-data": ImageInput}, responses={201: ImageSerializer})
    @extend_schema(methods=["PUT"], request={"application/json": ImageOrder}, responses=ImageSerializer(many=True))
    @action(
        detail=True,
        methods=["get", "post", "put"],
        pagination_class=None,
        filterset_class=None,
        permission_classes=[ReadByAnyone | IsManager],
        parser_classes=[MultiPartParser, JSONParser],
    )
    def images(self, request: Request, pk: UUID) -> Response:
        """GET: the pictures in order; POST: one more; PUT `{image_ids}`: another order."""
        refuse_unknown(request, set())
        if not self.get_queryset().filter(pk=pk).exists():
            raise UnknownProduct
        if request.method == "POST":
            given = self.valid(ImageInput)
            image = services.add_image(product_id=pk, file=given["file"], alt=given.get("alt", ""), now=timezone.now())
            return Response(ImageSerializer(image).data, status=status.HTTP_201_CREATED)
        if request.method == "PUT":
            services.order_images(product_id=pk, image_ids=self.valid(ImageOrder)["image_ids"])
        images = ProductImage.objects.filter(product_id=pk).order_by("position", "id")
        return Response(ImageSerializer(images, many=True).data)

    @extend_schema(responses={204: None})
    @action(
        detail=True,
        methods=["delete"],
        url_path=f"images/(?P<image_id>{UUID_PATTERN})",
        url_name="image",
        permission_classes=[IsManager],
    )
    def image(self, request: Request, pk: UUID, image_id: UUID) -> Response:
        services.delete_image(product_id=pk, image_id=image_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=PriceChangeSerializer(many=True))
    @action(detail=True, permission_classes=[IsManager], pagination_class=NewestFirst, filterset_class=None)
    def prices(self, request: Request, pk: UUID) -> Response:
        """The history of the price, newest first."""
        refuse_unknown(request, set())
        return self._rows(PriceChange.objects.filter(product_id=self._known(pk)), PriceChangeSerializer)

    @extend_schema(methods=["GET"], responses=ScheduledPriceSerializer(many=True))
    @extend_schema(methods=["POST"], request=ScheduledPriceInput, responses=may_wait(ScheduledPriceSerializer, 201))
    @action(
        detail=True,
        methods=["get", "post"],
        url_path="scheduled-prices",
        permission_classes=[IsManager],
        pagination_class=NewestFirst,
        filterset_class=None,
    )
    def scheduled_prices(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, set())
        if request.method == "GET":
            return self._rows(ScheduledPrice.objects.filter(product_id=self._known(pk)), ScheduledPriceSerializer)
        scheduled = services.schedule_price(
            product_id=pk,
            actor=str(self.principal.id),
            now=timezone.now(),
            **self.valid(ScheduledPriceInput),
        )
        return Response(ScheduledPriceSerializer(scheduled).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    @action(
        detail=True,
        methods=["delete"],
        url_path=f"scheduled-prices/(?P<scheduled_id>{UUID_PATTERN})",
        url_name="scheduled-price",
        permission_classes=[IsManager],
    )
    def scheduled_price(self, request: Request, pk: UUID, scheduled_id: UUID) -> Response:
        services.cancel_scheduled_price(product_id=pk, scheduled_id=scheduled_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _known(self, pk: UUID) -> UUID:
        if not Product.objects.filter(pk=pk).exists():
            raise UnknownProduct
        return pk

    def _rows(self, rows: Any, serializer: Any) -> Response:
        return self.get_paginated_response(serializer(self.paginate_queryset(rows), many=True).data)

"""Serve what managers do with one product besides editing it: stages, pictures, prices to come."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import services
from catalog.api.reading import NewestFirst
from catalog.api.serializers import ProductSerializer
from catalog.errors import UnknownProduct
from catalog.models import PriceChange, Product, ProductImage, ScheduledPrice, Stage
from core.errors import Forbidden
from core.files.kept import picture_files
from core.ids import UUID_PATTERN
from core.money import MAX_AMOUNT
from gateway.access.permissions import IsManager, ReadByAnyone, may_see_costs
from gateway.approvals.views import may_wait
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write

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
        return {name: picture_files().url(path) for name, path in image.renditions.items()}


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


class CostSerializer(serializers.ModelSerializer):
    """Cost of a piece of a product, without the VAT that is deducted; null where nobody said it."""

    class Meta:
        model = Product
        fields = ["cost", "currency"]
        read_only_fields = fields


class UnitActions(_Base):
    """Actions on /products/{id}."""

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=StageInput, responses=ProductSerializer)
    def stage(self, call: Call, pk: UUID) -> Product:
        return services.change_stage(product_id=pk, stage=Stage(call.body["stage"]), now=call.now)

    @extend_schema(responses=ImageSerializer(many=True))
    @action(
        detail=True,
        methods=["get"],
        pagination_class=None,
        filterset_class=None,
        permission_classes=[ReadByAnyone | IsManager],
        parser_classes=[MultiPartParser, JSONParser],
    )
    def images(self, request: Request, pk: UUID) -> Response:
        """The pictures, in order."""
        refuse_unknown(request, set())
        self._require(pk)
        return self._images(pk)

    @images.mapping.post
    @write(request={"multipart/form-data": ImageInput}, responses={201: ImageSerializer})
    def add_image(self, call: Call, pk: UUID) -> ProductImage:
        """Add a picture."""
        refuse_unknown(call.request, set())
        self._require(pk)
        alt = call.body.get("alt", "")
        return services.add_image(product_id=pk, file=call.body["file"], alt=alt, now=call.now)

    @images.mapping.put
    @write(request={"application/json": ImageOrder}, responses=ImageSerializer(many=True))
    def order_images(self, call: Call, pk: UUID) -> Response:
        """Put the pictures in another order."""
        refuse_unknown(call.request, set())
        self._require(pk)
        services.order_images(product_id=pk, image_ids=call.body["image_ids"])
        return self._images(pk)

    def _require(self, pk: UUID) -> None:
        if not self.get_queryset().filter(pk=pk).exists():
            raise UnknownProduct

    def _images(self, pk: UUID) -> Response:
        images = ProductImage.objects.filter(product_id=pk).order_by("position", "id")
        return Response(ImageSerializer(images, many=True).data)

    @action(
        detail=True,
        methods=["delete"],
        url_path=f"images/(?P<image_id>{UUID_PATTERN})",
        url_name="image",
        permission_classes=[IsManager],
    )
    @write(responses={204: None})
    def image(self, call: Call, pk: UUID, image_id: UUID) -> None:
        services.delete_image(product_id=pk, image_id=image_id)

    @extend_schema(responses=PriceChangeSerializer(many=True))
    @action(detail=True, permission_classes=[IsManager], pagination_class=NewestFirst, filterset_class=None)
    def prices(self, request: Request, pk: UUID) -> Response:
        """The history of the price, newest first."""
        refuse_unknown(request, set())
        return self._rows(PriceChange.objects.filter(product_id=self._known(pk)), PriceChangeSerializer)

    @extend_schema(responses=ScheduledPriceSerializer(many=True))
    @action(
        detail=True,
        methods=["get"],
        url_path="scheduled-prices",
        permission_classes=[IsManager],
        pagination_class=NewestFirst,
        filterset_class=None,
    )
    def scheduled_prices(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, set())
        return self._rows(ScheduledPrice.objects.filter(product_id=self._known(pk)), ScheduledPriceSerializer)

    @scheduled_prices.mapping.post
    @write(request=ScheduledPriceInput, responses=may_wait(ScheduledPriceSerializer, 201))
    def schedule_price(self, call: Call, pk: UUID) -> ScheduledPrice:
        """Set a price that counts from a later moment on."""
        refuse_unknown(call.request, set())
        return services.schedule_price(product_id=pk, actor=str(call.actor_id), now=call.now, **call.body)

    @action(
        detail=True,
        methods=["delete"],
        url_path=f"scheduled-prices/(?P<scheduled_id>{UUID_PATTERN})",
        url_name="scheduled-price",
        permission_classes=[IsManager],
    )
    @write(responses={204: None})
    def scheduled_price(self, call: Call, pk: UUID, scheduled_id: UUID) -> None:
        services.cancel_scheduled_price(product_id=pk, scheduled_id=scheduled_id)

    @extend_schema(responses=CostSerializer)
    @action(detail=True, permission_classes=[IsManager], pagination_class=None, filterset_class=None)
    def cost(self, request: Request, pk: UUID) -> Response:
        """Read what a piece cost the dealer, for those who may see it."""
        refuse_unknown(request, set())
        if not may_see_costs(self.principal.roles):
            raise Forbidden
        product = Product.objects.present().filter(pk=pk).first()
        if product is None:
            raise UnknownProduct
        return Response(CostSerializer(product).data)

    def _known(self, pk: UUID) -> UUID:
        if not Product.objects.filter(pk=pk).exists():
            raise UnknownProduct
        return pk

    def _rows(self, rows: Any, serializer: Any) -> Response:
        return self.get_paginated_response(serializer(self.paginate_queryset(rows), many=True).data)

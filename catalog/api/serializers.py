"""Declare what the catalogue's API takes and gives."""

from decimal import Decimal
from typing import Any

import msgspec
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalog.models import Category, Condition, Import, Product, ProductKind, RowError, StockMovement
from catalog.models.marking import Marking
from catalog.models.taxes import OF_CATEGORIES, ExemptionGround, SaleTax
from catalog.rules.importing.rows import MIN_YEAR
from core.importing.limits import ENDINGS
from core.money import MAX_AMOUNT
from core.vin import has_check_digit
from gateway.access.permissions import may_see_costs

MAX_STOCK = 1_000_000
CURRENCY = RegexValidator(r"\A[A-Z]{3}\Z", _("A currency is three capital letters, as in RUB."))


class CategorySerializer(serializers.ModelSerializer):
    parent_id = serializers.UUIDField(allow_null=True, read_only=True)

    class Meta:
        model = Category
        fields = [
            "id", "name", "slug", "parent_id", "level", "path", "vat_kind", "vat_ground", "taxed_as", "taxed_ground",
            "marking", "marked_as", "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields


class CategoryTreeSerializer(serializers.Serializer):
    """A category with those below it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    parent_id = serializers.UUIDField(allow_null=True)
    level = serializers.IntegerField()
    path = serializers.CharField()
    children = serializers.ListField(child=serializers.DictField(), help_text=_("The same, one level down."))


class CategoryInput(serializers.Serializer):
    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=80, allow_unicode=True, required=False)
    parent_id = serializers.UUIDField(allow_null=True, required=False)
    vat_kind = serializers.ChoiceField(
        choices=OF_CATEGORIES, allow_blank=True, required=False,
        help_text=_("How its products that name none are taxed; empty: as the category above says."),
    )  # fmt: skip
    vat_ground = serializers.ChoiceField(
        choices=ExemptionGround.choices,
        allow_blank=True,
        required=False,
        help_text=_("By which rule of the law they are exempt."),
    )
    marking = serializers.ChoiceField(
        choices=Marking.choices, allow_blank=True, required=False,
        help_text=_("Which group of marked goods its products are that name none; empty: as the category above says."),
    )  # fmt: skip


class ProductSerializer(serializers.ModelSerializer):
    """The fields are declared for the schema; the rendering is by hand, since lists of products are hot."""

    stock = serializers.IntegerField(source="on_hand", read_only=True)
    available = serializers.IntegerField(read_only=True)
    category_id = serializers.UUIDField(allow_null=True, read_only=True)
    state = serializers.CharField(
        read_only=True, help_text=_("Of a vehicle: its stage, or reserved or sold while that is what matters.")
    )

    class Meta:
        model = Product
        fields = [
            "id", "sku", "external_id", "name", "kind", "price", "currency", "stock", "available", "category_id",
            "make", "model", "trim", "year", "vin", "mileage", "condition", "body", "fuel", "transmission", "drive",
            "color", "engine_volume", "power_hp", "description", "image_url", "attributes", "is_active",
            "low_stock_threshold", "location", "state", "is_test_drive_car", "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Product) -> dict[str, Any]:
        values = {name: getattr(instance, name) for name in _PLAIN}
        return values | {"stock": instance.on_hand}


_PLAIN = tuple(name for name in ProductSerializer.Meta.fields if name != "stock")


class WarningSerializer(serializers.Serializer):
    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class WrittenProductSerializer(ProductSerializer):
    """A product as it was written, with what was taken but looks odd; its cost for those who may see it."""

    warnings = WarningSerializer(many=True, read_only=True)

    class Meta(ProductSerializer.Meta):
        fields = [
            *ProductSerializer.Meta.fields,
            "vat_kind",
            "vat_ground",
            "margin_cost",
            "marking",
            "cost",
            "warnings",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Product) -> dict[str, Any]:
        odd = instance.vin and not has_check_digit(instance.vin)
        detail = _("The check digit of the VIN is wrong, as it is for many cars made outside North America.")
        warnings = [{"field": "vin", "code": "vin_check_digit", "detail": str(detail)}] if odd else []
        taxed = {name: getattr(instance, name) for name in ("vat_kind", "vat_ground", "margin_cost", "marking")}
        cost = instance.cost if may_see_costs(self.context["view"].principal.roles) else None
        return super().to_representation(instance) | taxed | {"cost": cost, "warnings": warnings}


class ProductInput(serializers.Serializer):
    """An empty text, or null for a number, clears a field."""

    sku = serializers.CharField(max_length=64)
    external_id = serializers.CharField(max_length=64, allow_blank=True, required=False)
    name = serializers.CharField(max_length=255, required=False)
    kind = serializers.ChoiceField(choices=ProductKind.choices)
    price = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=Decimal(0), max_value=MAX_AMOUNT)
    currency = serializers.CharField(validators=[CURRENCY], required=False)
    stock = serializers.IntegerField(min_value=0, max_value=MAX_STOCK, required=False)
    category_id = serializers.UUIDField(allow_null=True, required=False)
    make = serializers.CharField(max_length=60, allow_blank=True, required=False)
    model = serializers.CharField(max_length=120, allow_blank=True, required=False)
    year = serializers.IntegerField(min_value=MIN_YEAR, allow_null=True, required=False)
    trim = serializers.CharField(max_length=120, allow_blank=True, required=False)
    vin = serializers.CharField(max_length=40, allow_blank=True, required=False)
    plate = serializers.CharField(max_length=20, allow_blank=True, required=False)
    location = serializers.CharField(max_length=120, allow_blank=True, required=False)
    is_test_drive_car = serializers.BooleanField(required=False)
    mileage = serializers.IntegerField(min_value=0, max_value=10_000_000, allow_null=True, required=False)
    condition = serializers.ChoiceField(choices=Condition.choices, allow_blank=True, required=False)
    body = serializers.CharField(max_length=60, allow_blank=True, required=False)
    fuel = serializers.CharField(max_length=60, allow_blank=True, required=False)
    transmission = serializers.CharField(max_length=60, allow_blank=True, required=False)
    drive = serializers.CharField(max_length=60, allow_blank=True, required=False)
    color = serializers.CharField(max_length=60, allow_blank=True, required=False)
    engine_volume = serializers.DecimalField(
        max_digits=4, decimal_places=2, min_value=Decimal(0), allow_null=True, required=False
    )
    power_hp = serializers.IntegerField(min_value=0, max_value=10_000, allow_null=True, required=False)
    description = serializers.CharField(max_length=20_000, allow_blank=True, required=False)
    image_url = serializers.URLField(max_length=500, allow_blank=True, required=False)
    attributes = serializers.DictField(required=False)
    vat_kind = serializers.ChoiceField(
        choices=SaleTax.choices, allow_blank=True, required=False,
        help_text=_("How its sale is taxed; empty: as its category says, or at the standard rate."),
    )  # fmt: skip
    vat_ground = serializers.ChoiceField(
        choices=ExemptionGround.choices,
        allow_blank=True,
        required=False,
        help_text=_("By which rule of the law its sale is exempt."),
    )
    marking = serializers.ChoiceField(
        choices=Marking.choices, allow_blank=True, required=False,
        help_text=_("Which group of marked goods it is of; empty: as its category says."),
    )  # fmt: skip
    margin_cost = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal(0), allow_null=True, required=False,
        help_text=_("What a vehicle was bought for from a person: its VAT is that of the difference."),
    )  # fmt: skip
    cost = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal(0), max_value=MAX_AMOUNT, allow_null=True, required=False,
        help_text=_("What a piece cost the dealer, without the VAT that is deducted; buyers never see it."),
    )  # fmt: skip
    is_active = serializers.BooleanField(required=False)
    low_stock_threshold = serializers.IntegerField(min_value=0, max_value=MAX_STOCK, allow_null=True, required=False)

    def validate_year(self, value: int | None) -> int | None:
        if value is not None and value > timezone.now().year + 1:
            raise serializers.ValidationError(_("That year has not come."))
        return value

    def validate_cost(self, value: Decimal | None) -> Decimal | None:
        if not may_see_costs(self.context["view"].principal.roles):
            raise serializers.ValidationError(_("Somebody else keeps what goods cost."), code="not_allowed")
        return value

    def validate_attributes(self, value: dict[str, Any]) -> dict[str, Any]:
        if b"\\u0000" in msgspec.json.encode(value):
            raise serializers.ValidationError(_("Null characters are not allowed."))
        return value


class ProductChanges(ProductInput):
    """`kind` never changes, and stock changes by movements."""

    kind = None  # type: ignore[assignment]
    stock = None  # type: ignore[assignment]
    price_reason = serializers.CharField(
        max_length=200, allow_blank=True, required=False, help_text=_("Why the price changes; kept in its history.")
    )


class StockChange(serializers.Serializer):
    delta = serializers.IntegerField(min_value=-MAX_STOCK, max_value=MAX_STOCK)
    reason = serializers.CharField(max_length=200)

    def validate_delta(self, value: int) -> int:
        if value == 0:
            raise serializers.ValidationError(_("A movement moves something."))
        return value


class StockMovementSerializer(serializers.ModelSerializer):
    product_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = StockMovement
        fields = [
            "id", "product_id", "delta", "kind", "reason", "order_id", "attempt_id", "actor", "on_hand_after",
            "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class FacetValueSerializer(serializers.Serializer):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    count = serializers.IntegerField()
    is_estimate = serializers.BooleanField(help_text=_("From a sample: the search finds very many products."))


class FacetsSerializer(serializers.Serializer):
    """Counts by group; a group is not narrowed by its own filter."""

    make = FacetValueSerializer(many=True)
    year = FacetValueSerializer(many=True)
    price = FacetValueSerializer(many=True)
    condition = FacetValueSerializer(many=True)
    category = FacetValueSerializer(many=True)
    body = FacetValueSerializer(many=True)
    fuel = FacetValueSerializer(many=True)
    transmission = FacetValueSerializer(many=True)
    drive = FacetValueSerializer(many=True)
    color = FacetValueSerializer(many=True)


class JSONObject(serializers.CharField):
    """A JSON object of texts in a field of a form."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except (msgspec.DecodeError, RecursionError) as error:
            raise serializers.ValidationError(_("Send a JSON object of texts.")) from error


class ImportInput(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=False)
    mapping = serializers.CharField(required=False, help_text=_("JSON: {column header: field} or {field: [headers]}"))
    currency = serializers.CharField(validators=[CURRENCY], required=False)
    defaults = JSONObject(required=False, help_text=_("JSON: {field: value} for missing columns"))
    rates = JSONObject(required=False, help_text=_('JSON: {"USD": "92.5"}: prices in dollars are converted'))
    into = serializers.CharField(
        validators=[CURRENCY], required=False, help_text=_("What rates convert to; RUB if not given")
    )
    miles_to_km = serializers.BooleanField(required=False, help_text=_("Mileages are in miles: convert them"))
    encoding = serializers.CharField(required=False, max_length=20)
    dry_run = serializers.BooleanField(required=False, help_text=_("Say what would happen, write nothing"))

    def validate_file(self, file: Any) -> Any:
        if not (file.name or "").lower().endswith(ENDINGS):
            raise serializers.ValidationError(_("Send a CSV, CSV.gz or XLSX file."), code="unsupported_format")
        return file


class ImportSerializer(serializers.ModelSerializer):
    failure = serializers.SerializerMethodField()

    class Meta:
        model = Import
        fields = [
            "id", "filename", "status", "progress", "rows_total", "rows_ok", "rows_failed", "created", "updated",
            "unchanged", "repeated", "warnings", "columns", "is_dry_run", "failure", "created_at", "started_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "object", "nullable": True})
    def get_failure(self, instance: Import) -> Any:
        return instance.failure


class RowErrorSerializer(serializers.ModelSerializer):
    class Meta:
        model = RowError
        fields = ["row", "line", "field", "code", "detail"]
        read_only_fields = fields

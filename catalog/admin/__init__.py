"""Manager screens of the catalogue: every change goes through the services, stock through movements."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from catalog import services
from catalog.admin import categories, counts, imports, photos, prices
from catalog.admin.base import ServiceAdmin
from catalog.admin.gallery import GalleryScreen
from catalog.models import (
    TO_COMPLETE,
    Acquisition,
    PriceChange,
    PriceRevision,
    Product,
    ProductSearch,
    Reservation,
    ReservationLine,
    ReservationStatus,
    ScheduledPrice,
    StockMovement,
)
from catalog.models.products import ProductQuerySet
from catalog.services.products import ProductFields
from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin, level
from core.screens.confirming import at_once
from core.screens.labels import display

__all__ = ["categories", "counts", "imports", "photos", "prices"]


class _ReadOnlyInline(TabularInline):
    hide_title = True
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ProductForm(forms.ModelForm):
    """The fields of a product, and one movement of its stock."""

    stock_delta = forms.IntegerField(
        label=gettext_lazy("count in or out"),
        required=False,
        help_text=gettext_lazy("2 counts two in, -1 counts one out; becomes a stock movement"),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    stock_reason = forms.CharField(
        label=gettext_lazy("reason"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget
    )

    price_reason = forms.CharField(
        label=gettext_lazy("why the price changes"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("kept in the history of the price"),
        widget=UnfoldAdminTextInputWidget,
    )
    image_url = forms.URLField(
        label=gettext_lazy("image address"),
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = Product
        fields: ClassVar = [name for name in ProductFields.__annotations__ if name != "category_id"] + ["category"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("stock_delta") and not cleaned.get("stock_reason"):
            raise ValidationError({"stock_reason": _("Say why.")})
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """The services judge what is taken already, and say so."""
        return super()._get_validation_exclusions() | {"sku", "vin", "external_id"}  # type: ignore[misc]


class PriceInline(_ReadOnlyInline):
    model = PriceChange
    fields = ["at", "old_price", "old_currency", "new_price", "currency", "actor", "reason"]
    ordering = ["-id"]
    tab = True


class ScheduledPriceInline(_ReadOnlyInline):
    model = ScheduledPrice
    fields = ["due_at", "price", "reason", "actor", "applied_at"]
    ordering = ["-due_at"]
    tab = True


class AcquisitionInline(_ReadOnlyInline):
    model = Acquisition
    fields = ["acquired_at", "source", "number", "order_id", "cost", "currency", "ended_at"]
    ordering = ["-id"]
    tab = True


class ToCompleteFilter(admin.SimpleListFilter):
    """Cars taken in that somebody has to complete before they can be offered."""

    title = gettext_lazy("taken in exchange")
    parameter_name = "taken_in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("all", gettext_lazy("all")), ("complete", gettext_lazy("to be completed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:
        chosen = {"all": Q(acquisitions__isnull=False), "complete": TO_COMPLETE}.get(self.value() or "")
        found = Product.objects.filter(chosen).values("pk") if chosen else None
        return queryset if found is None else queryset.filter(pk__in=found)


@admin.register(Product)
class ProductAdmin(GalleryScreen, ServiceAdmin):
    """Products, newest first; stock is shown, and changes by a movement."""

    form = ProductForm
    list_display = ["sku", "name", "kind", "price", "currency", "on_hand", "reserved", "available", "is_active"]
    list_filter = ["kind", "is_active", "condition", ToCompleteFilter]
    search_fields = ["sku"]
    search_help_text = gettext_lazy("make, model, SKU or VIN")
    ordering = ["-id"]
    readonly_fields = ["on_hand", "reserved", "available", "stage", "to_complete", "created_at", "updated_at"]
    autocomplete_fields = ["category"]
    inlines = [PriceInline, ScheduledPriceInline, AcquisitionInline]
    actions = ["change_prices", "publish_vehicles"]
    actions_detail = ["photos"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "sku",
                    "external_id",
                    "name",
                    "kind",
                    "price",
                    "price_reason",
                    "currency",
                    "category",
                    "is_active",
                    "stage",
                    "to_complete",
                ]
            },
        ),
        (
            gettext_lazy("Stock"),
            {
                "classes": ["tab"],
                "fields": [
                    "on_hand",
                    "reserved",
                    "available",
                    "stock_delta",
                    "stock_reason",
                    "low_stock_threshold",
                ],
            },
        ),
        (
            gettext_lazy("Vehicle"),
            {
                "classes": ["tab"],
                "fields": [
                    "make",
                    "model",
                    "year",
                    "trim",
                    "vin",
                    "plate",
                    "location",
                    "is_test_drive_car",
                    "mileage",
                    "condition",
                    "body",
                    "color",
                    "engine_volume",
                    "power_hp",
                    "fuel",
                    "transmission",
                    "drive",
                ],
            },
        ),
        (gettext_lazy("VAT"), {"classes": ["tab"], "fields": ["vat_kind", "vat_ground", "margin_cost", "marking"]}),
        (
            gettext_lazy("Shop window"),
            {"classes": ["tab"], "fields": ["description", "image_url", "attributes", "created_at", "updated_at"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).filter(deleted_at__isnull=True)

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> list[str]:
        return [*self.readonly_fields, "kind"] if obj else self.readonly_fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Product], search_term: str
    ) -> tuple[QuerySet[Product], bool]:
        return ProductSearch(q=search_term).apply(cast(ProductQuerySet, queryset)), False

    @at_once
    @admin.action(description=gettext_lazy("Change prices"), permissions=["change"])
    def change_prices(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse:
        """Ask what is to become of the prices of the chosen products; nothing is changed before its preview."""
        screen = cast(prices.PriceRevisionAdmin, self.admin_site.get_model_admin(PriceRevision))
        return screen.ask(request, prices.RevisionForm(initial={"ids": prices.chosen_ids(queryset)}))

    @at_once
    @admin.action(description=gettext_lazy("Put vehicles on sale"), permissions=["change"])
    def publish_vehicles(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Offer the chosen vehicles to buyers; what is not known of one keeps it back."""
        for product in queryset:
            try:
                services.publish_vehicle(product_id=product.pk, actor=str(request.user.pk), now=timezone.now())
                self.message_user(request, product)
            except DomainError as error:
                self.message_user(request, f"{product}: {error.detail}", level(error))

    @display(description=gettext_lazy("to be completed"))
    def to_complete(self, product: Product) -> str:
        return product.missing_labels if product.acquisitions.exists() else ""

    @display(description=gettext_lazy("available"))
    def available(self, product: Product) -> int:
        return product.available

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        given = form.cleaned_data
        actor, now = str(request.user.pk), timezone.now()
        fields = {name: given[name] for name in ProductFields.__annotations__ if name in given}
        fields["category_id"] = given["category"].pk if given.get("category") else None
        if not change:
            product = services.create_product(
                kind=given["kind"], stock=given.get("stock_delta"), actor=actor, now=now, **fields
            )
            obj.pk = product.pk
            return
        changed = {name: fields[name] for name in form.changed_data if name in fields}
        if "category" in form.changed_data:
            changed["category_id"] = fields["category_id"]
        services.update_product(
            product_id=obj.pk,
            actor=actor,
            now=now,
            reason=given.get("price_reason", ""),
            expected_version=frozenset({obj.version}),
            **changed,
        )
        if given.get("stock_delta"):
            services.adjust_stock(
                product_id=obj.pk, delta=given["stock_delta"], reason=given["stock_reason"], actor=actor, now=now
            )

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        services.delete_product(product_id=obj.pk, now=timezone.now())

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """A product only leaves the catalogue: its movements and prices stay."""
        return [str(obj) for obj in objs], {}, set(), []


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    """Every movement, newest first."""

    list_display = ["created_at", "product", "delta", "on_hand_after", "kind", "reason", "actor", "order_id"]
    list_filter = ["kind"]
    list_select_related = ["product"]
    search_fields = ["product__sku__exact", "order_id__exact"]
    ordering = ["-id"]


class LineInline(_ReadOnlyInline):
    model = ReservationLine
    fields = ["product", "quantity"]


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Holds and their owners, newest first."""

    list_display = ["order_id", "coloured_status", "reason", "expires_at", "created_at", "closed_at"]
    list_filter = ["status"]
    search_fields = ["order_id__exact", "attempt_id__exact"]
    ordering = ["-id"]
    inlines = [LineInline]

    @display(
        description=gettext_lazy("status"),
        label={
            ReservationStatus.HELD: "warning",
            ReservationStatus.SOLD: "success",
            ReservationStatus.RELEASED: "info",
        },
    )
    def coloured_status(self, reservation: Reservation) -> tuple[str, str]:
        return reservation.status, str(ReservationStatus(reservation.status).label)

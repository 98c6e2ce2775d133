"""The catalogue over HTTP."""

from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import public, queries, services
from catalog.api import serializers as shapes
from catalog.api.attributes import AttributeActions
from catalog.api.cached import cached
from catalog.api.compare import CompareAction
from catalog.api.filters import ProductFilter
from catalog.api.reading import InOrder, NewestFirst, page
from catalog.api.units import UnitActions
from catalog.errors import UnknownProduct
from catalog.models import Category, Import, Product, RowError, StockMovement
from catalog.models.facets import count_facets
from catalog.models.products import YEAR_OR_0, ProductQuerySet
from catalog.queries.cache import CATEGORIES, PRODUCTS
from catalog.queries.pages import ProductRows, read_product
from catalog.rules.importing.columns import SYNONYMS
from catalog.services.imports import ImportOptions, read_rates
from core.errors import NotFound
from core.importing.columns import read_mapping
from core.money import DEFAULT_CURRENCY
from gateway.access.permissions import IsManager, ReadByAnyone
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.document.schema import or_list_of
from gateway.principal import Principal
from gateway.requests.filtering import narrowed, refuse_unknown
from gateway.responses.tables import csv_file
from gateway.writes import Call, write

READ_BY_ANYONE = [ReadByAnyone | IsManager]


@extend_schema_view(
    list=extend_schema(
        parameters=[OpenApiParameter("tree", bool, description="true: all categories as nested trees")],
    ),
    retrieve=extend_schema(responses=shapes.CategorySerializer),
)
class CategoryViewSet(AttributeActions, mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Categories: read by anyone, written by managers."""

    queryset = Category.objects.all()
    serializer_class = shapes.CategorySerializer
    permission_classes = READ_BY_ANYONE
    idempotent_on = "catalog"
    ordering_fields = {"name": "name", "created_at": "id"}
    ordering = "name"
    extra_parameters = ("tree",)

    @or_list_of(shapes.CategoryTreeSerializer)
    @cached(CATEGORIES)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if request.query_params.get("tree", "").lower() not in ("true", "1"):
            return super().list(request, *args, **kwargs)
        refuse_unknown(request, {"tree"})
        return Response(public.category_tree())

    @cached(CATEGORIES)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().retrieve(request, *args, **kwargs)

    @write(request=shapes.CategoryInput, responses={201: shapes.CategorySerializer}, once="POST categories")
    def create(self, call: Call) -> Category:
        return services.create_category(now=call.now, **call.body)

    @write(request=shapes.CategoryInput(partial=True), responses=shapes.CategorySerializer)
    def partial_update(self, call: Call, pk: UUID) -> Category:
        return services.update_category(
            category_id=pk, now=call.now, expected_version=call.expected_version, **call.body
        )

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.delete_category(category_id=pk, expected_version=call.expected_version)


class ProductViewSet(UnitActions, CompareAction, ApiViewSet):
    """Products: read by anyone, written by managers, who also see those not on sale."""

    queryset = Product.objects.present()
    serializer_class = shapes.ProductSerializer
    filterset_class = ProductFilter
    permission_classes = READ_BY_ANYONE
    idempotent_on = "catalog"

    def get_queryset(self) -> ProductQuerySet:
        seen = Product.objects.present() if self._is_staff else Product.objects.on_sale()
        return seen.annotate(year_or_0=YEAR_OR_0)

    @property
    def _is_staff(self) -> bool:
        return isinstance(self.request.user, Principal) and self.request.user.is_staff

    @property
    def _has_text(self) -> bool:
        return bool(self.request.query_params.get("q", "").strip())

    @property
    def ordering(self) -> str:
        """Best match first with free text, else newest first; ids are in order of creation."""
        return "distance" if self._has_text else "-id"

    @property
    def ordering_fields(self) -> dict[str, str]:  # type: ignore[override]
        """Without free text everything is equally relevant, and the newest comes first."""
        is_reversed = "-relevance" in self.request.query_params.get("ordering", "")
        relevance = "distance" if self._has_text else "id" if is_reversed else "-id"
        return {"price": "price", "year": "year_or_0", "created_at": "id", "relevance": relevance}

    @extend_schema(responses=shapes.ProductSerializer(many=True))
    @cached(PRODUCTS, CATEGORIES)
    def list(self, request: Request) -> Response:
        found: Any = self.filter_queryset(self.get_queryset())
        rows: Any = ProductRows(found)
        return self.get_paginated_response(self.paginate_queryset(rows))

    @cached(PRODUCTS)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, set())
        product = read_product(pk, is_staff=self._is_staff)
        if product is None:
            raise UnknownProduct
        return Response(product)

    @write(request=shapes.ProductInput, responses={201: shapes.WrittenProductSerializer}, once="POST products")
    def create(self, call: Call) -> Product:
        return services.create_product(actor=str(call.actor_id), now=call.now, **call.body)

    @write(request=shapes.ProductChanges(partial=True), responses=may_wait(shapes.WrittenProductSerializer))
    def partial_update(self, call: Call, pk: UUID) -> Product:
        given = dict(call.body)
        return services.update_product(
            product_id=pk,
            actor=str(call.actor_id),
            now=call.now,
            reason=given.pop("price_reason", ""),
            expected_version=call.expected_version,
            **given,
        )

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.delete_product(product_id=pk, now=call.now, expected_version=call.expected_version)

    @extend_schema(responses=shapes.FacetsSerializer, filters=True)
    @action(detail=False, pagination_class=None)
    @cached(PRODUCTS, CATEGORIES)
    def facets(self, request: Request) -> Response:
        refuse_unknown(request, set(ProductFilter.base_filters))
        search = narrowed(ProductFilter, frozenset(request.query_params))(
            request.query_params, Product.objects.none()
        ).search
        found = count_facets(search, for_staff=self._is_staff)
        return Response(
            {
                facet.name: [
                    {"value": item.value, "label": item.label, "count": item.count, "is_estimate": item.is_estimate}
                    for item in facet.values
                ]
                for facet in found
            }
        )

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=shapes.StockChange, responses=may_wait(shapes.ProductSerializer), once="POST stock")
    def stock(self, call: Call, pk: UUID) -> Product:
        return services.adjust_stock(product_id=pk, actor=str(call.actor_id), now=call.now, **call.body)

    @extend_schema(responses=shapes.StockMovementSerializer(many=True))
    @action(
        detail=True,
        url_path="stock-movements",
        permission_classes=[IsManager],
        pagination_class=NewestFirst,
        filterset_class=None,
    )
    def stock_movements(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, set())
        if not Product.objects.filter(pk=pk).exists():
            raise UnknownProduct
        return page(self, StockMovement.objects.filter(product_id=pk), shapes.StockMovementSerializer)


class ImportViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Imports of price lists: sent by managers, carried out in the background."""

    queryset = Import.objects.all()
    serializer_class = shapes.ImportSerializer
    permission_classes = [IsManager]
    parser_classes = [MultiPartParser]
    ordering = "-id"
    ordering_fields = {"created_at": "id"}

    @write(request={"multipart/form-data": shapes.ImportInput}, responses={202: shapes.ImportSerializer})
    def create(self, call: Call) -> Response:
        data = call.body
        options = ImportOptions(
            mapping=read_mapping(data["mapping"], SYNONYMS) if data.get("mapping") else {},
            currency=data.get("currency", DEFAULT_CURRENCY),
            defaults=data.get("defaults", {}),
            encoding=data.get("encoding", ""),
            into=data.get("into", DEFAULT_CURRENCY),
            rates=read_rates(data.get("rates", {})),
            miles_to_km=data.get("miles_to_km", False),
        )
        run = services.start_import(
            file=data["file"],
            options=options,
            dry_run=data.get("dry_run", False),
            actor=str(call.actor_id),
            now=call.now,
        )
        headers = {"Location": f"/api/v1/imports/{run.id}"}
        return Response(shapes.ImportSerializer(run).data, status=status.HTTP_202_ACCEPTED, headers=headers)

    @extend_schema(responses=shapes.RowErrorSerializer(many=True))
    @action(detail=True, pagination_class=InOrder)
    def errors(self, request: Request, pk: UUID) -> Response:
        refuse_unknown(request, set())
        if not Import.objects.filter(pk=pk).exists():
            raise NotFound
        return page(self, RowError.objects.filter(source_id=pk), shapes.RowErrorSerializer)

    @extend_schema(responses={(200, "text/csv"): str})
    @action(detail=True, url_path="refused-rows", pagination_class=None)
    def refused_rows(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """The refused rows as they stood in the file, to be mended and imported again."""
        refuse_unknown(request, set())
        rows = queries.read_refused_rows(import_id=pk)
        return csv_file(request._request, rows, f"refused-{pk}.csv")

"""Serve what clients keep: saved searches and favourites, each their own."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog import services
from catalog.api.filters import ProductFilter
from catalog.api.serializers import ProductSerializer
from catalog.models import Favourite, Product, SavedSearch
from gateway.access.permissions import IsSignedIn
from gateway.api import ApiViewSet


class SavedSearchInput(serializers.Serializer):
    name = serializers.CharField(max_length=120)
    query = serializers.DictField(child=serializers.CharField(max_length=200), allow_empty=True)
    is_notifying = serializers.BooleanField(required=False, default=True)

    def validate_query(self, value: dict[str, str]) -> dict[str, Any]:
        """The parameters of GET /products, read as they are there."""
        unknown = set(value) - set(ProductFilter.base_filters)
        if unknown:
            raise serializers.ValidationError(_("Unknown parameter.") + f" {', '.join(sorted(unknown))}")
        read = ProductFilter(value, Product.objects.none())
        if not read.is_valid():
            raise serializers.ValidationError([str(error) for errors in read.errors.values() for error in errors])
        given = {name: one for name, one in read.form.cleaned_data.items() if one not in (None, "")}
        return {name: one if isinstance(one, bool | int) else str(one) for name, one in given.items()}


class SavedSearchSerializer(serializers.ModelSerializer):
    class Meta:
        model = SavedSearch
        fields = ["id", "name", "query", "is_notifying", "new_count", "created_at"]
        read_only_fields = fields


class FavouriteInput(serializers.Serializer):
    product_id = serializers.UUIDField()


class FavouriteSerializer(serializers.ModelSerializer):
    product = ProductSerializer(read_only=True)

    class Meta:
        model = Favourite
        fields = ["id", "product", "created_at"]
        read_only_fields = fields


class SavedSearchViewSet(mixins.ListModelMixin, ApiViewSet):
    """One's own saved searches; of new cars that match their owner is told."""

    queryset = SavedSearch.objects.none()
    serializer_class = SavedSearchSerializer
    permission_classes = [IsSignedIn]
    ordering = "-id"

    def get_queryset(self) -> QuerySet[SavedSearch]:
        return SavedSearch.objects.filter(user_id=self.principal.id)

    @extend_schema(request=SavedSearchInput, responses={201: SavedSearchSerializer})
    def create(self, request: Request) -> Response:
        given = self.valid(SavedSearchInput)
        saved = services.save_search(user_id=self.principal.id, now=timezone.now(), **given)
        return Response(SavedSearchSerializer(saved).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.delete_search(user_id=self.principal.id, search_id=pk)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=SavedSearchSerializer)
    @action(detail=True, methods=["post"])
    def look(self, request: Request, pk: UUID) -> Response:
        """Nothing that the search finds is new to its owner any more."""
        saved = services.look_at_search(user_id=self.principal.id, search_id=pk)
        return Response(SavedSearchSerializer(saved).data)


class FavouriteViewSet(mixins.ListModelMixin, ApiViewSet):
    """One's own favourites, the latest first; taken off by the product's id."""

    queryset = Favourite.objects.none()
    serializer_class = FavouriteSerializer
    permission_classes = [IsSignedIn]
    ordering = "-id"

    def get_queryset(self) -> QuerySet[Favourite]:
        mine = Favourite.objects.filter(user_id=self.principal.id, product__deleted_at__isnull=True)
        return mine.select_related("product")

    @extend_schema(request=FavouriteInput, responses={201: FavouriteSerializer})
    def create(self, request: Request) -> Response:
        given = self.valid(FavouriteInput)
        favourite = services.add_favourite(user_id=self.principal.id, now=timezone.now(), **given)
        return Response(FavouriteSerializer(favourite).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        services.remove_favourite(user_id=self.principal.id, product_id=pk)
        return Response(status=status.HTTP_204_NO_CONTENT)

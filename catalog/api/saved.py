"""Serve what clients keep: saved searches and favourites, each their own."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import mixins, serializers
from rest_framework.decorators import action

from catalog import services
from catalog.api.filters import ProductFilter
from catalog.api.serializers import ProductSerializer
from catalog.models import Favourite, Product, SavedSearch
from gateway.access.permissions import IsSignedIn
from gateway.api import ApiViewSet
from gateway.writes import Call, write

UNSAVED = {"name", "category_exact"}
"""What programs ask for, and no release before these knows how to look for."""


class SavedSearchInput(serializers.Serializer):
    name = serializers.CharField(max_length=120)
    query = serializers.DictField(child=serializers.CharField(max_length=200), allow_empty=True)
    is_notifying = serializers.BooleanField(required=False, default=True)

    def validate_query(self, value: dict[str, str]) -> dict[str, Any]:
        """The parameters of GET /products, read as they are there."""
        unknown = set(value) - (set(ProductFilter.base_filters) - UNSAVED)
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

    @write(request=SavedSearchInput, responses={201: SavedSearchSerializer})
    def create(self, call: Call) -> SavedSearch:
        return services.save_search(user_id=call.actor_id, now=call.now, **call.body)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.delete_search(user_id=call.actor_id, search_id=pk)

    @action(detail=True, methods=["post"])
    @write(responses=SavedSearchSerializer)
    def look(self, call: Call, pk: UUID) -> SavedSearch:
        """Nothing that the search finds is new to its owner any more."""
        return services.look_at_search(user_id=call.actor_id, search_id=pk)


class FavouriteViewSet(mixins.ListModelMixin, ApiViewSet):
    """One's own favourites, the latest first; taken off by the product's id."""

    queryset = Favourite.objects.none()
    serializer_class = FavouriteSerializer
    permission_classes = [IsSignedIn]
    ordering = "-id"

    def get_queryset(self) -> QuerySet[Favourite]:
        mine = Favourite.objects.filter(user_id=self.principal.id, product__deleted_at__isnull=True)
        return mine.select_related("product")

    @write(request=FavouriteInput, responses={201: FavouriteSerializer})
    def create(self, call: Call) -> Favourite:
        return services.add_favourite(user_id=call.actor_id, now=call.now, **call.body)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.remove_favourite(user_id=call.actor_id, product_id=pk)

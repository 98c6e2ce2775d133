"""Paths of the catalogue, below /api/v1/."""

from catalog.api.feeds import FeedViewSet
from catalog.api.saved import FavouriteViewSet, SavedSearchViewSet
from catalog.api.views import CategoryViewSet, ImportViewSet, ProductViewSet
from gateway.api import Router

router = Router()
router.register("categories", CategoryViewSet, basename="category")
router.register("products", ProductViewSet, basename="product")
router.register("feeds", FeedViewSet, basename="feed")
router.register("imports", ImportViewSet, basename="import")
router.register("saved-searches", SavedSearchViewSet, basename="saved-search")
router.register("favourites", FavouriteViewSet, basename="favourite")

urlpatterns = router.urls

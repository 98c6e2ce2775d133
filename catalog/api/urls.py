"""Paths of the catalogue, below /api/v1/."""

from catalog.api.views import CategoryViewSet, ImportViewSet, ProductViewSet
from gateway.api import Router

router = Router()
router.register("categories", CategoryViewSet, basename="category")
router.register("products", ProductViewSet, basename="product")
router.register("imports", ImportViewSet, basename="import")

urlpatterns = router.urls

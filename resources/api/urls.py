"""Routes of resources, relative to /api/v1/."""

from core.ids import UUID_PATTERN
from gateway.api import Router
from resources.api.views import AllocationViewSet, BlackoutViewSet, ResourceTypeViewSet, ResourceViewSet

router = Router()
router.register("resource-types", ResourceTypeViewSet, basename="resource-type")
router.register("resources", ResourceViewSet, basename="resource")
router.register(f"resources/(?P<resource_id>{UUID_PATTERN})/blackouts", BlackoutViewSet, basename="blackout")
router.register("allocations", AllocationViewSet, basename="allocation")
urlpatterns = router.urls

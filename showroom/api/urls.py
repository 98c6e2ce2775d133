"""Routes of happenings, relative to /api/v1/."""

from core.ids import UUID_PATTERN
from gateway.api import Router
from showroom.api.drive_views import DriveCarViewSet, DriveViewSet
from showroom.api.views import EventCategoryViewSet, HappeningViewSet, RegistrationViewSet

router = Router()
router.register("event-categories", EventCategoryViewSet, basename="event-category")
router.register("events", HappeningViewSet, basename="event")
router.register(f"events/(?P<event_id>{UUID_PATTERN})/registrations", RegistrationViewSet, basename="registration")
router.register("test-drive-cars", DriveCarViewSet, basename="test-drive-car")
router.register("test-drives", DriveViewSet, basename="test-drive")
urlpatterns = router.urls

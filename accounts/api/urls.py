"""Paths of accounts under /api/v1/."""

from accounts.api.views import AuthViewSet, SessionViewSet, UserViewSet
from gateway.api import Router

router = Router()
router.register("auth/sessions", SessionViewSet, basename="auth-session")
router.register("auth", AuthViewSet, basename="auth")
router.register("users", UserViewSet, basename="user")
urlpatterns = router.urls

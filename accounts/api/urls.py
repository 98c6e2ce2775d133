"""Paths of accounts under /api/v1/."""

from accounts.api.oidc import GoogleViewSet
from accounts.api.records import UserRecordsViewSet
from accounts.api.security import ApiKeyViewSet, MfaViewSet, UndoEmailViewSet, VerifyEmailViewSet
from accounts.api.views import AuthViewSet, SessionViewSet, UserViewSet
from gateway.api import Router

router = Router()
router.register("auth/sessions", SessionViewSet, basename="auth-session")
router.register("auth/google", GoogleViewSet, basename="auth-google")
router.register("auth/mfa", MfaViewSet, basename="auth-mfa")
router.register("auth/api-keys", ApiKeyViewSet, basename="auth-api-key")
router.register("auth/verify-email", VerifyEmailViewSet, basename="auth-verify-email")
router.register("auth/undo-email", UndoEmailViewSet, basename="auth-undo-email")
router.register("auth", AuthViewSet, basename="auth")
router.register("users", UserViewSet, basename="user")
router.register("users", UserRecordsViewSet, basename="user-records")
urlpatterns = router.urls

"""Paths of the financing API, relative to /api/v1/."""

from financing.api.loan_views import LoanViewSet
from financing.api.override_views import OverrideViewSet
from financing.api.views import ApplicationViewSet, CalculatorViewSet, ProgrammeViewSet
from gateway.api import Router

router = Router()
router.register("financing/programmes", ProgrammeViewSet, basename="financing-programme")
router.register("financing/applications", ApplicationViewSet, basename="financing-application")
router.register("financing/loans", LoanViewSet, basename="financing-loan")
router.register("financing/overrides", OverrideViewSet, basename="financing-override")
router.register("financing", CalculatorViewSet, basename="financing")
urlpatterns = router.urls

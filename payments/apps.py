"""Django's handle on the payments app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    """Configuration of payments."""

    name = "payments"
    verbose_name = _("Payments")

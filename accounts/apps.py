"""Django's handle on the accounts app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Configuration of accounts."""

    name = "accounts"
    verbose_name = _("Accounts")

"""Django's handle on the accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Configuration of accounts."""

    name = "accounts"

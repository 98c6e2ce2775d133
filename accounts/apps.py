"""Django's handle on the accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Configuration of accounts."""

    name = "accounts"

    def ready(self) -> None:
        """Connect the page sessions."""
        from accounts import signals  # noqa: F401

"""Django's handle on the sandboxes: their commands."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """Configuration of the sandboxes; they have no tables."""

    name = "sandbox"

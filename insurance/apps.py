"""Django's handle on the insurance app."""

from django.apps import AppConfig


class InsuranceConfig(AppConfig):
    """Configuration of insurance."""

    name = "insurance"

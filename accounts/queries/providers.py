"""Say whether people can sign in by a provider, and what it is called."""

from urllib.parse import urlsplit

from django.conf import settings

from accounts.providers import oidc


def is_oidc_offered() -> bool:
    """Tell whether pages offer to sign in by the provider: only when this shop is known there."""
    return oidc.is_configured()


def provider_name() -> str:
    """Return the name people call the provider by: Google, or its host."""
    return "Google" if oidc.GOOGLE == settings.OIDC_ISSUER else urlsplit(settings.OIDC_ISSUER).hostname or ""

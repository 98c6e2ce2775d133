"""Warn in `check --deploy` of settings that are valid, and yet hardly meant for an installation that sells."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from config.declared.business import SMTP

LOCAL = {"localhost", "127.0.0.1", "::1", "[::1]"}


@register(Tags.security, deploy=True)
def money_is_real(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Nobody is charged by the sandbox: selling with it has to be said on purpose."""
    if settings.DEBUG or settings.SANDBOX_ALLOWED or settings.PAYMENT_PROVIDER != "sandbox":
        return []
    hint = "Set AUTOSALON_PAYMENT_PROVIDER, or AUTOSALON_SANDBOX_ALLOWED=on where no real money is taken."
    return [Warning("The sandbox takes payments: nobody is charged.", hint=hint, id="autosalon.W001")]


@register(Tags.security, deploy=True)
def mail_is_private(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A password crosses the network in the clear without TLS."""
    is_bare = not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL) and settings.EMAIL_HOST not in LOCAL
    if not (is_bare and settings.EMAIL_HOST_PASSWORD and settings.EMAIL_BACKEND == SMTP):
        return []
    hint = "Set AUTOSALON_EMAIL_SECURITY to starttls or tls."
    return [Warning("The mail server's password is sent in the clear.", hint=hint, id="autosalon.W002")]


@register(Tags.security, deploy=True)
def files_are_private(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Papers are sealed; lists of clients would cross the network in the clear without TLS."""
    server = urlsplit(settings.S3_ENDPOINT)
    if settings.DEBUG or not settings.S3_BUCKET or server.scheme != "http" or server.hostname in LOCAL:
        return []
    hint = "Set AUTOSALON_S3_ENDPOINT to an address that starts with https://."
    return [Warning("Files go to their buckets in the clear.", hint=hint, id="autosalon.W003")]

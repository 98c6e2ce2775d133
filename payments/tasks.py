"""Do what payments does by the clock."""

from datetime import timedelta

import structlog
from celery import shared_task
from django.utils import timezone

from core.outside.provider_http import NoAnswer, TransientFault
from payments import services
from payments.models import Payment
from payments.providers import NAMES, provider

log = structlog.get_logger(__name__)


@shared_task(name="payments.ask_about_open_payments")
def ask_about_open_payments() -> None:
    """Ask providers about payments that hang."""
    services.ask_about_open_payments(now=timezone.now())


@shared_task(name="payments.attend_receipts")
def attend_receipts() -> None:
    """Begin making receipts, and draw up those that were missed."""
    services.attend_receipts(now=timezone.now())


@shared_task(name="payments.reconcile_yesterday")
def reconcile_yesterday() -> None:
    """Compare yesterday with each provider that shows a statement and took anything of ours."""
    now = timezone.now()
    for name in NAMES:
        if not provider(name).capabilities.statement or not Payment.objects.filter(provider=name).exists():
            continue
        try:
            done = services.reconcile_day(provider=name, day=(now - timedelta(days=1)).date(), now=now)
        except (TransientFault, NoAnswer) as error:
            log.warning("reconciliation_put_off", provider=name, error=repr(error))
            continue
        if not done.agrees:
            log.error("reconciliation_differs", provider=name, day=str(done.day), count=len(done.differences))

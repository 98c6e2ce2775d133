"""Periodic jobs of financing."""

from celery import shared_task
from django.utils import timezone

from financing import services

ACCRUAL_LIMIT_S = 3600


@shared_task(name="financing.redate_loans", time_limit=ACCRUAL_LIMIT_S, soft_time_limit=ACCRUAL_LIMIT_S - 60)
def redate_loans() -> None:
    """Move coming payments to the calendars that signed loans follow."""
    for _ in services.redate_loans(now=timezone.now()):
        continue


@shared_task(name="financing.accrue_loans", time_limit=ACCRUAL_LIMIT_S, soft_time_limit=ACCRUAL_LIMIT_S - 60)
def accrue_loans() -> None:
    """Draw every running loan as it stands today."""
    for _ in services.accrue_loans(now=timezone.now()):
        continue

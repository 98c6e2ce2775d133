"""Count the loans that are running."""

from financing.models import RUNNING, Loan


def running_loans() -> int:
    """Count the loans that the daily look has before it."""
    return Loan.objects.filter(status__in=RUNNING).count()

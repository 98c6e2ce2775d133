"""Store what each day's comparison with a provider's statement found."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class Reconciliation(models.Model):
    """One comparison of one day: what the provider's statement says, what our ledger says, and every difference."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(_("provider"), max_length=20)
    day = models.DateField(_("day"))
    charged_there = models.DecimalField(_("taken, says the provider"), max_digits=16, decimal_places=2)
    charged_here = models.DecimalField(_("taken, says the ledger"), max_digits=16, decimal_places=2)
    returned_there = models.DecimalField(_("returned, says the provider"), max_digits=16, decimal_places=2)
    returned_here = models.DecimalField(_("returned, says the ledger"), max_digits=16, decimal_places=2)
    differences = models.JSONField(_("differences"), default=list)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "day"], name="reconciliation_of_day"),
        ]
        indexes: ClassVar = [models.Index(fields=["-day", "-id"], name="reconciliation_newest")]

    def __str__(self) -> str:
        return f"{self.provider} {self.day}"

    @property
    def agrees(self) -> bool:
        """Tell whether nothing differed."""
        return not self.differences

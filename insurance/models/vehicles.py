"""Store what insurance knows of the dealership's own cars."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.vin import VIN_LENGTH


class VehicleCopy(models.Model):
    """A car as the catalogue has it, from catalog's events; older news than `version` is dropped.

    `power_hp` is 0 where the catalogue does not know it, and empty until a release tells it.
    """

    product_id = models.UUIDField(primary_key=True, editable=False)
    vin = models.CharField(_("VIN"), max_length=VIN_LENGTH, blank=True)
    make = models.CharField(_("make"), max_length=60, blank=True)
    year = models.PositiveSmallIntegerField(_("year"), null=True)
    power_hp = models.PositiveSmallIntegerField(_("power, hp"), null=True)
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    is_active = models.BooleanField(_("on sale"), default=True)
    version = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("vehicle copy")
        verbose_name_plural = _("vehicle copies")
        indexes: ClassVar = [models.Index(fields=["vin"], condition=~models.Q(vin=""), name="vehicle_copy_by_vin")]

    def __str__(self) -> str:
        return self.vin or str(self.product_id)

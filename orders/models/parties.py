"""Copies of who sells and of companies that buy, kept by the events of payments and of clients."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

SELLER = """SELECT entity_id, regimes::text FROM orders_legalentitycopy WHERE NOT is_deleted AND {}
            ORDER BY version DESC LIMIT 1"""
DEFAULT_SELLER = SELLER.format("is_default")
"""Who sells unless another is named."""


class LegalEntityCopy(models.Model):
    """Copy of a legal entity of the dealer: `facts` are its requisites, `regimes` its rows (`since`, `regime`)."""

    entity_id = models.UUIDField(primary_key=True)
    facts = models.JSONField(default=dict)
    regimes = models.JSONField(default=list)
    is_default = models.BooleanField(default=False)
    is_deleted = models.BooleanField(default=False)
    version = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("copy of a legal entity")
        verbose_name_plural = _("copies of legal entities")


def of_customer(customer_id: UUID) -> Q:
    """Find the company that a customer's id means: its card, or the account of whoever buys for it."""
    return Q(client_id=customer_id) | Q(user_id=customer_id)


class CompanyCopy(models.Model):
    """Copy of a company's client card: what its papers name it by. Orders know it by `client_id` or `user_id`."""

    client_id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField(null=True)
    name = models.CharField(max_length=255)
    inn = models.CharField(max_length=12, blank=True, default="")
    kpp = models.CharField(max_length=9, blank=True, default="")
    ogrn = models.CharField(max_length=15, blank=True, default="")
    address = models.CharField(max_length=500, blank=True, default="")
    version = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("copy of a company")
        verbose_name_plural = _("copies of companies")
        indexes: ClassVar = [models.Index(fields=["user_id"], name="company_copy_by_user")]

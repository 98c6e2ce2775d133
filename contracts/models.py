"""Numbers that stand for ids, where a contract's clients know integers only."""

from typing import ClassVar

from django.db import models


class Number(models.Model):
    """Number of one object: given when a contract first shows it, kept for ever, the same in all contracts."""

    pk = models.CompositePrimaryKey("kind", "uuid")
    kind = models.CharField(max_length=20)
    uuid = models.UUIDField()
    number = models.BigIntegerField()

    class Meta:
        db_table = "contracts_number"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "number"], name="number_of_one"),
            models.CheckConstraint(condition=models.Q(number__gt=0), name="number_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class Series(models.Model):
    """Last number that was given to objects of a kind; its row lock gives every number once."""

    kind = models.CharField(max_length=20, primary_key=True)
    last = models.BigIntegerField()

    class Meta:
        db_table = "contracts_series"

    def __str__(self) -> str:
        return f"{self.kind} {self.last}"


class PaidFor(models.Model):
    """What a payment of contract D is for, by ids: a client, an event; and the stored method that was named."""

    payment_id = models.UUIDField(primary_key=True)
    client_id = models.UUIDField(null=True)
    event_id = models.UUIDField(null=True)
    stored_id = models.UUIDField(null=True)

    class Meta:
        db_table = "contracts_paid_for"

    def __str__(self) -> str:
        return str(self.payment_id)

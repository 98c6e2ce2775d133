"""Idempotency keys; they stand in every app's database, beside the writes they guard."""

from typing import ClassVar

from django.db import models


class IdempotencyKey(models.Model):
    """A caller's promise that two requests are one; holds the first answer, in the transaction of its effect."""

    id = models.BigAutoField(primary_key=True)
    principal = models.UUIDField()
    route = models.CharField(max_length=120)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(default=b"")
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        db_table = "gateway_idempotency_key"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["principal", "route", "key"], name="idempotency_key_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_key_age")]

"""Managers' screens for quotes, policies and claims; decisions go through services."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.admin import ReadOnlyAdmin
from core.errors import DomainError
from insurance import services
from insurance.models import Claim, Policy, Quote


def _each(label: Any, act: Callable[[Any, Any], object]) -> Any:
    """An admin action that runs a service for each chosen row and reports refusals one by one."""

    @admin.action(description=label, permissions=["decide"])
    def run(self: "_DecidedAdmin", request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            try:
                act(row, request.user.pk)
                self.message_user(request, f"{row}: {label}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)

    return run


class _DecidedAdmin(ReadOnlyAdmin):
    """A screen whose rows change by actions alone."""

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"insurance.change_{self.opts.model_name}")


@admin.register(Quote)
class QuoteAdmin(ReadOnlyAdmin):
    """What was quoted, and from what."""

    list_display = ["created_at", "insurance_type", "premium", "currency", "tariff", "valid_until"]
    list_filter = ["insurance_type", "created_at"]
    search_fields = ["=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]


@admin.register(Policy)
class PolicyAdmin(_DecidedAdmin):
    """Policies in force and ended."""

    list_display = ["number", "insurance_type", "status", "premium", "currency", "start_date", "end_date"]
    list_filter = ["status", "insurance_type", "created_at"]
    search_fields = ["number", "vehicle_vin", "=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]
    cancel = _each(
        _("Cancel with a refund of the unused part"),
        lambda policy, manager_id: services.cancel_policy(policy_id=policy.pk, now=timezone.now()),
    )
    actions = ["cancel"]


@admin.register(Claim)
class ClaimAdmin(_DecidedAdmin):
    """The claims queue."""

    list_display = ["created_at", "policy", "amount", "assessed_amount", "payable_amount", "status", "approved_amount"]
    list_filter = ["status", "created_at"]
    list_select_related = ["policy"]
    search_fields = ["policy__number", "=id", "=customer_id"]
    ordering = ["-created_at", "-id"]
    approve = _each(
        _("Grant what the policy pays"),
        lambda claim, manager_id: services.approve_claim(claim_id=claim.pk, manager_id=manager_id, now=timezone.now()),
    )
    actions = ["approve"]

"""Cars pledged to banks: the bank is the beneficiary of the car's policy for as long as something is owed."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.db import transaction
from core.money import ZERO
from insurance.models import OrderCopy, Policy, PolicyStatus
from insurance.models.fields import InsuranceTypes
from insurance.models.policies import ALIVE
from insurance.queries.reading import insured_request
from insurance.services.terms import catch_up, write_terms


def pledge_car(*, order_id: UUID, customer_id: UUID, loan_id: UUID, bank: str, debt: Decimal, now: datetime) -> None:
    """Note that an order's car was bought on credit, and name its bank in the car's policy; `debt` in roubles."""
    with transaction("insurance"):
        OrderCopy.objects.get_or_create(order_id=order_id, defaults={"customer_id": customer_id})
        order = OrderCopy.objects.select_for_update().get(pk=order_id)
        if order.loan_id == loan_id:
            return
        order.loan_id, order.bank, order.debt = loan_id, bank[:100] or "bank", debt
        order.save()
        _name_bank(order, now)


def _name_bank(order: OrderCopy, now: datetime) -> None:
    insured = Policy.objects.select_for_update().filter(
        order_id=order.order_id,
        insurance_type=InsuranceTypes.KASKO,
        status__in=[PolicyStatus.PENDING, *ALIVE],
        beneficiary="",
    )
    for policy in insured.order_by("pk"):
        _rename(policy, order.bank, now)


def _rename(policy: Policy, beneficiary: str, now: datetime) -> None:
    catch_up(policy)
    policy.beneficiary = beneficiary
    policy.touch(now)
    policy.save()
    if policy.activated_at is not None:
        write_terms(policy, insured_request(policy), now)


def change_debt(*, loan_id: UUID, balance: Decimal, now: datetime) -> None:
    """Note what is still owed, roubles: with nothing owed the car is the insured's alone, owed again it is pledged."""
    with transaction("insurance"):
        order = OrderCopy.objects.select_for_update().filter(loan_id=loan_id).first()
        if order is None:
            return
        was_owed, order.debt = order.debt, balance
        order.save()
        if balance > ZERO:
            if was_owed == ZERO:
                _name_bank(order, now)
            return
        pledged = Policy.objects.select_for_update().filter(order_id=order.order_id, beneficiary=order.bank)
        for policy in pledged.order_by("pk"):
            _rename(policy, "", now)

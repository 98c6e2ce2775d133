"""Requisites of who sells and who buys, as papers name them; settings name the seller where no legal entity is kept."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from orders.models import CompanyCopy, LegalEntityCopy, Order
from orders.models.parties import of_customer

_WORDS = {
    "ru": ("ИНН", "КПП", "ОГРН", "ОГРНИП", "р/с {account} в {bank_name}, БИК {bik}", ", к/с {correspondent_account}"),
    "en": (
        "INN",
        "KPP",
        "OGRN",
        "OGRNIP",
        "account {account}, {bank_name}, BIK {bik}",
        ", corr. {correspondent_account}",
    ),
}
_SOLE_TRADER = 15
"""Digits of a sole trader's registration number."""


def find_seller(order: Order) -> LegalEntityCopy | None:
    """Return the legal entity that sells an order: its own, or the default one where it was placed without."""
    if order.legal_entity_id is not None:
        return LegalEntityCopy.objects.filter(entity_id=order.legal_entity_id).first()
    return LegalEntityCopy.objects.filter(is_default=True, is_deleted=False).order_by("-version").first()


def find_company(customer_id: UUID) -> CompanyCopy | None:
    """Return the company that buys, by its client card; None for a person."""
    return CompanyCopy.objects.filter(of_customer(customer_id)).order_by("-inn", "client_id").first()


def describe_seller(order: Order, language: str) -> dict[str, str]:
    """Return the seller's requisites as texts of a paper's language."""
    found = find_seller(order)
    if found is None:
        return dict(settings.DEALER)
    facts = found.facts
    return {
        **{name: facts.get(name, "") for name in ("name", "address", "inn", "kpp", "ogrn", "director", "accountant")},
        "tax_id": describe_numbers(facts, language),
        "account": _describe_account(facts, language),
    }


def describe_company(company: CompanyCopy | None) -> dict[str, str]:
    """Return a company buyer's requisites under the names of templates; nothing of a person."""
    if company is None:
        return {}
    told = {"company": company.name, "company_address": company.address}
    return told | {name: getattr(company, name) for name in ("inn", "kpp", "ogrn")}


def describe_numbers(facts: Mapping[str, Any], language: str) -> str:
    """Return the numbers of the state that name a company or sole trader, as one text."""
    inn, kpp, ogrn, ogrnip, _account, _correspondent = _WORDS[language]
    registration = facts.get("ogrn", "")
    registered = ogrnip if len(registration) == _SOLE_TRADER else ogrn
    named = ((inn, facts.get("inn")), (kpp, facts.get("kpp")), (registered, registration))
    return ", ".join(f"{name} {number}" for name, number in named if number)


def _describe_account(facts: Mapping[str, Any], language: str) -> str:
    if not facts.get("account"):
        return ""
    *_numbers, account, correspondent = _WORDS[language]
    template = account + (correspondent if facts.get("correspondent_account") else "")
    return template.format(**facts)

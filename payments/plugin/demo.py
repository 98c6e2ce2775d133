"""Two legal entities to try things with: one of each common tax regime, with numbers that pass every check."""

from datetime import date, datetime
from typing import Any

from payments.models import LegalEntity
from payments.services import add_legal_entity

_ENTITIES: tuple[dict[str, Any], ...] = (
    {
        "code": "АС",
        "name": "ООО «Автосалон»",
        "address": "125167, г. Москва, Ленинградский пр-т, д. 39",
        "inn": "7714000009",
        "kpp": "771401001",
        "director": "Салонов М. С.",
        "accountant": "Счётова А. П.",
        "regimes": [{"since": date(2019, 1, 1), "regime": "general"}],
    },
    {
        "code": "АСП",
        "name": "ООО «Автосалон-Пробег»",
        "address": "125167, г. Москва, Ленинградский пр-т, д. 39, корп. 2",
        "inn": "7714000016",
        "kpp": "771401002",
        "director": "Пробегов И. А.",
        "accountant": "Счётова А. П.",
        "regimes": [
            {"since": date(2019, 1, 1), "regime": "simplified"},
            {"since": date(2026, 1, 1), "regime": "simplified_5"},
        ],
    },
)
_BANK = {
    "bank_name": "Банк «Пример»",
    "bik": "049805746",
    "account": "40602810700000000025",
    "correspondent_account": "30101810800000000746",
}


def create_demo(now: datetime) -> int:
    """Add the legal entities that are missing; return how many were added."""
    known = set(LegalEntity.objects.values_list("code", flat=True))
    missing = [fields for fields in _ENTITIES if fields["code"] not in known]
    for fields in missing:
        add_legal_entity(fields=_BANK | fields, now=now)  # type: ignore[arg-type]
    return len(missing)

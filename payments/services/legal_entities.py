"""Legal entities of the dealer: added, changed and retired by admins; other apps are told the whole state."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypedDict
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import gettext as _

from core.db import Expected, lock, require_version, transaction
from core.errors import InvalidInput, NotFound
from core.money.requisites import fold_number, refuse_wrong_bank, refuse_wrong_company
from core.money.vat import Regime
from messaging.outbox import publish
from payments.errors import LegalEntityCodeTaken, LegalEntityIsDefault
from payments.events import LegalEntityChanged, RegimeRow
from payments.models import LegalEntity

_NUMBERS = ("code", "inn", "kpp", "ogrn", "bik", "account", "correspondent_account")
_COMPANY = 10
"""Digits of a company's ИНН; a sole trader's has two more, and no КПП."""


class RegimeFields(TypedDict):
    """A tax regime from its first day."""

    since: date
    regime: str


class EntityFields(TypedDict, total=False):
    """Fields that an admin may write on a legal entity."""

    code: str
    name: str
    address: str
    inn: str
    kpp: str
    ogrn: str
    director: str
    accountant: str
    bank_name: str
    bik: str
    account: str
    correspondent_account: str
    regimes: list[RegimeFields]
    is_default: bool


def add_legal_entity(*, fields: EntityFields, now: datetime) -> LegalEntity:
    """Add a legal entity; the first one sells by default. Publishes LegalEntityChanged.

    Raises InvalidInput, LegalEntityCodeTaken.
    """
    with _named_conflicts(), transaction("payments"):
        _take_turns()
        entity = LegalEntity(created_at=now, updated_at=now)
        entity.change(_normal(fields))
        entity.is_default = entity.is_default or not _present().filter(is_default=True).exists()
        _check(entity)
        if entity.is_default:
            _resign_others(entity, now)
        entity.save(force_insert=True)
        _publish(entity)
    return entity


def update_legal_entity(
    *, entity_id: UUID, changes: EntityFields, now: datetime, expected_version: Expected = None
) -> LegalEntity:
    """Change a legal entity; a change of nothing publishes nothing. Publishes LegalEntityChanged.

    Raises NotFound, InvalidInput, LegalEntityCodeTaken, LegalEntityIsDefault (another has to be named default
    instead), StaleVersion.
    """
    with _named_conflicts(), transaction("payments"):
        _take_turns()
        entity = _lock(entity_id, expected_version)
        was_default = entity.is_default
        if not entity.change(_normal(changes)):
            return entity
        if was_default and not entity.is_default:
            raise LegalEntityIsDefault
        _check(entity)
        if entity.is_default and not was_default:
            _resign_others(entity, now)
        _save(entity, now)
    return entity


def delete_legal_entity(*, entity_id: UUID, now: datetime, expected_version: Expected = None) -> None:
    """Retire a legal entity; what it sold keeps it. Publishes LegalEntityChanged.

    Raises NotFound, LegalEntityIsDefault, StaleVersion.
    """
    with transaction("payments"):
        _take_turns()
        entity = _lock(entity_id, expected_version)
        if entity.is_default:
            raise LegalEntityIsDefault
        entity.deleted_at = now
        _save(entity, now)


def _present() -> Any:
    return LegalEntity.objects.filter(deleted_at=None)


def _take_turns() -> None:
    """Two defaults named at once would each resign the other."""
    lock("payments", "payments.legal_entities")


def _lock(entity_id: UUID, expected_version: Expected) -> LegalEntity:
    entity: LegalEntity | None = _present().select_for_update(no_key=True).filter(pk=entity_id).first()
    if entity is None:
        raise NotFound
    require_version(entity.version, expected_version)
    return entity


def _resign_others(entity: LegalEntity, now: datetime) -> None:
    for other in _present().filter(is_default=True).exclude(pk=entity.pk).select_for_update(no_key=True):
        other.is_default = False
        _save(other, now)


def _save(entity: LegalEntity, now: datetime) -> None:
    entity.version, entity.updated_at = entity.version + 1, now
    entity.save(force_update=True)
    _publish(entity)


def _normal(fields: EntityFields) -> dict[str, Any]:
    """The fields as they are kept: numbers without spaces, regimes oldest first."""
    wanted: dict[str, Any] = dict(fields)
    wanted |= {name: fold_number(wanted[name]) for name in _NUMBERS if name in wanted}
    if "regimes" in wanted:
        rows = sorted(wanted["regimes"], key=lambda row: row["since"])
        wanted["regimes"] = [{"since": row["since"].isoformat(), "regime": row["regime"]} for row in rows]
    return wanted


def _check(entity: LegalEntity) -> None:
    """Numbers must be right and complete, and no day may have two regimes. Raises InvalidInput."""
    is_person = len(entity.inn) != _COMPANY
    refuse_wrong_company(inn=entity.inn, kpp=entity.kpp, ogrn=entity.ogrn, is_person=is_person)
    if not is_person and not entity.kpp:
        raise InvalidInput("kpp", "required", _("A company has a KPP."))
    refuse_wrong_bank(bik=entity.bik, account=entity.account, correspondent_account=entity.correspondent_account)
    days = [row["since"] for row in entity.regimes]
    if len(set(days)) != len(days):
        raise InvalidInput("regimes", "duplicate", _("Two tax regimes begin on the same day."))


@contextmanager
def _named_conflicts() -> Iterator[None]:
    """Name the conflict when another entity has the code, written at the same moment perhaps."""
    try:
        yield
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") != "legal_entity_code_unique":
            raise
        raise LegalEntityCodeTaken from error


def _publish(entity: LegalEntity) -> None:
    publish(
        LegalEntityChanged(
            entity_id=entity.id,
            code=entity.code,
            name=entity.name,
            address=entity.address,
            inn=entity.inn,
            kpp=entity.kpp,
            ogrn=entity.ogrn,
            director=entity.director,
            accountant=entity.accountant,
            bank_name=entity.bank_name,
            bik=entity.bik,
            account=entity.account,
            correspondent_account=entity.correspondent_account,
            regimes=[RegimeRow(since=since, regime=Regime(regime).value) for since, regime in entity.dated_regimes],
            is_default=entity.is_default,
            is_deleted=entity.deleted_at is not None,
            version_number=entity.version,
        )
    )

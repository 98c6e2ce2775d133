"""Legal entities of the dealer: added, changed and retired by admins; other apps are told the whole state.

Buyers pay to the account that stands here, so two people name it: whoever changes it alone could send it to a thief.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypedDict
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import IntegrityError
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from core.db import Expected, lock, require_version, transaction
from core.errors import InvalidInput, NotFound
from core.money.requisites import fold_number, refuse_wrong_bank, refuse_wrong_company
from core.money.vat import Regime
from gateway import approvals
from messaging.outbox import publish
from payments.approvals import LEGAL_ENTITY
from payments.errors import LegalEntityCodeTaken, LegalEntityIsDefault, LegalEntitySells
from payments.events import LegalEntityChanged, RegimeRow
from payments.models import LegalEntity, LegalEntityRevision, OrderCopy
from payments.models.legal_entities import MOST_REGIMES

_NUMBERS = ("code", "inn", "kpp", "ogrn", "bik", "account", "correspondent_account")
ONE_PERSONS = frozenset({"address", "director", "accountant"})
"""What one person may change: no money follows it. All else is in the history, and takes a second person."""
_ENDED = ("completed", "cancelled", "refunded", "returned")
_SHOWN = 80
"""Characters of a value that whoever agrees is shown: all the fields together fit into what an approval keeps."""
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


def add_legal_entity(
    *, fields: EntityFields, now: datetime, maker_id: UUID | None = None, approver_id: UUID | None = None
) -> LegalEntity:
    """Add a legal entity; the first one sells by default. Publishes LegalEntityChanged.

    Without a maker the system adds it, as a demonstration does. Raises InvalidInput, LegalEntityCodeTaken, Waits.
    """
    with _named_conflicts(), transaction("payments"):
        _take_turns()
        entity = LegalEntity(created_at=now, updated_at=now)
        entity.change(normalize(fields))
        entity.is_default = entity.is_default or not _present().filter(is_default=True).exists()
        check_entity(entity)
        if _present().filter(code=entity.code).exists():
            raise LegalEntityCodeTaken
        _admit(uuid5(NAMESPACE_OID, entity.code), entity, fields, {}, maker_id, now)
        if entity.is_default:
            _resign_others(entity, now, maker_id, approver_id)
        entity.save(force_insert=True)
        _record(entity, now, maker_id, approver_id)
        _publish(entity)
    return entity


def update_legal_entity(
    *,
    entity_id: UUID,
    changes: EntityFields,
    now: datetime,
    expected_version: Expected = None,
    maker_id: UUID | None = None,
    approver_id: UUID | None = None,
) -> LegalEntity:
    """Change a legal entity; a change of nothing publishes nothing. Publishes LegalEntityChanged.

    Raises NotFound, InvalidInput, LegalEntityCodeTaken, LegalEntityIsDefault (another has to be named default
    instead), LegalEntitySells (another INN is another seller, and this one has orders open), StaleVersion, Waits.
    """
    with _named_conflicts(), transaction("payments"):
        _take_turns()
        entity = _lock(entity_id, expected_version)
        before, wanted = entity.money_facts, normalize(changes)
        # What is agreed to later must not put back what others have changed by then.
        asked: Any = {name: value for name, value in changes.items() if getattr(entity, name) != wanted[name]}
        if not entity.change(wanted):
            return entity
        was_default = before["is_default"]
        if was_default and not entity.is_default:
            raise LegalEntityIsDefault
        check_entity(entity)
        if entity.inn != before["inn"]:
            _refuse_selling(entity)
        if entity.money_facts != before:
            _admit(entity.pk, entity, asked, before, maker_id, now)
        if entity.is_default and not was_default:
            _resign_others(entity, now, maker_id, approver_id)
        _save(entity, now, maker_id, approver_id)
    return entity


def delete_legal_entity(
    *, entity_id: UUID, now: datetime, expected_version: Expected = None, maker_id: UUID | None = None
) -> None:
    """Retire a legal entity; what it sold keeps it. Publishes LegalEntityChanged.

    Raises NotFound, LegalEntityIsDefault, LegalEntitySells (it has orders open), StaleVersion.
    """
    with transaction("payments"):
        _take_turns()
        entity = _lock(entity_id, expected_version)
        if entity.is_default:
            raise LegalEntityIsDefault
        _refuse_selling(entity)
        entity.deleted_at = now
        _save(entity, now, maker_id, None)


def legal_entity_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, fields: EntityFields
) -> None:
    """Add or change what a second person agreed to. Raises what the two services do."""
    people: dict[str, Any] = {"maker_id": maker_id, "approver_id": approver_id, "now": now}
    if LegalEntity.objects.filter(pk=subject_id).exists():
        update_legal_entity(entity_id=subject_id, changes=fields, **people)
    else:
        add_legal_entity(fields=fields, **people)


def _admit(
    subject_id: UUID,
    entity: LegalEntity,
    fields: EntityFields,
    before: dict[str, Any],
    maker_id: UUID | None,
    now: datetime,
) -> None:
    """Ask a second person, and show them what changes into what. Raises Waits."""
    changed = [
        f"{entity.label(name)}: " + " → ".join(map(_shorten, [before[name], value] if before else [value]))
        for name, value in entity.money_facts.items()
        if before.get(name) != value
    ]
    ask = approvals.Ask(
        subject_id=subject_id,
        amount=None,
        maker_id=maker_id,
        beneficiary_id=None,
        number=entity.name[:60],
        evidence="; ".join(changed),
        args={"fields": dict(fields)},
    )
    approvals.admit(LEGAL_ENTITY, ask, now=now)


def _shorten(value: Any) -> str:
    """Return a value for whoever agrees: one long name hides nothing that stands behind it."""
    if isinstance(value, list):
        value = ", ".join(f"{row['since']} {row['regime']}" for row in value)
    return Truncator(value).chars(_SHOWN)


def _refuse_selling(entity: LegalEntity) -> None:
    """Raises LegalEntitySells, with the number of an order that it has open."""
    sells = OrderCopy.objects.filter(receipt__contains=[{"seller_id": str(entity.pk)}]).exclude(status__in=_ENDED)
    number = sells.values_list("number", flat=True).first()
    if number is not None:
        raise LegalEntitySells(order_number=number)


def _record(entity: LegalEntity, now: datetime, maker_id: UUID | None, approver_id: UUID | None) -> None:
    """Write into the history what money goes by from now on, unless that stayed as it was."""
    last = LegalEntityRevision.objects.filter(entity=entity).order_by("-id").first()
    if last is None or (last.facts, last.is_retired) != (entity.money_facts, entity.deleted_at is not None):
        LegalEntityRevision.objects.create(
            entity=entity,
            facts=entity.money_facts,
            is_retired=entity.deleted_at is not None,
            made_by=maker_id,
            agreed_by=approver_id,
            at=now,
        )


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


def _resign_others(entity: LegalEntity, now: datetime, maker_id: UUID | None, approver_id: UUID | None) -> None:
    for other in _present().filter(is_default=True).exclude(pk=entity.pk).select_for_update(no_key=True):
        other.is_default = False
        _save(other, now, maker_id, approver_id)


def _save(entity: LegalEntity, now: datetime, maker_id: UUID | None, approver_id: UUID | None) -> None:
    entity.version, entity.updated_at = entity.version + 1, now
    entity.save(force_update=True)
    _record(entity, now, maker_id, approver_id)
    _publish(entity)


def normalize(fields: EntityFields) -> dict[str, Any]:
    """Return the fields as they are kept: numbers without spaces, regimes oldest first."""
    wanted: dict[str, Any] = dict(fields)
    wanted |= {name: fold_number(wanted[name]) for name in _NUMBERS if name in wanted}
    if "regimes" in wanted:
        rows = sorted(wanted["regimes"], key=lambda row: row["since"])
        wanted["regimes"] = [{"since": row["since"].isoformat(), "regime": row["regime"]} for row in rows]
    return wanted


def check_entity(entity: LegalEntity) -> None:
    """Numbers must be right and complete; regimes are few, one a day. Raises InvalidInput."""
    is_person = len(entity.inn) != _COMPANY
    refuse_wrong_company(inn=entity.inn, kpp=entity.kpp, ogrn=entity.ogrn, is_person=is_person)
    if not is_person and not entity.kpp:
        raise InvalidInput("kpp", "required", _("A company has a KPP."))
    refuse_wrong_bank(bik=entity.bik, account=entity.account, correspondent_account=entity.correspondent_account)
    if len(entity.regimes) > MOST_REGIMES:
        detail = _("An entity has at most %(most)s tax regimes.") % {"most": MOST_REGIMES}
        raise InvalidInput("regimes", "max_length", detail)
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

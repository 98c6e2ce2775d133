"""Stock-taking: a sheet is listed, counted and settled; only settling touches the stock."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connections
from django.db.models import F, Q, QuerySet, Sum

from catalog.approvals import SETTLE, SETTLED
from catalog.errors import (
    CountClosed,
    CountOpen,
    InsufficientStock,
    NothingToCount,
    UnitSold,
    UnknownProduct,
)
from catalog.events import ProductUpdated
from catalog.models import (
    CountOutcome,
    CountStatus,
    MovementKind,
    Product,
    ProductKind,
    Reservation,
    ReservationStatus,
    Stage,
    StockCount,
    StockCountLine,
)
from catalog.services.products import product_state, record_movement
from catalog.services.seconding import person
from catalog.services.stock import release_expired_reservations
from catalog.services.stock_effects import warn_if_low
from core.db import transaction
from core.errors import NotFound
from core.money import ZERO, money
from core.vin import fold_vin
from gateway import approvals
from messaging.outbox import publish

AT_ONCE = 200
"""Lines that are settled together."""


def start_count(*, location: str, actor: str, now: datetime) -> StockCount:
    """List what the books say stands at a location, or anywhere when it is empty; by one statement, however much.

    Raises CountOpen while another sheet of that location is, NothingToCount.
    """
    there = Product.objects.present().filter(on_hand__gt=0)
    there = there.filter(location=location) if location else there
    try:
        with transaction("catalog"):
            sheet: StockCount = StockCount.objects.create(location=location, actor=actor, created_at=now)
            if not _list_lines(sheet, there):
                raise NothingToCount
    except IntegrityError as error:
        raise CountOpen from error
    return sheet


def _list_lines(sheet: StockCount, there: QuerySet[Product]) -> int:
    """Put products on a sheet within the database, where they are; return how many."""
    rows, given = there.order_by("pk").values_list("pk", "on_hand").query.get_compiler("catalog").as_sql()
    with connections["catalog"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalog_stockcountline (sheet_id, product_id, expected, outcome)"
            f" SELECT %s, there.id, there.on_hand, '' FROM ({rows}) AS there (id, on_hand)",
            [sheet.pk, *given],
        )
        return int(cursor.rowcount)


def record_counts(*, count_id: UUID, counted: Mapping[int, int | None]) -> None:
    """Note what was counted, by line; None takes a number back. Raises NotFound, CountClosed."""
    with transaction("catalog"):
        sheet = _open_sheet(count_id)
        lines = list(sheet.lines.filter(pk__in=counted).order_by("id").select_for_update())
        for line in lines:
            line.counted = counted[line.pk]
        StockCountLine.objects.bulk_update(lines, ["counted"])


def add_found(*, count_id: UUID, number: str, quantity: int = 1) -> StockCountLine:
    """Note something that is not on the sheet, by its SKU, VIN or plate; on the sheet already, its count is set.

    A unit that was sold belongs to its buyer, wherever it stands: it is never counted in.
    Raises NotFound, CountClosed, UnknownProduct, UnitSold.
    """
    with transaction("catalog"):
        sheet = _open_sheet(count_id)
        product = _numbered(number)
        if _is_sold(product):
            raise UnitSold
        line: StockCountLine = StockCountLine.objects.update_or_create(
            sheet=sheet,
            product=product,
            defaults={"counted": quantity},
            create_defaults={"counted": quantity, "expected": product.on_hand},
        )[0]
    return line


def confirm_count(*, count_id: UUID, reason: str, actor: str, now: datetime) -> StockCount:
    """Bring the books to what was counted: a movement for each difference, with the reason and who confirmed it.

    What moved since it was listed, is held for an order or was sold is left alone and named on its line; what was
    not counted stays. Settled already, nothing happens; cut short, it goes on. Raises NotFound, CountClosed, Waits:
    more is missing than one person may count out.
    """
    sheet = _begin(count_id, reason, actor, now)
    release_expired_reservations(now=now)
    # Most of a large stock is not counted on one day: those lines are named at once, and no product is locked for them.
    sheet.lines.filter(outcome="", counted__isnull=True).update(outcome=CountOutcome.UNCOUNTED)
    line_ids = list(sheet.lines.filter(outcome="").order_by("id").values_list("pk", flat=True))
    for start in range(0, len(line_ids), AT_ONCE):
        _settle(sheet, line_ids[start : start + AT_ONCE], now)
    with transaction("catalog"):
        StockCount.objects.filter(pk=sheet.pk, status=CountStatus.CONFIRMING).update(
            status=CountStatus.CONFIRMED, closed_at=now
        )
    sheet.refresh_from_db()
    return sheet


def cancel_count(*, count_id: UUID, actor: str, now: datetime) -> StockCount:
    """Give a sheet up; the stock stays as it is. Raises NotFound, CountClosed."""
    with transaction("catalog"):
        sheet = _open_sheet(count_id)
        sheet.status, sheet.closed_by, sheet.closed_at = CountStatus.CANCELLED, actor, now
        sheet.save(update_fields=["status", "closed_by", "closed_at"])
    return sheet


def _lock(count_id: UUID) -> StockCount:
    sheet: StockCount | None = StockCount.objects.select_for_update().filter(pk=count_id).first()
    if sheet is None:
        raise NotFound
    return sheet


def _open_sheet(count_id: UUID) -> StockCount:
    sheet = _lock(count_id)
    if sheet.status != CountStatus.OPEN:
        raise CountClosed
    return sheet


def _begin(count_id: UUID, reason: str, actor: str, now: datetime) -> StockCount:
    with transaction("catalog"):
        sheet = _lock(count_id)
        if sheet.status == CountStatus.CANCELLED:
            raise CountClosed
        if sheet.status == CountStatus.OPEN:
            _admit(sheet, reason, actor, now)
            sheet.status, sheet.reason = CountStatus.CONFIRMING, reason[:200]
            sheet.closed_by, sheet.closed_at = actor, now
            sheet.save(update_fields=["status", "reason", "closed_by", "closed_at"])
    return sheet


def settle_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, reason: str) -> None:
    """Settle a sheet as one person asked and a second agreed. Raises what `confirm_count` does."""
    confirm_count(count_id=subject_id, reason=reason, actor=str(maker_id), now=now)


def _admit(sheet: StockCount, reason: str, actor: str, now: datetime) -> None:
    """Let what a sheet says is missing leave the books, at its list price. Raises Waits."""
    missing = sheet.lines.filter(counted__lt=F("expected"))
    lost = missing.aggregate(sum=Sum((F("expected") - F("counted")) * F("product__price")))["sum"]
    request = approvals.Ask(
        subject_id=sheet.pk,
        amount=money(lost or ZERO),
        maker_id=person(actor),
        beneficiary_id=None,
        number=sheet.location,
        reason=reason,
        args={"reason": reason},
    )
    approvals.admit(SETTLE, request, now=now)


def _numbered(number: str) -> Product:
    folded = fold_vin(number)
    named = Q(sku=number.strip()) | Q(vin=folded) & ~Q(vin="") | Q(plate=folded) & ~Q(plate="")
    found: QuerySet[Product] = Product.objects.present().exclude(kind=ProductKind.SERVICE).filter(named)
    product = found.order_by("-is_active", "-pk").first()
    if product is None:
        raise UnknownProduct
    return product


def _is_sold(product: Product) -> bool:
    """Tell whether a unit that is not in the stock was sold, be it handed over or still waiting for its owner."""
    if product.kind != ProductKind.VEHICLE or product.on_hand:
        return False
    sold = Reservation.objects.filter(status=ReservationStatus.SOLD, lines__product=product)
    return product.stage == Stage.HANDED_OVER or (product.stage != Stage.MISSING and sold.exists())


def _settle(sheet: StockCount, line_ids: list[int], now: datetime) -> None:
    """Settle some lines in one transaction, their products locked in the order of their ids."""
    with transaction("catalog"):
        approvals.let(SETTLED)
        lines = list(StockCountLine.objects.select_for_update().filter(pk__in=line_ids, outcome="").order_by("id"))
        counted = [line.product_id for line in lines if line.counted is not None]
        locked = Product.objects.present().select_for_update(no_key=True).filter(pk__in=counted).order_by("pk")
        products = {product.pk: product for product in locked}
        outcomes: dict[CountOutcome, list[int]] = {}
        for line in lines:
            outcome = _outcome(sheet, line, products.get(line.product_id), now)
            outcomes.setdefault(outcome, []).append(line.pk)
        for outcome, settled in outcomes.items():
            StockCountLine.objects.filter(pk__in=settled).update(outcome=outcome)


def _outcome(sheet: StockCount, line: StockCountLine, product: Product | None, now: datetime) -> CountOutcome:
    if line.counted is None:
        return CountOutcome.UNCOUNTED
    if product is None:
        return CountOutcome.GONE
    if product.on_hand != line.expected:
        return CountOutcome.CHANGED
    if line.counted and _is_sold(product):
        return CountOutcome.SOLD
    try:
        return _correct(sheet, product, line.counted, now)
    except InsufficientStock:
        return CountOutcome.RESERVED


def _correct(sheet: StockCount, product: Product, counted: int, now: datetime) -> CountOutcome:
    """Set stock on hand, and the location of a vehicle that was found. Raises InsufficientStock."""
    is_elsewhere = bool(sheet.location and counted) and product.kind == ProductKind.VEHICLE
    is_moved = is_elsewhere and product.location != sheet.location
    before = product.available
    delta = product.count(counted)
    if not delta and not is_moved:
        return CountOutcome.SAME
    product.location = sheet.location if is_moved else product.location
    product.version, product.updated_at = product.version + 1, now
    product.save(update_fields=["on_hand", "stock_version", "stage", "location", "version", "updated_at"])
    if delta:
        record_movement(product, delta, kind=MovementKind.COUNT, reason=sheet.reason, actor=sheet.closed_by, now=now)
    publish(ProductUpdated(**product_state(product)))
    warn_if_low(product, before)
    return CountOutcome.ADJUSTED

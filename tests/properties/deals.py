"""One random deal after another: lines, discounts, VAT, tax papers and receipts agree to the kopeck.

The product works in memory, without a database; what it must come to is worked out beside it in whole kopecks.
"""

import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

from core.ids import uuid7
from core.money import ZERO
from core.money.vat import Regime
from orders.models import LineKind, Order, OrderLine, ProductCopy, Promotion
from orders.rules.costs import is_below_cost
from orders.rules.prices import Bargain, bargain_over, sum_discounts
from orders.rules.promotions import Purse, lower_lines
from orders.rules.tax_papers import add_up, list_goods, state_advance, state_correction, state_line
from orders.rules.taxing import tax_lines
from payments.commands import ReceiptItem
from payments.rules.receipts import FULL_PAYMENT, PREPAYMENT, Settlement, draw, give_back

DAYS = (date(2025, 6, 1), date(2025, 12, 31), date(2026, 1, 1), date(2026, 11, 24))
REGIMES = ("general", "general", "general", "simplified", "simplified_5", "simplified_7")
RATES = {"general": {2025: (20, 10), 2026: (22, 10)}, "simplified_5": (5, 5), "simplified_7": (7, 7)}
"""Per cent of usual and of reduced goods, as the law says them in words: docs/taxes.md."""
GROUNDS = {"disability": "подп. 1", "warranty": "подп. 13", "inspection": "подп. 17.2"}
"""Sub-items of item 2 of article 149 that goods are exempt by."""
CODES = {22: (11, 12), 20: (1, 3), 10: (2, 4), 7: (8, 10), 5: (7, 9), 0: (5, 5), None: (6, 6)}
"""Tag 1199 of receipts by rate: of goods handed over, and of money taken beforehand or of a difference."""
RECEIPT_REGIMES = {"simplified": "exempt"}


@dataclass
class Piece:
    """One line as it must come out, kopecks: of a piece its price by the list and now, and what it cost."""

    kind: str
    listed: int
    price: int
    quantity: int
    cost: int | None
    taxed: str
    bought_for: int
    ground: str = ""

    @property
    def total(self) -> int:
        """All pieces of the line."""
        return self.price * self.quantity


@dataclass(frozen=True)
class Offer:
    """A campaign or a coupon as it must work: kopecks, or hundredths of a per cent."""

    amount: int | None
    percent: int
    kind: str
    budget: int
    is_below_cost: bool
    is_combinable: bool

    def take_off(self, listed: int) -> int:
        """What it takes off a piece."""
        return half_up(Fraction(listed * self.percent, 10_000)) if self.amount is None else self.amount


def half_up(amount: Fraction) -> int:
    """Round to whole kopecks."""
    return int((2 * amount + 1) // 2)


def find_rate(regime: str, taxed: str, day: date) -> int | None:
    """Say the rate in per cent."""
    if regime == "simplified" or taxed == "exempt":
        return None
    if taxed == "zero":
        return 0
    usual, reduced = RATES[regime][day.year] if regime == "general" else RATES[regime]  # type: ignore[index,misc]
    return reduced if taxed == "reduced" else usual


def name_ground(piece: Piece, regime: str) -> str:
    """Say in the law's words why a piece bears no tax; nothing where it does. All days are of 2025 and later."""
    if piece.kind == "policy":
        return "подп. 7 п. 3 ст. 149 НК РФ"
    if regime == "simplified":
        return "п. 1 ст. 145 НК РФ"
    return f"{GROUNDS[piece.ground]} п. 2 ст. 149 НК РФ" if piece.taxed == "exempt" else ""


def count_tax(piece: Piece, total: int, regime: str, day: date) -> int:
    """Count the tax within a total."""
    rate = find_rate(regime, piece.taxed, day)
    if not rate:
        return 0
    base = max(0, total - piece.bought_for * piece.quantity) if piece.taxed == "margin" else total
    return half_up(Fraction(base * rate, 100 + rate))


class Deal:
    """A random deal, as the product is told of it and as it must come out."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"deal {seed}")
        self.day = self.chance.choice(DAYS)
        self.regime = self.chance.choice(REGIMES)
        self.pieces = [self.draw_piece() for _ in range(self.chance.randint(1, 6))]
        self.products: dict[UUID, ProductCopy] = {}
        self.lines = [self.build_line(number, piece) for number, piece in enumerate(self.pieces)]
        self.order = Order(total_amount=ZERO)

    def draw_piece(self) -> Piece:
        """A car, an accessory, work, a manager's own line or a policy."""
        chance = self.chance
        kind = chance.choice(["vehicle", "vehicle", "accessory", "service", "free", "policy"])
        kinds = ["", "standard", "reduced", "zero", "exempt"]
        if kind == "vehicle" and self.regime in ("general", "simplified"):
            kinds += ["margin", "margin"]
        price = chance.choice([chance.randint(1, 100), chance.randint(1, 10**7), chance.randint(10**7, 10**9)])
        cost = None if kind in ("free", "policy") or chance.random() < 0.3 else chance.randint(1, price * 6 // 5 + 1)
        taxed = "exempt" if kind == "policy" else chance.choice(kinds)
        return Piece(
            kind=kind,
            listed=price,
            price=price,
            quantity=1 if kind == "policy" else chance.choice([1, 1, 2, chance.randint(3, 9)]),
            cost=cost,
            taxed=taxed,
            bought_for=chance.randint(1, price * 6 // 5 + 1),
            ground=chance.choice(sorted(GROUNDS)) if taxed == "exempt" and kind != "policy" else "",
        )

    def build_line(self, number: int, piece: Piece) -> OrderLine:
        """The product's line of a piece."""
        kind = {"free": LineKind.FREE, "policy": LineKind.POLICY}.get(piece.kind, LineKind.PRODUCT)
        line = OrderLine(
            position=number,
            kind=kind,
            name=f"Line {number}",
            product_id=uuid7() if kind == LineKind.PRODUCT else None,
            quantity=piece.quantity,
            unit_price=roubles(piece.price),
            list_price=roubles(piece.price) if kind == LineKind.PRODUCT else None,
            line_total=roubles(piece.total),
            cost=None if piece.cost is None else roubles(piece.cost),
            vat_kind="" if kind == LineKind.POLICY else piece.taxed,
            vat_ground=piece.ground,
            margin_cost=roubles(piece.bought_for) if piece.taxed == "margin" else None,
        )
        if line.product_id:
            self.products[line.product_id] = ProductCopy(product_id=line.product_id, kind=piece.kind)
        return line

    def sinks(self, piece: Piece, price: int) -> bool:
        """Tell whether a price of a piece leaves less than it cost."""
        if piece.cost is None:
            return False
        total = price * piece.quantity
        return total - count_tax(piece, total, self.regime, self.day) < piece.cost * piece.quantity

    def draw_offer(self) -> Offer:
        """A campaign or coupon."""
        chance = self.chance
        return Offer(
            amount=chance.randint(1, 10**8) if chance.random() < 0.4 else None,
            percent=chance.randint(1, 6_000),
            kind=chance.choice(["", "vehicle", "accessory"]),
            budget=chance.randint(1, 10**9),
            is_below_cost=chance.random() < 0.2,
            is_combinable=chance.random() < 0.5,
        )


def roubles(kopecks: int) -> Decimal:
    """Kopecks as the product has them."""
    return Decimal(kopecks) / 100


def kopecks(amount: Decimal | str) -> int:
    """An amount of the product, which must be whole kopecks."""
    found = Decimal(amount) * 100
    assert found == found.to_integral_value(), amount
    return int(found)


def build_promotion(offer: Offer, code: str = "") -> Promotion:
    """The product's row of an offer."""
    return Promotion(
        code=code,
        name="Offer",
        amount=None if offer.amount is None else roubles(offer.amount),
        percent=Decimal(offer.percent) / 100 if offer.amount is None else None,
        kind=offer.kind,
        budget=roubles(offer.budget),
        spent=ZERO,
        is_below_cost=offer.is_below_cost,
        is_combinable=offer.is_combinable,
    )


def lower(deal: Deal) -> None:
    """Let campaigns and a coupon lower the prices, here and there."""
    campaigns = [deal.draw_offer() for _ in range(deal.chance.randrange(3))]
    coupon = deal.draw_offer() if deal.chance.random() < 0.5 else None
    lower_lines(
        deal.lines,
        deal.products,
        [build_promotion(offer) for offer in campaigns],
        build_promotion(coupon, "CODE") if coupon else None,
        Purse(deal.day, Regime(deal.regime)),
    )
    left = [offer.budget for offer in campaigns]
    touched: set[int] = set()
    for place, piece in enumerate(deal.pieces):
        for number, offer in enumerate(campaigns):
            off = _try(deal, piece, offer, offer.take_off(piece.listed), left[number])
            left[number] -= off * piece.quantity
            touched |= {place} if off else set()
    if coupon:
        _take_coupon(deal, coupon, touched)


def _take_coupon(deal: Deal, coupon: Offer, touched: set[int]) -> None:
    free = [place for place in range(len(deal.pieces)) if coupon.is_combinable or place not in touched]
    fit = [place for place in free if _fits(deal.pieces[place], coupon)]
    left = coupon.budget
    if coupon.amount is None:
        for place in fit:
            piece = deal.pieces[place]
            left -= _try(deal, piece, coupon, coupon.take_off(piece.listed), left) * piece.quantity
    elif fit:
        dearest = max(fit, key=lambda place: (deal.pieces[place].total, -place))
        piece = deal.pieces[dearest]
        _try(deal, piece, coupon, coupon.amount // piece.quantity, left)


def _fits(piece: Piece, offer: Offer) -> bool:
    return piece.kind not in ("free", "policy") and offer.kind in ("", piece.kind)


def _try(deal: Deal, piece: Piece, offer: Offer, off: int, budget: int) -> int:
    """Take so much off a piece, unless it does not fit, sinks it or is beyond the budget; say what was taken."""
    off = min(off, piece.price)
    if not _fits(piece, offer) or not off or off * piece.quantity > budget:
        return 0
    if deal.sinks(piece, piece.price - off) and not offer.is_below_cost:
        return 0
    piece.price -= off
    return off


def agree(deal: Deal) -> None:
    """Let a manager agree to a price of a line."""
    for piece, line in zip(deal.pieces, deal.lines, strict=True):
        if line.kind == LineKind.PRODUCT and deal.chance.random() < 0.3:
            piece.price = deal.chance.randint(0, piece.price)
            bargain_over(line, Bargain(unit_price=roubles(piece.price)), "items.0")


def check_lines(deal: Deal) -> None:
    """Prices, totals, discounts, the tax and what is left over, line by line and in all."""
    tax_lines(deal.order, deal.lines, [{"since": "2025-01-01", "regime": deal.regime}], deal.day)
    deal.order.total_amount = sum((line.line_total for line in deal.lines), ZERO)
    for piece, line in zip(deal.pieces, deal.lines, strict=True):
        assert (kopecks(line.unit_price), kopecks(line.line_total)) == (piece.price, piece.total)
        tax = count_tax(piece, piece.total, deal.regime, deal.day)
        assert line.vat_amount is not None
        assert kopecks(line.vat_amount) == tax
        assert line.vat_rate == find_rate(deal.regime, piece.taxed or "standard", deal.day)
        assert line.untaxed_by == name_ground(piece, deal.regime)
        assert is_below_cost(line) == deal.sinks(piece, piece.price)
    listed = sum(piece.listed * piece.quantity for piece in deal.pieces)
    total = sum(piece.total for piece in deal.pieces)
    assert kopecks(sum_discounts(deal.lines)) == listed - total
    assert kopecks(deal.order.total_amount) == total
    tax = sum(count_tax(piece, piece.total, deal.regime, deal.day) for piece in deal.pieces)
    assert deal.order.vat_total is not None
    assert kopecks(deal.order.vat_total) == tax


def check_papers(deal: Deal) -> None:
    """The transfer document states the goods, an advance its part, a correction takes back what is given back."""
    goods = list_goods(deal.lines)
    stated = {name: kopecks(amount) for name, amount in add_up(map(state_line, goods)).items()}
    sold = [piece for piece in deal.pieces if piece.kind != "policy"]
    assert stated["total"] == sum(piece.total for piece in sold)
    assert [state_line(line).get("untaxed_by", "") for line in goods] == [
        name_ground(piece, deal.regime) for piece in sold
    ]
    assert deal.order.vat_total is not None
    assert stated["vat"] == kopecks(deal.order.vat_total)
    if not stated["total"]:
        return
    part = roubles(deal.chance.randint(0, kopecks(deal.order.total_amount)))
    advance = sum(kopecks(row["total"]) for row in state_advance(deal.lines, part, "1"))
    assert advance <= kopecks(part)
    given = deal.chance.randint(0, stated["total"])
    rows = state_correction(goods, roubles(given), is_returned=False)
    first = {name: kopecks(amount) for name, amount in add_up(row["decrease"] for row in rows).items()}
    rest = state_correction(goods, roubles(given), is_returned=True)
    second = {name: kopecks(amount) for name, amount in add_up(row["decrease"] for row in rest).items()}
    assert first["total"] == given
    assert (first["total"] + second["total"], first["vat"] + second["vat"]) == (stated["total"], stated["vat"])


def check_receipts(deal: Deal) -> None:
    """Money comes in parts and goes back in parts: every receipt is its money, and all that goes back is every line."""
    total = kopecks(deal.order.total_amount)
    if not total:
        return
    items = [_item(line) for line in deal.lines]
    regime = RECEIPT_REGIMES.get(deal.regime, deal.regime)
    for amount in _split(deal.chance, total):
        lines = draw(items, Settlement(roubles(amount), deal.day, PREPAYMENT, regime))
        _check_codes(deal, lines, is_beforehand=True)
        _check_receipt(lines, items, amount)
        for back in _split(deal.chance, amount):
            returned = give_back(lines, roubles(back))
            assert sum(kopecks(line.amount) for line in returned) == back
            gone = {line.position: line.amount for line in returned}
            left = [(line, line.amount - gone.get(line.position, ZERO)) for line in lines]
            lines = [line.paid(rest) for line, rest in left if rest]
        assert not lines, "all that was taken went back by its lines"
    whole = draw(items, Settlement(roubles(total), deal.day, FULL_PAYMENT, regime))
    _check_codes(deal, whole, is_beforehand=False)
    assert [kopecks(line.amount) for line in whole] == [piece.total for piece in deal.pieces if piece.total]


def _item(line: OrderLine) -> ReceiptItem:
    subject = {"policy": "insurance_premium", "free": "service"}.get(line.kind, "commodity")
    return ReceiptItem(
        name=line.name,
        amount=line.line_total,
        unit_price=line.unit_price,
        quantity=line.quantity,
        subject=subject,
        vat_kind=line.vat_kind,
        vat_amount=line.vat_amount if line.vat_kind == "margin" else None,
    )


def _check_receipt(lines: list, items: list[ReceiptItem], amount: int) -> None:  # type: ignore[type-arg]
    assert sum(kopecks(line.amount) for line in lines) == amount
    for line in lines:
        item = items[line.position]
        assert line.unit_price * line.quantity == line.amount <= item.amount
        if item.vat_amount is not None:
            part = Fraction(kopecks(item.vat_amount) * kopecks(line.amount), kopecks(item.amount))
            assert kopecks(line.vat_amount) == half_up(part)


def _check_codes(deal: Deal, lines: list, *, is_beforehand: bool) -> None:  # type: ignore[type-arg]
    """Each line of a receipt has the code of its own rate, whatever stands beside it."""
    for line in lines:
        piece = deal.pieces[line.position]
        rate = find_rate(deal.regime, piece.taxed or "standard", deal.day)
        is_calculated = is_beforehand or piece.taxed == "margin"
        assert line.vat_code == CODES[rate][is_calculated and piece.kind != "policy"]


def _split(chance: random.Random, total: int) -> list[int]:
    """Cut an amount into one to four parts."""
    cuts = sorted(chance.randint(1, total) for _ in range(chance.randrange(4)))
    marks = [0, *cuts, total]
    return [end - start for start, end in pairwise(marks) if end > start]


def run(seed: int) -> None:
    """Try one deal. Raises AssertionError."""
    deal = Deal(seed)
    lower(deal)
    agree(deal)
    check_lines(deal)
    check_papers(deal)
    check_receipts(deal)

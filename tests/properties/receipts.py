"""One random payment after another: every rouble taken or returned online has its receipt, by its subject and method.

The product's receipts are drawn up in memory; a book of kopecks kept beside it says what they must come to.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec

from core.ids import uuid7
from payments.commands import ReceiptItem
from payments.models import EntryKind, LedgerEntry, Payment, Purpose, Receipt, ReceiptLine, ReceiptState, Refund
from payments.models.receipts import ReceiptKind, ReceiptOperation
from payments.queries import receipt_drafts
from payments.rules.corrections import Basis
from payments.services.receipts import correcting, making
from tests.properties.deals import kopecks, roubles

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
PREMIUM = "insurance_premium"
FULL, PART, UNNAMED, HANDED_OVER, ON_CREDIT = 1, 2, 3, 4, 7
"""Methods of paying, as the law numbers them: tag 1214 in docs/receipts.md."""
BEFORE = (FULL, PART, UNNAMED)
BY_PURPOSE = {"loan": (ON_CREDIT, "payment"), "policy": (HANDED_OVER, PREMIUM), "ticket": (HANDED_OVER, "service")}


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Share kopecks out: each as much as its weight, and what is left one by one to the largest remainders."""
    whole = sum(weights)
    parts = [amount * weight // whole for weight in weights]
    for place in sorted(range(len(weights)), key=lambda one: -(amount * weights[one] % whole))[: amount - sum(parts)]:
        parts[place] += 1
    return parts


class Book:
    """Lines that stand of a payment: of each line its subject, its method and kopecks, in the order of the lines."""

    def __init__(self) -> None:
        self.lines: dict[int, tuple[str, int, int]] = {}
        self.top = 0

    def add(self, lines: Sequence[tuple[str, int, int]]) -> dict[int, tuple[str, int, int]]:
        """Enter lines under numbers of their own."""
        entered = {self.top + place: line for place, line in enumerate(lines) if line[2]}
        self.lines |= entered
        self.top = max([self.top - 1, *entered]) + 1
        return entered

    def move(self, lines: dict[int, tuple[str, int, int]], sign: int) -> None:
        """Take lines off, or put them back."""
        for place, (subject, method, amount) in lines.items():
            was = self.lines.get(place, (subject, method, 0))
            self.lines[place] = (was[0], was[1], was[2] + sign * amount)
        self.lines = dict(sorted(self.lines.items()))

    def take(self, amount: int, *, only_premiums: bool) -> dict[int, tuple[str, int, int]]:
        """Say by which lines an amount goes back: those of premiums where it is a policy's and they are enough."""
        some = {place: line for place, line in self.lines.items() if line[2]}
        premiums = {place: line for place, line in some.items() if line[0] == PREMIUM}
        if only_premiums and sum(line[2] for line in premiums.values()) >= amount:
            some = premiums
        parts = share(amount, [line[2] for line in some.values()])
        return {place: (*line[:2], part) for (place, line), part in zip(some.items(), parts, strict=True) if part}


class Story:
    """A payment and what becomes of it: told to the product, and entered in the book."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"receipts {seed}")
        chance = self.chance
        self.now = START
        self.purpose = chance.choice(["order"] * 6 + ["loan", "policy", "ticket"])
        self.is_online = chance.random() < 0.9
        self.is_sold = self.purpose == "order" and chance.random() < 0.2
        self.items = self.draw_items() if self.purpose == "order" and chance.random() < 0.85 else []
        worth = sum(kopecks(item.amount) for item in self.items) or chance.randint(1, 10**9)
        self.amount = worth if chance.random() < 0.5 else chance.randint(1, worth)
        self.payment = Payment(
            id=uuid7(),
            purpose=Purpose(self.purpose),
            amount=roubles(self.amount),
            currency="RUB",
            provider="bank" if self.is_online else "manual",
            receipt=msgspec.to_builtins(self.items),
        )
        self.book = Book()
        self.receipts: list[Receipt] = []
        self.returned: list[tuple[Refund, dict[int, tuple[str, int, int]]]] = []
        self.left = self.amount

    def draw_items(self) -> list[ReceiptItem]:
        """Goods, work and premiums."""
        found = []
        for number in range(self.chance.randint(1, 5)):
            subject = self.chance.choice(["commodity", "commodity", "service", PREMIUM])
            price, quantity = self.chance.randint(1, 10**8), self.chance.choice([1, 1, 2, 7])
            amount = roubles(price * quantity)
            found.append(
                ReceiptItem(
                    name=f"Line {number}", amount=amount, unit_price=roubles(price), quantity=quantity, subject=subject
                )
            )
        return found

    def book_entry(self, kind: EntryKind, refund: Refund | None = None, order_id: Any = None) -> list[Receipt]:
        """Have the product draw up the receipts of a movement."""
        self.now += timedelta(hours=1)
        payment = None if kind == EntryKind.SALE else self.payment
        entry = LedgerEntry(kind=kind, payment=payment, refund=refund, order_id=order_id, created_at=self.now)
        before = {self.payment.id: list(self.receipts)} if self.receipts else {}
        return [self.register(draft) for draft in making._draft(entry, before)]  # type: ignore[arg-type]

    def register(self, draft: Any) -> Receipt:
        """Register a draft, as the operator does."""
        made = making._build(draft, self.now)
        assert made.state == ReceiptState.WAITING, made.failure_detail
        made.state = ReceiptState.REGISTERED
        rows = [ReceiptLine(receipt=made, **vars(line)) for line in draft.lines]
        made._prefetched_objects_cache = {"lines": rows}
        self.receipts.append(made)
        return made

    def charge(self) -> None:
        """Take the money."""
        made = self.book_entry(EntryKind.CHARGE)
        named, subject = BY_PURPOSE.get(self.purpose, (None, "payment"))
        worth = [kopecks(item.amount) for item in self.items]
        usual = FULL if self.amount == sum(worth) else PART
        method = named or (ON_CREDIT if self.is_sold else usual if self.items else UNNAMED)
        if self.items:
            ways = [HANDED_OVER if item.subject == PREMIUM else method for item in self.items]
            parts = zip((item.subject for item in self.items), ways, share(self.amount, worth), strict=True)
            entered = self.book.add(list(parts))
        else:
            entered = self.book.add([(subject, method, self.amount)])
        self.check(made, ReceiptOperation.SALE, entered)

    def refund(self) -> None:
        """Give a part back, sometimes for a policy."""
        amount = self.left if self.chance.random() < 0.3 else self.chance.randint(1, self.left)
        is_policy = self.chance.random() < 0.4
        refund = Refund(
            id=uuid7(), payment=self.payment, amount=roubles(amount), subject_id=uuid7() if is_policy else None
        )
        made = self.book_entry(EntryKind.REFUND, refund)
        gone = self.book.take(amount, only_premiums=is_policy)
        self.book.move(gone, -1)
        self.left -= amount
        self.returned.append((refund, gone))
        self.check(made, ReceiptOperation.SALE_RETURN, gone)

    def bounce(self) -> None:
        """Let a refund come back."""
        refund, gone = self.returned.pop(self.chance.randrange(len(self.returned)))
        made = self.book_entry(EntryKind.REFUND_RETURNED, refund)
        self.book.move(gone, 1)
        self.left += kopecks(refund.amount)
        self.check(made, ReceiptOperation.SALE, gone)

    def offset(self) -> None:
        """Hand over what was paid beforehand."""
        made = self.book_entry(EntryKind.SALE)
        paid = {place: line for place, line in self.book.lines.items() if line[1] in BEFORE and line[2]}
        total = sum(line[2] for line in paid.values())
        self.returned.clear()
        if not total:
            assert not made
            return
        self.book.lines = {place: line for place, line in self.book.lines.items() if place not in paid}
        goods = [item for item in self.items if item.subject != PREMIUM]
        names = [item.subject for item in goods] or ["payment"]
        parts = share(total, [kopecks(item.amount) for item in goods] or [1])
        standing = [place for place, line in {**self.book.lines, **paid}.items() if line[2]]
        self.book.top = 1 + max(standing)
        entered = self.book.add([(name, HANDED_OVER, part) for name, part in zip(names, parts, strict=True)])
        self.check(made, ReceiptOperation.SALE, entered)

    def correct(self) -> None:
        """Say the payment's first receipt anew by another name, before anything built upon it."""
        wrong = self.receipts[0]
        subject = self.chance.choice(["commodity", "service"])
        said = [ReceiptItem(name="Said anew", amount=wrong.amount, unit_price=wrong.amount, subject=subject)]
        drafts = correcting._draft(wrong, said, "Wrong goods", Basis())
        correcting._say_anew(wrong, said)
        assert [draft.kind for draft in drafts] == [ReceiptKind.CORRECTION] * 2
        method = self.find_method_of_goods()
        former = dict(self.book.lines)
        self.book.lines, self.items = {}, said
        self.check([self.register(drafts[0])], ReceiptOperation.SALE_RETURN, former)
        self.check([self.register(drafts[1])], ReceiptOperation.SALE, self.book.add([(subject, method, self.amount)]))

    def find_method_of_goods(self) -> int:
        """Say how goods are paid: as those of the charge, or as they would have been where it paid premiums alone."""
        told = [method for subject, method, _amount in self.book.lines.values() if subject != PREMIUM]
        if told or self.purpose == "policy":
            return told[0] if told else HANDED_OVER
        usual = FULL if self.amount == sum(kopecks(item.amount) for item in self.items) else PART
        return ON_CREDIT if self.is_sold else usual

    def check(self, made: list[Receipt], operation: str, lines: dict[int, tuple[str, int, int]]) -> None:
        """Hold one movement's receipt, and all that stands after it, to the book."""
        if not self.is_online:
            assert not made, "money that nobody took online has no receipt here"
            return
        [receipt] = made
        assert (receipt.operation, kopecks(receipt.amount)) == (operation, sum(line[2] for line in lines.values()))
        assert tally(receipt_drafts.list_lines(receipt)) == tally(lines.values())
        expected = tally(line for line in self.book.lines.values() if line[2])
        assert tally(receipt_drafts.stand(self.receipts)) == expected


def tally(lines: Any) -> Counter[tuple[str, int]]:
    """Sum kopecks by subject and method."""
    found: Counter[tuple[str, int]] = Counter()
    for line in lines:
        subject, method, amount = line if isinstance(line, tuple) else (line.subject, line.method, kopecks(line.amount))
        found[subject, method] += amount
    return found


@contextmanager
def without_database(story: Story) -> Iterator[None]:
    """Answer what the product reads of its tables from the story."""
    with (
        patch.object(receipt_drafts, "find_seller_regime", lambda day, items: "general"),
        patch.object(correcting, "find_seller_regime", lambda day, items: "general"),
        patch.object(receipt_drafts, "_read_order", lambda payment: (story.items, story.is_sold)),
        patch.object(Payment, "save"),
        patch.object(correcting, "list_receipts", lambda payment_id: story.receipts),
        patch.object(correcting, "_numbers", lambda wrong: [one.number for one in story.receipts]),
    ):
        yield


def run(seed: int) -> None:
    """Try one payment with all that becomes of it. Raises AssertionError."""
    story = Story(seed)
    with without_database(story):
        story.charge()
        if story.is_online and story.chance.random() < 0.5:
            story.correct()
        is_handed_over = story.is_sold or story.purpose != "order"
        for _step in range(story.chance.randint(0, 6)):
            steps = [story.refund] * bool(story.left) + [story.bounce] * bool(story.returned)
            steps += [story.offset] * (not is_handed_over and story.is_online)
            if not steps:
                return
            step = story.chance.choice(steps)
            is_handed_over = is_handed_over or step == story.offset
            step()

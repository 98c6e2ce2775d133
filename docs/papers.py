"""Takes the pictures of papers in docs/contract-desk.md: `AUTOSALON_DEBUG=on python docs/papers.py`.

The words are the shipped ones, the data those of a deal that never was. Needs pypdfium2 (`pip install pypdfium2`):
the product itself draws no pages, and does not depend on it.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
PAPERS = (
    ("sale-new", "ru"), ("sale-used", "en"), ("handover", "ru"), ("trade-in", "ru"), ("deposit", "ru"),
    ("consent", "ru"), ("loan", "ru"), ("invoice", "ru"), ("attorney", "ru"), ("sale-consigned", "ru"),
    ("sale-goods", "ru"), ("act-goods", "ru"), ("return-act", "ru"), ("offer", "ru"),
)  # fmt: skip
SCALE = 0.95
"""Of 72 dots an inch: a page of A4 is 566 dots wide."""


def main() -> int:
    """Draw every paper's first page, and the page that proves a signature."""
    import django

    django.setup()
    from orders.queries.paper_preview import preview_pdf
    from orders.services.templates import read_shipped

    (HERE / "papers").mkdir(exist_ok=True)
    for kind, language in PAPERS:
        title, text = read_shipped(kind, language)
        draw(preview_pdf(kind=kind, language=language, title=title, text=text), f"{kind}.{language}", page=0)
    draw(print_signed(), "signed.ru", page=-1)
    for kind, pdf in print_tax_papers():
        draw(pdf, kind, page=0)
    return 0


def print_tax_papers() -> list[tuple[str, bytes]]:
    """Tax papers of one sale: a new car, and one taxed by the difference."""
    from decimal import Decimal

    from orders.models import OrderLine
    from orders.rules.tax_forms import print_tax_paper
    from orders.rules.tax_papers import add_up, state_advance, state_correction, state_line

    cars = (("Lada Vesta SW Cross", "XTAGFK330PY000001", "standard", 1_525_000, None),
            ("Kia Rio, 2019", "Z94CB41AABR000001", "margin", 980_000, 800_000))  # fmt: skip
    lines = [
        OrderLine(name=name, vin=vin, vat_kind=kind, quantity=1, line_total=Decimal(price), vat_rate=Decimal(22),
                  margin_cost=None if cost is None else Decimal(cost))
        for name, vin, kind, price, cost in cars
    ]  # fmt: skip
    rows, changes = [state_line(line) for line in lines], state_correction(lines, Decimal(50_000), is_returned=False)
    facts = {
        "order": "A-2026-000017", "number": "АС-2026-000042", "first_on": "2026-11-23", "mended": "", "mended_on": "",
        "status": 1, "basis": "договор № NEW-2026-000009 от 20.11.2026", "shipped_on": "2026-11-23",
        "advances": [{"number": "АС-2026-000039", "first_on": "2026-11-20"}], "corrects": {},
        "seller": {"name": "ООО «Автосалон»", "address": "101000, Москва, ул. Примерная, д. 1", "inn": "7714000009",
                   "kpp": "771401001", "director": "Соколова О. И.", "accountant": "Счётова А. П."},
        "buyer": {"name": "ООО «Покупатель»", "address": "170100, Тверь, ул. Советская, д. 1", "inn": "7707083893",
                  "kpp": "770701001"},
    }  # fmt: skip
    sold = facts | {"lines": rows, "totals": add_up(rows)}
    totals = {name: add_up(row[name] for row in changes) for name in ("increase", "decrease")}
    of = {"number": facts["number"], "first_on": facts["first_on"]}
    corrected = facts | {"number": "АС-2026-000043", "corrects": of, "lines": changes, "totals": totals}
    paid = state_advance(lines, Decimal(1_000_000), facts["order"])
    told_of = {"shipped_on": "", "advances": [], "number": "АС-2026-000039", "first_on": "2026-11-20"}
    advance = facts | told_of | {"lines": paid, "totals": add_up([row | {"base": "0"} for row in paid])}
    told = (("tax-invoice", sold), ("upd", sold), ("advance-invoice", advance), ("correction", corrected))
    drawn = [(f"{kind}.ru", print_tax_paper({**stated, "kind": kind})) for kind, stated in told]
    return [*drawn, ("upd.en", print_tax_paper({**sold, "kind": "upd"}, in_english=True))]


def print_signed() -> bytes:
    """A consent with the protocol of a signature by a code."""
    import hashlib

    from orders.models import DocumentSignature, IssuedDocument
    from orders.queries.papers import write_protocol
    from orders.rules.paper_fields import make_sample
    from orders.rules.paper_pages import print_paper
    from orders.rules.paper_template import fill_in
    from orders.services.templates import read_shipped

    title, words = read_shipped("consent", "ru")
    text = fill_in(words, make_sample("consent"))
    options: dict[str, Any] = {"title": title, "author": title, "language": "ru"}
    sums = {
        "sha256": hashlib.sha256(print_paper(text, **options)).hexdigest(),
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    document = IssuedDocument(number="PDN-2026-000001", language="ru", text=text, **sums)
    signed_at = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    signature = DocumentSignature(
        side="buyer", method="code", signer_id=UUID(int=1), signer_name="Иванов Пётр Сергеевич", phone="+79000000000",
        address="192.0.2.17", user_agent="Mozilla/5.0", identity_checked_by=UUID(int=2), code_sent_at=signed_at,
        code_hash=hashlib.sha256(b"code").hexdigest(), signed_at=signed_at, **sums,
    )  # fmt: skip
    return print_paper(text, **options, appendix=write_protocol(document, [signature]))


def draw(pdf: bytes, name: str, *, page: int) -> None:
    """Draw one page in sixteen shades of grey: lines of print need no more."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    drawn = document[page % len(document)].render(scale=SCALE * 96 / 72, grayscale=True).to_pil()
    drawn.quantize(16).save(HERE / "papers" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())

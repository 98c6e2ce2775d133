"""DejaVu Sans, which has Cyrillic letters, for every PDF (Bitstream Vera licence, beside the files)."""

from pathlib import Path

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_FOLDER = Path(__file__).resolve().parent


def register_fonts() -> None:
    """Make REGULAR and BOLD known to reportlab; again, it changes nothing."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    known = pdfmetrics.getRegisteredFontNames()
    for name in (REGULAR, BOLD):
        if name not in known:
            pdfmetrics.registerFont(TTFont(name, str(_FOLDER / f"{name}.ttf")))

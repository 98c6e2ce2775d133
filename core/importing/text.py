"""Cells as plain text."""

SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u2060\u200b\ufeff\x00"), " ")


def clean(text: str) -> str:
    """Trim, with every kind of space as one plain space."""
    if text.isascii() and "\x00" not in text:
        return " ".join(text.split()) if " " in text else text.strip()
    return " ".join(text.translate(SPACES).split())


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def shielded(text: str) -> str:
    """Text for a cell that no spreadsheet may take for a formula; read back by `unshielded`."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def unshielded(text: str) -> str:
    """Text as it was before `shielded`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text

"""Remove what must never stand in a log: credentials, and what tells who somebody is."""

import json
import re

_LABELLED = re.compile(
    r"""(?ix)
    (["']?\b(?:\w*password|passwd|\w*secret|\w*token|ticket|authorization|cookie|api_key|otp|passport\w*)["']?\s*[:=]\s*)
    ("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&})\]"']+)"""
)
_CREDENTIAL = re.compile(
    r"(?i)\bbearer\s+[\w.~+/=-]{6,}|\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?|\b(?:whsec|sk|rk|pk|ask|tok)_[\w+/=-]{6,}"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.-])\+\d[\d ()-]{8,17}\d(?![\w.])")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w.-])")
MASK = "[removed]"


def _spell(*words: str) -> str:
    """Match any of these words, as they are or as JSON escapes them."""
    return "|".join(re.escape(form) for word in words for form in dict.fromkeys((word, json.dumps(word)[1:-1])))


_END = r"""\)\.?(?=\s*(?:\Z|\\*["']\)|"[,}]|(?:\n|\\+n)\s*(?:\Z|\n|\\+n|["']|[A-ZА-Я]+:)))"""
"""Where a detail of PostgreSQL ends: with the text or what it is quoted in, or before another part of the error."""
_CUT = r"""(?:[^"\\]|\\.)*"""
_TOLD = _spell("Failing row contains", "failing row contains", "Ошибочная строка содержит")
_ROW = re.compile(rf"(?s)((?:{_TOLD}) )\((?:.*?{_END}|{_CUT})")
_KEY = re.compile(
    rf"""(?s)((?:\b[Kk]ey |(?:{_spell("Ключ", "ключ", "ключом")}) \\*")\(.{{1,200}}?\)=)\("""
    rf"""(?:.*?(?:\)(?=\\*"| (?:already|is not|is still|is duplicated|conflicts)\b)|{_END})|{_CUT})"""
)
"""Values that PostgreSQL tells in an error, by its words in the two languages that its servers here speak."""


def redact(text: str) -> str:
    """The text without credentials, e-mail addresses, telephone and card numbers, and rows that PostgreSQL tells."""
    text = _KEY.sub(rf"\1({MASK})", _ROW.sub(rf"\1({MASK})", text))
    text = _LABELLED.sub(lambda match: f'{match[1]}"{MASK}"' if match[2][0] == '"' else match[1] + MASK, text)
    text = _EMAIL.sub(MASK, _CREDENTIAL.sub(MASK, text))
    return _CARD.sub(_unless_luhn_fails, _PHONE.sub(MASK, text))


def _unless_luhn_fails(match: re.Match[str]) -> str:
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return MASK if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else match[0]

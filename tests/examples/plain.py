"""Make an exchange the same in every run: ids, moments, tokens, numbers, addresses, and no long list."""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from core.clock import dealer_day
from tests.examples.clock import BEFORE, DAY
from tests.examples.record import Exchange

LONG = 200
"""Characters of an item from which on one of them is enough; of shorter ones two are kept."""
SHOP = "https://shop.example"
_EXAMPLE_ID = "0199c0de-0000-7000-8000-"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_HERE = re.compile(r"https?://(testserver|localhost|127\.0\.0\.1)(:\d+)?")
_SECOND_STEP = re.compile(r"\d{6}")
_CHECK_IN = re.compile(r"\s*(?=[A-Za-z]*\d)[A-Za-z0-9]{8}\s*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PLAIN_EMAIL = re.compile(r"[a-z.-]+@example\.(com|org)", re.IGNORECASE)
_PARTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_HERE, SHOP),
    (re.compile(r"\x1d9[1-9][^\x1d]*"), ""),  # the proof of a mark: a code names its piece without it
    (re.compile(r"\b20\d\d-\d{6}\b"), "2027-000001"),
    (re.compile(r"\bSKU-[0-9a-f]+\b"), "SKU-1"),
    (re.compile(r"\bXTA210990Y\d{7}\b"), "XTA210990Y2766389"),
    (re.compile(r"\b(cursor|after|since|sig|signature|token|expires|secret)=[^&\s]+"), r"\1=example"),
    (re.compile(r"\b([A-Z]{2,4})-[0-9a-f]{12}\b"), r"\1-1"),
    (re.compile(r"\bperson\d+"), "person"),
    (re.compile(r"\bask_[0-9a-f]{8}[\w-]*"), "ask_example"),
    (re.compile(r"\b(sbx_)?[0-9a-f]{24,40}\b"), r"\1example"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "0123456789abcdef" * 4),
    (re.compile(r"\bwhsec_[\w+/=-]+"), "whsec_example"),
)
"""What stands inside of texts."""
_NAMED = {
    "access_token": "an-access-token",
    "refresh_token": "a-refresh-token",
    "id_token": "an-id-token",
    "mfa_token": "a-second-step-token",
    "ticket": "a-ticket-for-one-socket",
    "otp": "123456",
    "kid": "0123456789abcdef",
    "token": "a-token-from-a-letter",
    "recovery_codes": "k7m2p-9qx4t",
    "secret": "shown-once",
    "password": "correct-horse-battery",
    "new_password": "another-horse-battery",
    "current_password": "correct-horse-battery",
    "prefix": "ask_example",
    "check_in_code": "K7M2P9QX",
}
"""What nobody else may know, by the name of its member."""
_ALIKE = re.compile(r"[\w+/=.-]{20,}")
"""As long as a token and without a space: one if it has digits and both kinds of letters."""
_LEAKS = (
    re.compile(r"eyJ[\w-]{10,}\.|BEGIN [A-Z ]*KEY|whsec_(?!example)|ask_(?!example\b(?!-))"),
    re.compile(r"localhost|127\.0\.0\.1|testserver|\bhttps?://[^/\s\"]+:\d+"),
    re.compile(r"(?<![\w.])/(tmp|home|root|var|usr|opt|proc|Users)/|\.data/|[A-Z]:\\\\"),
    re.compile("|".join(map(re.escape, (str(settings.BASE_DIR), tempfile.gettempdir())))),
    re.compile(r"[<>]|\\u00|\\[nrt]|\.\./|tok_(?!success)"),
)
"""Secrets, addresses and paths of one machine, and what tests send to be refused or escaped."""


class _Run:
    """Run of one exchange, with what it has seen so far: the same id is the same example of one."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._ids: dict[str, str] = {}

    def value(self, value: Any, name: str = "") -> Any:
        """Return the same, plain."""
        if isinstance(value, dict):
            return {self.text(key, ""): self.value(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, name) for item in value]
        if isinstance(value, str):
            return self.text(value, name)
        return (
            1 if name == "id" and isinstance(value, int) else value
        )  # the database counts on, in whatever order tests come

    def text(self, text: str, name: str) -> str:
        """Return a plain text for a member of that name."""
        if text and name in _NAMED and not text.startswith("tok_"):
            return _NAMED[name]
        if name == "code" and (_SECOND_STEP.fullmatch(text) or _CHECK_IN.fullmatch(text)):
            return _NAMED["otp" if _SECOND_STEP.fullmatch(text) else "check_in_code"]
        if _MOMENT.fullmatch(text):
            return self._moment(datetime.fromisoformat(text))
        if _DATE.fullmatch(text):
            return self._date(date.fromisoformat(text))
        if _EMAIL.fullmatch(text) and not _PLAIN_EMAIL.fullmatch(text):
            return "buyer@example.com"
        text = _UUID.sub(self._id, text)
        for pattern, plain in _PARTS:
            text = pattern.sub(plain, text)
        return "example" if _is_token(text) else text

    def _id(self, found: re.Match[str]) -> str:
        if found[0].startswith(_EXAMPLE_ID):
            return found[0]
        return self._ids.setdefault(found[0], f"{_EXAMPLE_ID}{len(self._ids) + 1:012x}")

    def _moment(self, moment: datetime) -> str:
        """A test takes less than a minute, and reading all of them a few; what a person wrote has no seconds."""
        if BEFORE <= moment < BEFORE + timedelta(minutes=10):
            return BEFORE.isoformat().replace("+00:00", "Z")
        is_measured = moment.second or moment.microsecond
        kept = DAY + _rounded(moment - self._now) if is_measured and self._is_of_today(moment) else moment
        return kept.replace(second=0, microsecond=0).isoformat().replace("+00:00", "Z")

    def _date(self, day: date) -> str:
        now = dealer_day(self._now)
        is_of_today = self._is_of_today(datetime.combine(day, time(12), UTC))
        return (dealer_day(DAY) + (day - now) if is_of_today else day).isoformat()

    def _is_of_today(self, moment: datetime) -> bool:
        """PostgreSQL goes on living today, and counts days from it; in weeks around the day itself nobody can tell."""
        return abs(self._now - DAY) > timedelta(days=60) and abs(moment - self._now) < timedelta(days=20)


def _rounded(step: timedelta) -> timedelta:
    """To five minutes: as much may pass between what PostgreSQL says and the answer."""
    return timedelta(minutes=5 * round(step / timedelta(minutes=5)))


def _is_token(text: str) -> bool:
    kinds = (str.isdigit, str.islower, str.isupper)
    return (
        _ALIKE.fullmatch(text) is not None
        and _UUID.search(text) is None
        and all(any(map(kind, text)) for kind in kinds)
    )


def plain(exchange: Exchange) -> Exchange:
    """Return what does not depend on the run; ids are counted from the address on."""
    run = _Run(datetime.fromisoformat(exchange.at))
    path = run.text(exchange.path, "")
    sent = run.value(exchange.sent)
    return replace(exchange, path=path, sent=sent, answered=run.value(shortened(exchange.answered)))


def shortened(value: Any) -> Any:
    """Return an answer with its lists cut."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return value
    most = 1 if value and len(json.dumps(value[0])) > LONG else 2
    return [shortened(item) for item in value[:most]]


def leaks(text: str) -> Iterator[str]:
    """Yield what has no place in an example."""
    for pattern in _LEAKS:
        yield from (found[0] for found in pattern.finditer(text))

"""Dates are written as their readers write them: nobody has to guess which number is the month."""

from datetime import datetime

import pytest
from django.utils import formats, translation

EVENING = datetime(2026, 4, 3, 18, 5)  # noqa: DTZ001 - how it is written, not when it is


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ["3 Apr 2026", "3 Apr 2026, 18:05", "3 April 2026, 18:05", "18:05"]),
        ("ru", ["03.04.2026", "03.04.2026 18:05", "3 апреля 2026 г. 18:05", "18:05"]),
    ],
)
def test_a_date_is_read_one_way(language, written):
    names = ("SHORT_DATE_FORMAT", "SHORT_DATETIME_FORMAT", "DATETIME_FORMAT", "TIME_FORMAT")
    with translation.override(language):
        assert [formats.date_format(EVENING, name) for name in names] == written

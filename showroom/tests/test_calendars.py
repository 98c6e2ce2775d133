"""Calendar files, read by a program that knows no time zone by its name: by their own VTIMEZONE alone."""

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from icalendar import Calendar

from showroom.models import Happening
from showroom.queries.calendars import happening_calendar

LONG = timedelta(hours=2)
CHANGES = [
    ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 3, 14, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2027, 11, 7, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 10, 2, 15, 30, tzinfo=UTC)),
    ("Europe/Dublin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
    ("America/Santiago", datetime(2027, 9, 5, 4, tzinfo=UTC)),
]


def build_file(start, zone="Europe/Moscow", **fields):
    happening = Happening(
        title="Open day; a, b", starts_at=start, ends_at=start + LONG, time_zone=zone, capacity=1,
        updated_at=datetime(2026, 1, 1, tzinfo=UTC), version=3, **fields,
    )  # fmt: skip
    return happening_calendar(happening)


def read(content, name):
    """A moment of the event, on the clock that the file itself describes."""
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    found = event[name]
    if "TZID" not in found.params:
        return found.dt
    zone = tzical(io.StringIO(content.decode())).get(found.params["TZID"])
    return found.dt.replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("minutes", range(-180, 181, 30))
def test_a_file_tells_its_moments_around_a_change_of_the_clocks(zone, change, minutes):
    start = change + timedelta(minutes=minutes)
    content = build_file(start, zone)
    assert [read(content, "DTSTART"), read(content, "DTEND")] == [start, start + LONG]


def test_the_clock_that_changes_is_the_one_before():
    content = build_file(datetime(2027, 3, 28, 12, tzinfo=UTC), "Europe/Berlin").decode()
    spring = content.split("BEGIN:DAYLIGHT")[-1].split("END:DAYLIGHT")[0]
    assert "DTSTART:20270328T020000" in spring
    assert "TZOFFSETFROM:+0100" in spring
    assert "TZOFFSETTO:+0200" in spring


def test_a_file_is_formed_as_the_standard_asks():
    start = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    content = build_file(start, location="Зал с очень длинным названием, " * 4, description="Первая строка\nвторая")
    assert content.count(b"\r\n") == content.count(b"\n")
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
    assert b"DTSTART;TZID=Europe/Moscow:20270328T033000" in content
    assert b"SUMMARY:Open day\\; a\\, b" in content
    calendar = Calendar.from_ical(content)
    (event,) = calendar.walk("VEVENT")
    assert {"PRODID", "VERSION"} <= set(calendar.keys())
    assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS"} <= set(event.keys())
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["Europe/Moscow"]


def test_in_utc_no_clock_needs_describing():
    content = build_file(datetime(2027, 3, 28, 12, tzinfo=UTC), "UTC")
    assert b"DTSTART:20270328T120000Z" in content
    assert b"VTIMEZONE" not in content


def test_a_second_half_past_two_is_told_in_utc():
    second = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    assert second.astimezone(ZoneInfo("Europe/Berlin")).fold == 1
    assert b"DTSTART:20271031T013000Z" in build_file(second, "Europe/Berlin")

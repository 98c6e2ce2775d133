"""Numbers of papers: by kind and year, without gaps."""

from datetime import datetime

from core.clock import dealer_day
from core.db import fetch

_COUNT = """INSERT INTO orders_documentcounter AS c (kind, year, last_number) VALUES (%s, %s, 1)
            ON CONFLICT (kind, year) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number"""


def take_number(kind: str, prefix: str, now: datetime) -> str:
    """Take the kind's next number of the year: no gaps, since its row is locked until the paper commits."""
    year = dealer_day(now).year
    ((number,),) = fetch("orders", _COUNT, [kind, year])
    return f"{prefix}-{year}-{number:06d}"

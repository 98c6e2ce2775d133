"""Numbers of papers, by kind and year and without gaps, and the papers that are frozen under them."""

import hashlib
from datetime import datetime

from core.clock import dealer_day
from core.db import fetch
from core.secrecy.sealing import seal
from orders.models import IssuedDocument
from orders.services.history import Actor, record_edit
from orders.services.saga import Saga

_COUNT = """INSERT INTO orders_documentcounter AS c (kind, year, last_number) VALUES (%s, %s, 1)
            ON CONFLICT (kind, year) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number"""


def take_number(kind: str, prefix: str, now: datetime) -> str:
    """Take the kind's next number of the year: no gaps, since its row is locked until the paper commits."""
    year = dealer_day(now).year
    ((number,),) = fetch("orders", _COUNT, [kind, year])
    return f"{prefix}-{year}-{number:06d}"


def freeze_paper(saga: Saga, paper: IssuedDocument, pdf: bytes, actor: Actor) -> IssuedDocument:
    """Keep a paper that has its number and text: its PDF sealed, the hashes of both, and a line of the order's history.

    The caller holds the order's lock and the transaction that the number was taken in.
    """
    paper.order_id, paper.order_version = saga.order.id, saga.order.version
    paper.content, paper.sha256 = seal(pdf), hashlib.sha256(pdf).hexdigest()
    paper.text_sha256 = hashlib.sha256(paper.text.encode()).hexdigest()
    paper.issued_by, paper.issued_at = actor.id, saga.now
    paper.save(force_insert=True)
    told = {"kind": paper.kind, "number": paper.number}
    record_edit(saga, "document.issued", actor=actor, now=saga.now, data=told)
    saga.write_timeline()
    return paper

"""Role × endpoint × ownership: every cell of every row is executed; tests/test_docs.py sees that no row is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from clients.services import UserProfile, follow_user
from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api, token_for
from gateway.approvals.reading import served
from messaging.delivery import wakeups
from tests.permissions import objects, table
from tests.permissions.table import YES, Row

ROLES = {"another client": ["client"], "owner": ["client"], "manager": ["manager"], "admin": ["admin"]}
HOMES = {
    "Accounting": "payments",
    "Approvals": "payments",
    "Audit": "accounts",
    "Catalogue": "catalog",
    "Webhooks to partners": "notifications",
}
ALSO = {"/users/{}": served()} | {row.path: served() for row in table.rows() if row.part in ("Accounting", "Approvals")}
ALSO["/audit"] = settings.APPS
ALSO["/orders/{}/handover-slots"] = ALSO["/orders/{}/handover-appointment"] = ("resources",)
ALSO |= {
    row.path: ("accounts", "catalog")
    for row in table.rows()
    if row.path.startswith(("/documents", "/orders/{}/buyer-papers", "/orders/{}/documents", "/orders/{}/registration"))
}
"""Databases besides an endpoint's own that it reads."""
BODIES = {
    ("PATCH", "/orders/{}/items/{}"): {"quantity": 2},
    ("PATCH", "/orders/{}"): {"comment": "call first"},
    ("PATCH", "/cart/items/{}"): {"quantity": 1},
    ("POST", "/financing/loans/{}/payments"): {"amount": "1000.00", "method": "card", "token": "tok_success"},
    ("POST", "/financing/loans/{}/early-repayment"): {
        "amount": "1000.00", "date": dealer_day(timezone.now()).isoformat(), "strategy": "reduce_term", "preview": True,
    },
    ("POST", "/orders/{}/messages"): {"text": "When is it ready?"},
    ("POST", "/orders/{}/messages/read"): {"until": 1},
    ("POST", "/orders/{}/handover-appointment"): {"start_time": "2031-07-01T10:00:00Z"},
    ("PUT", "/orders/{}/status"): {"status": "in_progress"},
    ("POST", "/orders/{}/return"): {"reason": "too loud"},
    ("POST", "/orders/{}/documents"): {"kind": "consent"},
    ("PUT", "/orders/{}/buyer-papers"): {
        "full_name": "Анна Петрова", "birth_date": "1985-02-01", "passport": "4512345678", "issued_by": "ОВД",
        "issued_on": "2010-03-10", "address": "Москва", "phone": "+79001234567",
    },
    ("POST", "/events/{}/registrations/{}/pay"): {"method": "card", "token": "tok_success"},
    ("POST", "/insurance/policies/{}/autopay"): {"payment": None},
    ("POST", "/insurance/policies/{}/endorse"): {"changes": {"drivers": []}},
    ("POST", "/insurance/policies/{}/pay-instalment"): {"payment": {"method": "card", "token": "tok_success"}},
    ("POST", "/insurance/policies/{}/price-endorsement"): {"changes": {"drivers": []}},
    ("POST", "/insurance/quotes/{}/purchase"): {"payment": {"method": "card", "token": "tok_success"}},
}  # fmt: skip
"""Where an empty body would be refused before it is known whose the object is."""
UPLOADS = {
    "/financing/applications/{}/documents": {"kind": "passport"},
    "/insurance/claims/{}/documents": {"kind": "photo"},
}
"""Where a file is sent, here one that is none, and what is said of it."""


def home(row: Row) -> str:
    """The database of an endpoint: the only one it may touch."""
    return HOMES.get(row.part, row.part.lower())


@contextmanager
def undone(row: Row) -> Iterator[None]:
    """Let a cell change what it likes in its app's database: the next one finds everything as it was."""
    alias = home(row)
    with wakeups.muted(), transaction.atomic(using=alias):  # noqa: TID251 - outside the services' transactions
        yield
        transaction.set_rollback(True, using=alias)


def callers(row: Row) -> dict[str, Api]:
    """Five callers; in accounts they are users who exist."""
    made = {name: Api(*roles) for name, roles in ROLES.items()}
    if row.part == "Accounts":
        for name, api in made.items():
            email = f"{name.replace(' ', '-')}@example.com"
            User.objects.create(id=api.user_id, email=email, password="!", roles=ROLES[name])
    if row.path == "/clients/me":
        for name, api in made.items():
            profile: UserProfile = {"email": f"{name}@example.com", "full_name": name, "phone": "", "version": 1}
            follow_user(user_id=api.user_id, profile=profile, now=timezone.now())
    scope = f"{home(row)}:{'read' if row.method == 'GET' else 'write'}"
    scope = "accounts:read" if row.part == "Accounts" else scope
    keys = {"owner's key": ("owner", scope), "admin's key without the scope": ("admin", "nothing:read")}
    return {"anonymous": Api()} | made | {name: keyed(made[whose], whose, what) for name, (whose, what) in keys.items()}


def keyed(person: Api, role: str, scope: str) -> Api:
    """The same person by an API key: the token that accounts keeps behind it."""
    made = Api(user_id=person.user_id)
    made.headers = {"Authorization": f"Bearer {token_for(person.user_id, *ROLES[role], scope=scope)}"}
    return made


def ask(person: Api, row: Row, path: str) -> Any:
    """Send a request with a body that is let in, wherever it matters."""
    if row.method == "POST" and row.path in UPLOADS:
        form = UPLOADS[row.path] | {"file": SimpleUploadedFile("a.jpg", b"none")}
        return person.client.post(f"/api/v1{path}", form, headers=person.headers)
    body = None if row.method in ("GET", "DELETE") else BODIES.get((row.method, row.path), {})
    return person.request(row.method.lower(), path, body)


DEEPER = (
    "/financing/loans/{}/payments/{}/reverse",
    "/financing/loans/{}/payments/{}/confirm",
    "/financing/loans/{}/payments/{}/refuse",
    "/orders/{}/handover-appointment",
    "/orders/{}/handover-appointment/calendar",
    "/products/{}/images/{}",
    "/products/{}/scheduled-prices/{}",
    "/resources/{}/blackouts/{}",
)
"""Where nothing stands at the last id: staff are told so."""


def judge(row: Row, verdict: str, response: Any, ids: list[str]) -> bool:
    """Judge whether an answer is what the cell says."""
    if verdict == YES:
        refusals = (401, 403) if row.path in DEEPER else (401, 403, 404)
        is_let_in = response.status_code not in refusals and response.status_code < 500
        return is_let_in and (not row.word.endswith(" list") or ids[-1] in response.content.decode())
    if verdict == "theirs only":
        return response.status_code == 200 and ids[-1] not in response.content.decode()
    if verdict == "secret":
        return response.status_code in (400, 401) and response.json()["code"] != "not_authenticated"
    return bool(response.status_code == int(verdict))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            marks=pytest.mark.django_db(databases=[home(row), *ALSO.get(row.path, ())]),
            id=f"{row.method} {row.path}",
        )
        for row in table.rows()
    ],
)
def test_every_cell_is_as_the_table_says(row, settings):
    settings.RATE_LIMITS_ON = False
    people = callers(row)
    ids = objects.ids_for(row.path, people["owner"].user_id)
    if ids is None:
        assert "{}" not in row.path or row.word not in ("own", "mine"), "tests/permissions/objects.py cannot make one"
        ids = [str(uuid7()) for _ in range(row.path.count("{}"))]
    path = row.path
    for one in ids:
        path = path.replace("{}", one, 1)
    for name, verdict in row.cells().items():
        with undone(row):
            response = ask(people[name], row, path)
        said = b"" if response.streaming else response.content[:300]
        told = f"{row.method} {path} as {name}: {response.status_code} {said!r}, not {verdict}"
        assert judge(row, verdict, response, ids), told

"""Count how far a reader walks to follow `POST /orders` from the server's door to its answer, file by file."""

import io
import json
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings

from config.wsgi import application
from core.ids import uuid7
from core.testing import token_for
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders"])

ROOT = str(settings.BASE_DIR)
MOST_FILES = 48
"""Reached; the goal is 22. Whoever shortens the way lowers it."""


TESTS = ("/tests/", "/core/testing.py")
"""Where tests and what stands in for things in them are: no server runs those."""


def own_file(filename):
    return filename.startswith(ROOT) and "/.venv/" not in filename and not any(place in filename for place in TESTS)


class Walk:
    """Every file of the product whose functions ran, in the order of first sight, and the moves between them."""

    def __init__(self):
        self.files = []
        self.functions = set()
        self.moves = 0
        self._at = None

    def __call__(self, frame, event, argument):
        name = frame.f_code.co_filename
        if event == "call" and own_file(name):
            if name not in self.files:
                self.files.append(name)
            self.functions.add((name, frame.f_code.co_qualname))
            self.moves += name != self._at
            self._at = name


def place(product, token):
    """POST an order through the server's own way in; return its status."""
    body = json.dumps({"items": [{"product_id": str(product), "quantity": 1}]}).encode()
    seen = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/orders",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "198.18.0.7",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "testserver",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "HTTP_IDEMPOTENCY_KEY": str(uuid4()),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    application(environ, lambda status, headers: seen.append(status))
    return seen[0]


def test_placing_an_order_is_a_short_walk():
    product = make.product(available=5)
    tokens = [token_for(uuid7()), token_for(uuid7())]
    assert place(product, tokens[0]) == "201 Created"  # the first one also loads what is loaded on first use
    walk = Walk()
    before = sys.getprofile()
    sys.setprofile(walk)
    try:
        status = place(product, tokens[1])
    finally:
        sys.setprofile(before)
    assert status == "201 Created"
    names = [str(Path(file).relative_to(ROOT)) for file in walk.files]
    print(f"POST /orders: {len(names)} files, {len(walk.functions)} functions, {walk.moves} moves between files")
    assert {"gateway/fast_path.py", "orders/services/placing.py", "messaging/outbox.py"} <= set(names)
    assert len(names) <= MOST_FILES, "\n".join(names)

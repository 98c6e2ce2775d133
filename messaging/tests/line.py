"""Two machines in one process: what one asks goes through the other's door."""

from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx2
from django.test import RequestFactory

from core.db import is_any_open
from messaging.peering import door, peers


class Line:
    """The network between two machines: hands a request to the other's door, unless it is cut or somebody meddles."""

    def __init__(self):
        self.requests, self.meddle, self.is_cut = [], lambda response: response, False

    def post(self, url, content, headers):
        assert not is_any_open(), "a question went out while a transaction was open"
        if self.is_cut:
            raise httpx2.ConnectError("nobody there")
        self.requests.append((url, content, headers))
        return self.meddle(deliver(urlsplit(url).path, content, headers))


def deliver(path, content, headers, method="post"):
    request = getattr(RequestFactory(), method)(
        path, data=content, content_type="application/json", headers=dict(headers)
    )
    kind, name = path.removeprefix(peers.ROOT).split("/")
    answer = door.serve(request, kind, name)
    return SimpleNamespace(status_code=answer.status_code, headers=answer.headers, read=lambda: answer.content)

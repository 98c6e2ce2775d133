"""Read what an action honours from its code: its own methods, its module's functions and its decorators."""

from functools import wraps

from core.errors import DomainError
from gateway.api import ApiViewSet
from gateway.document.reach import collect_promises
from gateway.requests.etags import not_modified
from gateway.requests.idempotency import run_once


class NoLongerKept(DomainError):
    status = 410


def _save(call):
    return call.expected_version


_save.__module__ = "gateway.example"


def kept(action):
    @wraps(action)
    def method(self, request):
        request.headers.get("If-None-Match")
        return action(self, request)

    return method


class View(ApiViewSet):
    def create(self, request):
        return run_once(request, None, alias="", route="", action=self._create)

    def _create(self):
        return None

    def change(self, call):
        return self._changed(call)

    def _changed(self, call):
        return _save(call)

    @kept
    def show(self, request):
        raise NoLongerKept

    def feed(self, request):
        return not_modified(request, 1)

    def send(self, request):
        return {"Content-Disposition": "attachment"}

    def plain(self, request):
        """If-Match stands in this text alone, and is not read."""
        return None


def test_each_promise_is_found():
    for name in ("create", "change", "show", "feed", "send", "plain", "_create", "_changed"):
        getattr(View, name).__module__ = "gateway.example"
    names = ("create", "change", "feed", "send", "plain")
    found = {name: collect_promises(View, getattr(View, name)) for name in names}
    assert found == {
        "create": {"Idempotency-Key"},
        "change": {"If-Match"},
        "feed": {"If-None-Match"},
        "send": {"Content-Disposition"},
        "plain": set(),
    }
    assert collect_promises(View, View.show) == {"If-None-Match", "410"}

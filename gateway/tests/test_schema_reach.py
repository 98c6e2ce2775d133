"""Read what an action honours from its code: its own methods, its module's functions and its decorators."""

from functools import wraps

from core.errors import DomainError
from gateway.api import ApiViewSet
from gateway.document.reach import promises_of
from gateway.requests.etags import not_modified, require_match


class NoLongerKept(DomainError):
    status = 410


def _check(request, version):
    require_match(request, version)


_check.__module__ = "gateway.example"


def kept(action):
    @wraps(action)
    def method(self, request):
        request.headers.get("If-None-Match")
        return action(self, request)

    return method


class View(ApiViewSet):
    def create(self, request):
        return self.once("things", self._create)

    def _create(self):
        return None

    def change(self, request):
        return self._save(lambda version: _check(request, version))

    def _save(self, check):
        return check(1)

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
    for name in ("create", "change", "show", "feed", "send", "plain", "_create", "_save"):
        getattr(View, name).__module__ = "gateway.example"
    found = {name: promises_of(View, getattr(View, name)) for name in ("create", "change", "feed", "send", "plain")}
    assert found == {
        "create": {"Idempotency-Key"},
        "change": {"If-Match"},
        "feed": {"If-None-Match"},
        "send": {"Content-Disposition"},
        "plain": set(),
    }
    assert promises_of(View, View.show) == {"If-None-Match", "410"}

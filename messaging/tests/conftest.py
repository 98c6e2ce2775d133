"""Share what tests of peers need."""

import pytest

from config.databases import APPS
from messaging.peering import peers
from messaging.tests.line import Line

SECRET = "s" * 32


@pytest.fixture
def line(settings, monkeypatch):
    """The same process on both ends; to whoever asks, no app is here."""
    settings.PEERS = dict.fromkeys(APPS, "http://peer:8000")
    settings.PEER_SECRETS = [SECRET]
    running = Line()
    monkeypatch.setattr(peers, "_client", lambda: running)
    monkeypatch.setattr(peers, "is_here", lambda app: False)
    return running

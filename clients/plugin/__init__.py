"""Name all that clients plugs into the house."""

from clients import events, handlers, public
from clients.plugin import copies, personal
from clients.plugin.histories import AUDIT
from core.plugins import Plugin

PLUGIN = Plugin(
    declares=(copies, events, handlers, personal, public),
    audit=AUDIT,
    tags={
        "clients": "The cards of clients: contacts, consents, cars, what happened with them.",
        "leads": "People who may become buyers, and how far they are.",
    },
)

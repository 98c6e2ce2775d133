"""Name all that clients plugs into the house."""

from clients import events, handlers
from clients.plugin import personal
from core.plugins import Plugin

PLUGIN = Plugin(
    declares=(events, handlers, personal),
)

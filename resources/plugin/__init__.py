"""Name all that resources plugs into the house."""

from core.plugins import Plugin
from resources import commands, events, handlers, public
from resources.plugin import demo, personal

PLUGIN = Plugin(
    declares=(commands, events, handlers, personal, public),
    demo=demo.create_demo,
)

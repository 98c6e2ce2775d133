"""Name all that catalog plugs into the house."""

from catalog import approvals, commands, events, handlers, operations, public
from catalog.plugin import demo, personal
from catalog.queries.cache import connect_signals
from core.plugins import Plugin

PLUGIN = Plugin(
    declares=(approvals, commands, events, handlers, operations, personal, public),
    connect=(connect_signals,),
    demo=demo.create_demo,
)

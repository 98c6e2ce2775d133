"""Name all that showroom plugs into the house."""

from core.plugins import Plugin
from showroom import approvals, events, handlers, public
from showroom.plugin import demo, personal

PLUGIN = Plugin(
    declares=(approvals, events, handlers, personal, public),
    demo=demo.create_demo,
)

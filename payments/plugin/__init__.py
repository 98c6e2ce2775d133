"""Name all that payments plugs into the house."""

from core.plugins import Plugin
from payments import approvals, commands, events, handlers, operations, public
from payments.plugin import personal

PLUGIN = Plugin(
    declares=(approvals, commands, events, handlers, operations, personal, public),
)

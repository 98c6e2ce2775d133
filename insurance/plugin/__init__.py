"""Name all that insurance plugs into the house."""

from core.plugins import Plugin
from insurance import approvals, commands, events, handlers, operations, public
from insurance.plugin import copies, demo, personal
from insurance.plugin.histories import AUDIT

PLUGIN = Plugin(
    declares=(approvals, commands, copies, events, handlers, operations, personal, public),
    audit=AUDIT,
    demo=demo.create_demo,
    tags={
        "insurance": "Quotes, policies and claims.",
    },
)

"""Name all that financing plugs into the house."""

from core.plugins import Plugin
from financing import approvals, commands, events, handlers, operations, public
from financing.plugin import demo, personal
from financing.plugin.histories import AUDIT
from financing.rules.switches import APPLICATIONS

PLUGIN = Plugin(
    declares=(approvals, commands, events, handlers, operations, personal, public),
    audit=AUDIT,
    switches=(APPLICATIONS,),
    demo=demo.create_demo,
    tags={
        "financing": "Loans and leasing: calculations, applications, banks' offers, payments.",
    },
)

"""Name all that accounts plugs into the house."""

from accounts import events, handlers, operations, public
from accounts.plugin import copies, demo, personal
from accounts.plugin.histories import AUDIT
from accounts.queries.letters import write_samples
from core.plugins import Plugin

PLUGIN = Plugin(
    declares=(copies, events, handlers, operations, personal, public),
    audit=AUDIT,
    demo=demo.create_demo,
    letters=write_samples,
    tags={
        "auth": "Signing in and out, tokens, sessions, two-factor, API keys.",
        "users": "Accounts of people.",
    },
)

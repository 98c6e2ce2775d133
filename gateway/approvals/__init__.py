"""A second pair of eyes, once for all: every action by which a person gives value away is declared and asks here.

An app declares its kinds in `<app>/approvals.py`. A service asks by `admit` (or `hold_back`) under its locks, before it
changes anything. What the person may not do alone waits as a row in the app's own database, and the decision commits
together with the action's effect.
"""

from gateway.approvals.asking import Ask, Waits, admit, hold_back, is_within, refuse_own, waits_for
from gateway.approvals.deciding import approve, approve_waiting, expire_due, reject, supersede, withdraw
from gateway.approvals.kinds import ALWAYS, NEVER, Kind, Rule, declare, kind_named, kinds, rule, rules
from gateway.approvals.permits import Undeclared, is_let, let, require_permit
from gateway.approvals.persons import follow_cards, forget_card, is_own, join_cards, know_card

__all__ = [
    "ALWAYS",
    "NEVER",
    "Ask",
    "Kind",
    "Rule",
    "Undeclared",
    "Waits",
    "admit",
    "approve",
    "approve_waiting",
    "declare",
    "expire_due",
    "follow_cards",
    "forget_card",
    "hold_back",
    "is_let",
    "is_own",
    "is_within",
    "join_cards",
    "kind_named",
    "kinds",
    "know_card",
    "let",
    "refuse_own",
    "reject",
    "require_permit",
    "rule",
    "rules",
    "supersede",
    "waits_for",
    "withdraw",
]

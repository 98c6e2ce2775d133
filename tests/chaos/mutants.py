"""Runs a role with one sabotage in it: `python -m tests.chaos.mutants <mutant> <the role's own command line>`.

The product knows nothing of these. Each breaks one promise of messaging, and a scenario must notice.
"""

import os
import runpy
import sys
from collections.abc import Callable
from datetime import timedelta

import django


def done_mark_apart() -> None:
    """The effect commits first and the mark that it is done after it, in a transaction of its own."""
    from core.running import failpoints
    from messaging.delivery import dispatcher

    effect, execute = dispatcher._Shard._effect, dispatcher._Shard.execute

    def execute_later(self, sql, parameters):
        if sql is not dispatcher._CLAIM:
            return execute(self, sql, parameters)
        self.mark = parameters
        return [(len(parameters[0]), None)]

    def effect_then_mark(self, rows, next_rn):
        effect(self, rows, next_rn)
        failpoints.reach("mutant.between", self.subscription.name)
        execute(self, dispatcher._CLAIM, self.mark)

    dispatcher._Shard.execute, dispatcher._Shard._effect = execute_later, effect_then_mark


def mark_first() -> None:
    """The mark commits first and the effect after it."""
    from django.db import connections

    from core.running import failpoints
    from messaging.delivery import dispatcher

    execute = dispatcher._Shard.execute

    def execute_and_commit(self, sql, parameters):
        found = execute(self, sql, parameters)
        if sql is dispatcher._CLAIM:
            connections[self.alias].connection.commit()
            failpoints.reach("mutant.between", self.subscription.name)
        return found

    dispatcher._Shard.execute = execute_and_commit


def no_sweep() -> None:
    """Nobody looks for deliveries whose wake-up was lost."""
    from messaging.delivery import sweep

    sweep.pending_shards = lambda alias: set()


def no_dedup() -> None:
    """A delivery that is copied again is a new delivery."""
    from messaging.transport import relay

    relay._DELIVER = relay._DELIVER.replace("SELECT t.event_id,", "SELECT gen_random_uuid(),")


def cursor_first() -> None:
    """The cursor moves in a transaction of its own, before the copies are written."""
    from core.running import failpoints
    from messaging.transport import relay

    hand_over = relay._hand_over

    def move_then_deliver(source, alias, behind, deliveries, reached):
        moved = hand_over(source, alias, behind, [], reached)
        if deliveries:
            failpoints.reach("mutant.between", alias)
        return hand_over(source, alias, {name: behind[name].moved_to(reached) for name in moved}, deliveries, reached)

    relay._hand_over = move_then_deliver


def no_repeat_check() -> None:
    """A repeated charge gets a fresh key: nobody asks whether the first one arrived."""
    from core.ids import uuid7
    from payments.providers.sandbox import SandboxProvider

    charge = SandboxProvider.charge
    SandboxProvider.find_charge = lambda self, key, request: None  # type: ignore[method-assign]
    SandboxProvider.charge = (  # type: ignore[method-assign]
        lambda self, key, request: charge(self, f"{key}:{uuid7()}", request)
    )


def clock_ahead() -> None:
    """This process lives in the future."""
    _shift(timedelta(minutes=5))


def clock_behind() -> None:
    """This process lives in the past."""
    _shift(timedelta(minutes=-5))


def _shift(by: timedelta) -> None:
    from django.utils import timezone

    real = timezone.now
    timezone.now = lambda: real() + by


MUTANTS: dict[str, Callable[[], None]] = {
    made.__name__: made
    for made in (
        done_mark_apart, mark_first, no_sweep, no_dedup, cursor_first, no_repeat_check, clock_ahead, clock_behind,
    )
}  # fmt: skip


def main() -> None:
    _, mutant, *command = sys.argv
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    MUTANTS[mutant]()
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=False)
    else:
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()

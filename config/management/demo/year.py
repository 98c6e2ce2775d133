"""Tell a year of the dealership, moment after moment: stories that go on at the same moment go on together."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from random import Random

import structlog

from accounts.models import Role
from catalog.plugin.demo import describe_cars
from config.management.demo.delivering import deliver_all
from config.management.demo.people import find_colleague, imagine, known_emails
from config.management.demo.stories import Stage, Steps, Story, play, run_nightly_jobs
from core.clock import ToldClock, telling
from core.errors import DomainError

SIZES = {"small": 30, "large": 400}
"""How many clients' stories each size tells."""
PLOTS = (
    *("completed", "sold", "sold", "insured", "insured", "claim", "loan", "loan", "overdue", "returned", "returning"),
    *("cancelled", "waiting", "trade_in", "ready", "in_progress", "lead", "lead", "guest", "drive"),
)
"""How stories go, as often as they stand here; `waiting`, `ready` and the like are where one stops."""
LATE = {"completed", "waiting", "trade_in", "ready", "in_progress", "returning", "guest", "drive"}
"""Plots that are still open: they happen in the last days."""
UNDECIDED = {"waiting", "trade_in"}
"""Plots whose car is held for three days still when the product starts."""
SEED = 2026
log = structlog.get_logger(__name__)


def plan(size: str, now: datetime) -> list[tuple[datetime, Story]]:
    """Plan who comes when, and what becomes of it; the same seed plans the same people and cars."""
    dice = Random(SEED)
    number = SIZES[size]
    cars = describe_cars(dice, number)
    begins = now.replace(hour=7, minute=0, second=0, microsecond=0) - timedelta(days=364)
    planned = []
    for index in range(number):
        plot = PLOTS[index % len(PLOTS)]
        day = dice.randint(352, 360) if plot in LATE else dice.randint(1, 330)
        if plot in UNDECIDED:
            day = 361
        if plot in ("loan", "overdue"):
            day = dice.randint(_day_of_year(now), max(_day_of_year(now), 330))
        person, own = imagine(dice, index + 1), Random(dice.random())
        planned.append((begins + timedelta(days=day), Story(person, cars[index], plot, own)))
    return sorted(planned, key=lambda each: (each[0], each[1].person.email))


def _day_of_year(now: datetime) -> int:
    """Return the first day of this plan that lies in this year: loan programmes open with it."""
    return 366 - now.timetuple().tm_yday


def play_year(size: str, now: datetime, progress: Callable[[int, int], None]) -> Counter[str]:
    """Tell what is not told yet, and count the stories by their plots, or as `refused` where the business said no."""
    known = known_emails()
    planned = [each for each in plan(size, now) if each[1].person.email not in known]
    told = Counter[str]()
    if not planned:
        return told
    with telling(ToldClock(planned[0][0] - timedelta(days=1))) as clock:
        stage = Stage(
            clock,
            now,
            find_colleague("Марина Залесская", Role.MANAGER, now=clock.moment),
            find_colleague("Олег Северцев", Role.ADMIN, now=clock.moment),
        )
        deliver_all()
        for done in _run(planned, stage, told):
            progress(done, len(planned))
    return told


def _run(planned: list[tuple[datetime, Story]], stage: Stage, told: Counter[str]) -> Iterator[int]:
    """Go from moment to moment; yields how many stories are over."""
    order = count()
    waiting: list[tuple[datetime, int, str, Steps]] = [
        (moment, next(order), story.plot, play(story, stage)) for moment, story in planned
    ]
    heapq.heappush(waiting, (stage.now, next(order), "", run_nightly_jobs(stage)))
    heapq.heapify(waiting)
    while waiting and waiting[0][0] < stage.end:
        moment = stage.clock.moment = waiting[0][0]
        while waiting and waiting[0][0] == moment:
            _moment, _number, plot, steps = heapq.heappop(waiting)
            pause = _go_on(steps, plot, told)
            if pause is not None:
                heapq.heappush(waiting, (moment + pause, next(order), plot, steps))
        deliver_all()
        yield told.total()
    for _moment, _number, plot, _steps in waiting:
        told[plot or "books"] += 1


def _go_on(steps: Steps, plot: str, told: Counter[str]) -> timedelta | None:
    try:
        return next(steps)
    except StopIteration:
        told[plot or "books"] += 1
    except DomainError as error:
        log.warning("demo_story_refused", plot=plot, code=error.code, detail=str(error.detail))
        told["refused"] += 1
    return None

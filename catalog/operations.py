"""Slow work of the catalogue beside its requests: photos from other hosts, and renditions of pictures."""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from threading import get_native_id

import structlog
from django.utils import timezone

from catalog import services
from catalog.providers import photos
from messaging.delivery.work_queues import WorkQueue, work_queue

Wanted = services.Wanted
Record = Callable[[Wanted], None]
BEHIND_OTHERS = 10
"""How nice the thread is that makes renditions: whoever answers visitors goes first."""
log = structlog.get_logger(__name__)


@work_queue
class FetchPhotos(WorkQueue):
    """Fetch what waits, from several hosts at once and from each of them one after the other, at its pace.

    Threads only talk to the hosts. Rows are claimed and recorded, and pictures made smaller one at a time, by the
    worker itself. A turn lasts half a minute.
    """

    name = services.FETCH_PHOTOS
    threads = 6
    turn_s = 30.0
    poll_s = 0.25

    def is_due(self) -> bool:
        """Tell whether a photo may be fetched now."""
        return services.is_photo_due(now=timezone.now())

    def run(self) -> bool:
        """Fetch until nothing is due, or others should have their turn."""
        started, count = time.monotonic(), 0
        under_way: dict[Future[Record], Wanted] = {}
        with ThreadPoolExecutor(self.threads, "photos") as pool:
            while True:
                for wanted in self._claim(time.monotonic() - started, under_way):
                    under_way[pool.submit(_fetch, wanted.address)] = wanted
                if not under_way:
                    return count > 0
                for future in wait(under_way, self.poll_s, FIRST_COMPLETED).done:
                    future.result()(under_way.pop(future))
                    count += 1

    def _claim(self, elapsed: float, under_way: dict[Future[Record], Wanted]) -> list[Wanted]:
        if elapsed > self.turn_s:
            return []
        busy = {wanted.host for wanted in under_way.values()}
        return services.claim_photos(limit=self.threads - len(under_way), busy=busy, now=timezone.now())


@work_queue
class RenderPictures(WorkQueue):
    """Make the renditions of pictures, one picture after the other, by a thread that lets all others go first."""

    name = services.RENDER_PICTURES
    turn_s = 30.0

    def is_due(self) -> bool:
        """Tell whether renditions may be made now."""
        return services.is_rendering_due(now=timezone.now())

    def run(self) -> bool:
        """Make renditions until nothing is due, or others should have their turn."""
        started, count = time.monotonic(), 0
        with ThreadPoolExecutor(1, "renditions", initializer=_step_back) as pool:
            while time.monotonic() - started < self.turn_s and render_next(pool):
                count += 1
        return count > 0


def render_next(pool: Executor) -> bool:
    """Make the renditions of the picture that waits longest; return whether one did."""
    image = services.claim_rendering(now=timezone.now())
    if image is None:
        return False
    try:
        made = pool.submit(services.make_renditions, image).result()
    except (OSError, SyntaxError, ValueError) as error:  # tried again once its lease is over
        log.warning("picture_not_rendered", image_id=str(image.pk), error=repr(error))
    else:
        services.store_renditions(image=image, made=made)
    return True


def _step_back() -> None:
    """Be the last to be given a core; Linux counts each thread for itself."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), BEHIND_OTHERS)


def _fetch(address: str) -> Record:
    """Talk to the host; return how what came of it is recorded."""
    try:
        data = photos.fetch(address)
    except photos.NoPhoto as error:
        refusal = str(error)
        return lambda wanted: services.refuse_photo(wanted=wanted, error=refusal, now=timezone.now())
    except photos.PhotoAway as error:
        return _later(str(error), error.wait_s)
    except Exception as error:
        log.exception("photo_failed", address=address)
        return _later(repr(error), None)
    return lambda wanted: services.store_photo(wanted=wanted, data=data, now=timezone.now())


def _later(reason: str, wait_s: float | None) -> Record:
    return lambda wanted: services.postpone_photo(wanted=wanted, error=reason, wait_s=wait_s, now=timezone.now())

"""Charges that wait for Purser."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from typing import Callable

from ..errors import PurserError, PurserUnavailableError

#: A charge to make, which may be tried many times. Raises PurserError.
Job = Callable[[], None]

_PAUSE_S_FIRST = 0.2
_PAUSE_S_MAX = 5.0
# How long the end of a program waits for Purser.
_AT_EXIT_S = 5.0


class ChargeQueue:
    """Makes charges, and keeps those that cannot be made because Purser is away. For any number of threads.

    `on_lost` is told of a charge that Purser refused, and which is not tried again.
    """

    def __init__(self, waiting_max: int, on_lost: Callable[[Exception], None]) -> None:
        self._waiting_max = waiting_max
        self._on_lost = on_lost
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._under_way = 0
        self._draining = threading.Lock()
        self._worker: threading.Thread | None = None
        self._stopped = threading.Event()
        self._at_exit = _flush_at_exit(self)

    @property
    def is_full(self) -> bool:
        """Whether as many charges wait as may. Those of calls under way are taken all the same."""
        return len(self._waiting) >= self._waiting_max

    def run(self, job: Job) -> None:
        """Tries a charge once, and keeps it where Purser is away. Raises nothing."""
        # Where others wait, Purser is away, and nobody need find that out again.
        if self._waiting:
            self.keep(job)
            return
        with self._changed:
            self._under_way += 1
        try:
            if not self._attempt(job):
                self.keep(job)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def keep(self, job: Job) -> None:
        """Leaves a charge to the thread in the background. Raises nothing."""
        with self._changed:
            self._waiting.append(job)
            if self._worker is not None or self._stopped.is_set():
                return
            worker = threading.Thread(target=self._work, name="purser-charges", daemon=True)
            try:
                worker.start()
            except RuntimeError:
                # The interpreter ends, and starts no threads: what waits is tried once more then.
                return
            self._worker = worker

    def flush(self, timeout: float | None = None) -> None:
        """Waits for what is under way, and tries what waits.

        Raises PurserUnavailableError where charges still wait, or are under way after `timeout` seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, timeout)
        self._drain()
        left = len(self._waiting) + self._under_way
        if left:
            raise PurserUnavailableError(f"charges that wait for Purser, which cannot be reached: {left}")

    def stop(self) -> None:
        """Ends the tries in the background."""
        self._stopped.set()
        atexit.unregister(self._at_exit)

    def _work(self) -> None:
        pause_s = 0.0
        while not self._stopped.wait(pause_s):
            self._drain()
            with self._changed:
                if not self._waiting:
                    self._worker = None
                    return
            pause_s = min(max(pause_s * 2, _PAUSE_S_FIRST), _PAUSE_S_MAX)

    def _drain(self) -> None:
        """In the order in which they came, until one cannot be made."""
        with self._draining:
            while self._waiting and self._attempt(self._waiting[0]):
                self._waiting.popleft()

    def _attempt(self, job: Job) -> bool:
        """Whether Purser took the charge, or refused it for good."""
        try:
            job()
        except PurserUnavailableError:
            return False
        except (PurserError, ValueError) as error:
            self._on_lost(error)
        return True


def _flush_at_exit(queue: ChargeQueue) -> Callable[[], None]:
    """Gives what waits a last chance when the program ends; a queue that nobody has any more is not kept for it."""
    reference = weakref.ref(queue)

    def flush() -> None:
        live = reference()
        end = time.monotonic() + _AT_EXIT_S
        while live is not None and live._waiting and time.monotonic() < end:
            live._drain()
            time.sleep(_PAUSE_S_FIRST if live._waiting else 0)
        if live is not None and live._waiting:
            live._on_lost(
                PurserUnavailableError(
                    f"the program ended, and charges still waited for Purser: {len(live._waiting)}"
                )
            )

    return atexit.register(flush)

"""A queue of charges that wait for Purser."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections import deque
from typing import Callable

from ..errors import PurserError, PurserUnavailableError, RateExceededError

#: Makes one charge. It may be called many times. Raises PurserError.
Job = Callable[[], None]

_PAUSE_S_FIRST = 0.2
_PAUSE_S_MAX = 5.0
# How often a flush retries above a limit of the key without any progress.
_FLUSHES_IN_VAIN_MAX = 10
# How long a program that ends waits for Purser.
_AT_EXIT_S = 5.0


class ChargeQueue:
    """Makes charges, and keeps those that fail because Purser is unavailable or a limit of the key is reached.

    It is safe to use from several threads. `on_lost` is called with the error of a charge that Purser refused. Such a charge
    is not retried. A refused key is final too: a revoked or expired key never works again, and the client keeps its key.
    """

    def __init__(self, waiting_max: int, on_lost: Callable[[Exception], None]) -> None:
        self._waiting_max = waiting_max
        self._on_lost = on_lost
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._under_way = 0
        #: How long Purser asked to wait when it last failed a charge, and whether a limit of the key was the cause.
        self._asked_s = 0.0
        self._limited = False
        self._draining = threading.Lock()
        self._worker: threading.Thread | None = None
        self._stopped = threading.Event()
        self._at_exit = _flush_at_exit(self)

    @property
    def is_full(self) -> bool:
        """Whether the maximum number of charges is waiting. Charges of calls in progress are accepted even so."""
        return len(self._waiting) >= self._waiting_max

    def run(self, job: Job) -> None:
        """Tries a charge once, and keeps it if a retry may succeed. Raises nothing."""
        # If other charges wait, Purser is unavailable, so this one waits too.
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
        """Leaves a charge to the background thread. Raises nothing."""
        with self._changed:
            self._waiting.append(job)
            if self._worker is not None or self._stopped.is_set():
                return
            worker = threading.Thread(target=self._work, name="purser-charges", daemon=True)
            try:
                worker.start()
            except RuntimeError:
                # The interpreter is ending and starts no threads. The flush at exit tries the waiting charges once more.
                return
            self._worker = worker

    def flush(self, timeout: float | None = None) -> None:
        """Waits for the charges in progress and retries the waiting ones; above a limit of the key, while that helps.

        Raises PurserUnavailableError if charges still wait, or are still in progress after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, timeout)
        self._drain()
        in_vain = 0
        while self._waiting and self._limited and in_vain < _FLUSHES_IN_VAIN_MAX:
            before, pause_s = len(self._waiting), max(_PAUSE_S_FIRST, self._asked_s)
            if deadline is not None and time.monotonic() + pause_s > deadline:
                break
            time.sleep(pause_s)
            self._drain()
            in_vain = 0 if len(self._waiting) < before else in_vain + 1
        left = len(self._waiting) + self._under_way
        if left:
            why = ": a limit of the key is reached" if self._limited else ", which cannot be reached"
            raise PurserUnavailableError(f"{left} charges are waiting for Purser{why}")

    def stop(self) -> None:
        """Stops the retries in the background."""
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
            pause_s = max(min(max(pause_s * 2, _PAUSE_S_FIRST), _PAUSE_S_MAX), self._asked_s)

    def _drain(self) -> None:
        """Makes the waiting charges in order, until one fails because Purser is unavailable."""
        with self._draining:
            while self._waiting and self._attempt(self._waiting[0]):
                self._waiting.popleft()

    def _attempt(self, job: Job) -> bool:
        """Returns whether the charge is finished: Purser accepted it, or refused it permanently."""
        try:
            job()
        except (PurserUnavailableError, RateExceededError) as error:
            self._asked_s, self._limited = error.retry_after_s, isinstance(error, RateExceededError)
            return False
        except (PurserError, ValueError) as error:
            self._on_lost(error)
        return True


def _flush_at_exit(queue: ChargeQueue) -> Callable[[], None]:
    """Retries the waiting charges when the program ends. The weak reference lets an unused queue be collected."""
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
                    f"the program ended while {len(live._waiting)} charges were waiting for Purser"
                )
            )

    return atexit.register(flush)

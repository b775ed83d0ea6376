"""The queue of charges, with charges that a test lets through."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from purser import PurserUnavailableError
from purser.transport.queue import ChargeQueue


class Charges:
    """Charges that note that they were made, and fail while Purser `is_away`."""

    def __init__(self) -> None:
        self.is_away = False
        self.made: list[str] = []
        self.lost: list[Exception] = []
        self.queue = ChargeQueue(10, self.lost.append)
        self._others = set(threading.enumerate())

    @property
    def threads(self) -> list[threading.Thread]:
        """The threads that retry charges of this queue."""
        new = set(threading.enumerate()) - self._others
        return [thread for thread in new if thread.name == "purser-charges"]

    def job(self, name: str) -> Any:
        def make() -> None:
            if self.is_away:
                raise PurserUnavailableError("away")
            self.made.append(name)

        return make


@pytest.fixture
def charges() -> Iterator[Charges]:
    charges = Charges()
    yield charges
    charges.queue.stop()


def test_makes_a_charge_at_once(charges: Charges) -> None:
    charges.queue.run(charges.job("first"))
    assert charges.made == ["first"]
    charges.queue.flush()


def test_makes_the_charges_in_order(charges: Charges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)
    charges.is_away = True
    charges.queue.run(charges.job("first"))
    charges.is_away = False
    charges.queue.run(charges.job("second"))
    assert charges.made == []
    charges.queue.flush()
    assert charges.made == ["first", "second"]


def test_retries_in_the_background_each_time_that_charges_wait(charges: Charges) -> None:
    """The second charge waits when the thread that made the first has ended."""
    for name in ("first", "second"):
        made = threading.Event()
        job = charges.job(name)
        attempts = iter([True, True, False])

        def make(attempts: Any = attempts, job: Any = job, made: threading.Event = made) -> None:
            if next(attempts):
                raise PurserUnavailableError("away")
            job()
            made.set()

        charges.queue.run(make)
        assert made.wait(60)
        for thread in charges.threads:
            thread.join(60)
    assert charges.made == ["first", "second"]


def test_flush_waits_for_the_charges_in_progress(charges: Charges) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def make() -> None:
        begun.set()
        goes_on.wait(60)
        charges.made.append("slow")

    thread = threading.Thread(target=charges.queue.run, args=(make,))
    thread.start()
    assert begun.wait(60)
    with pytest.raises(PurserUnavailableError, match="1 charges are waiting for Purser"):
        charges.queue.flush(timeout=0.01)
    threading.Timer(0.05, goes_on.set).start()
    charges.queue.flush()
    assert charges.made == ["slow"]
    thread.join()


def test_tells_of_a_charge_that_cannot_be_made_and_makes_the_next(charges: Charges) -> None:
    def impossible() -> None:
        raise ValueError("is not JSON")

    charges.queue.run(impossible)
    charges.queue.run(charges.job("next"))
    assert [str(error) for error in charges.lost] == ["is not JSON"]
    assert charges.made == ["next"]


def test_stop_ends_the_retries(charges: Charges) -> None:
    charges.is_away = True
    charges.queue.run(charges.job("first"))
    [thread] = charges.threads
    charges.queue.stop()
    thread.join(60)
    assert not thread.is_alive()
    # A charge that ends later than the transport starts no thread.
    charges.queue.keep(charges.job("second"))
    assert charges.threads == []


def test_has_one_thread_however_many_charges_wait(charges: Charges) -> None:
    charges.is_away = True
    for name in ("first", "second", "third"):
        charges.queue.run(charges.job(name))
    assert len(charges.threads) == 1


def test_may_be_stopped_twice(charges: Charges) -> None:
    charges.queue.stop()
    charges.queue.stop()


def test_keeps_a_charge_when_no_thread_can_be_started(
    charges: Charges, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", start)
    charges.queue.keep(charges.job("first"))
    charges.queue.flush()
    assert charges.made == ["first"]

"""The options of a budget transport."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Callable, Literal, TypedDict, Union

logger = logging.getLogger("purser")

OnUnavailable = Literal["fail", "allow"]
OnExpiry = Literal["release", "charge"]
OnUnknown = Literal["pass", "refuse"]
#: A name, or a function that returns the name at each call, such as a ContextVar's `get`.
User = Union[str, Callable[[], str]]


def log_lost(error: Exception) -> None:
    """Logs a lost charge as an error of the logger `purser`."""
    logger.error("a charge was lost: %s", error)


class OptionNames(TypedDict, total=False):
    """The options of a transport, as keyword arguments."""

    on_unavailable: OnUnavailable
    queue_max: int
    on_lost: Callable[[Exception], None]
    timeout: float
    hold: timedelta
    on_expiry: OnExpiry
    stream_usage: bool
    on_unknown: OnUnknown
    use_reported_cost: bool


@dataclass(frozen=True)
class Options:
    """The options of a transport with their defaults. BudgetTransport describes them."""

    on_unavailable: OnUnavailable = "fail"
    queue_max: int = 1000
    on_lost: Callable[[Exception], None] = log_lost
    timeout: float = 5.0
    hold: timedelta = timedelta(minutes=15)
    on_expiry: OnExpiry = "release"
    stream_usage: bool = True
    on_unknown: OnUnknown = "pass"
    use_reported_cost: bool = False

    def __post_init__(self) -> None:
        _check_choice("on_unavailable", self.on_unavailable, "fail", "allow")
        _check_choice("on_expiry", self.on_expiry, "release", "charge")
        _check_choice("on_unknown", self.on_unknown, "pass", "refuse")
        if not 1 <= self.queue_max <= 1_000_000:
            raise ValueError(f"queue_max: must be from 1 to 1000000, not {self.queue_max}")
        if not timedelta(0) < self.hold <= timedelta(hours=24):
            raise ValueError(f"hold: must be more than 0 and at most 24 hours, not {self.hold}")


def _check_choice(name: str, value: str, *choices: str) -> None:
    if value not in choices:
        raise ValueError(f"{name}: must be {' or '.join(map(repr, choices))}, not {value!r}")

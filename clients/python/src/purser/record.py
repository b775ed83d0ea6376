"""A budget as BudgetManager shows it."""

from __future__ import annotations

import math
import sys
from datetime import datetime, timezone
from typing import Literal, TypedDict

from google.protobuf.timestamp_pb2 import Timestamp

from .money import dollars_from_nano_usd
from .v1 import budget_pb2

if sys.version_info >= (3, 11):
    from typing import NotRequired
else:
    from typing_extensions import NotRequired

Duration = Literal["daily", "weekly", "monthly", "yearly"]

_UNITS: dict[str, budget_pb2.PeriodUnit] = {
    "daily": budget_pb2.PERIOD_UNIT_DAY,
    "weekly": budget_pb2.PERIOD_UNIT_WEEK,
    "monthly": budget_pb2.PERIOD_UNIT_MONTH,
    "yearly": budget_pb2.PERIOD_UNIT_YEAR,
}


class BudgetRecord(TypedDict):
    """A user's budget. Money is US dollars, and times are seconds since 1970."""

    #: The most that may be spent in one period.
    total_budget: float
    #: What was spent in this period.
    current_cost: float
    #: What is left: less than nothing when the budget is exceeded. What reservations hold is not left.
    remaining: float
    #: Absent: it never starts anew, or it has a period without such a name; then `period_end` is there.
    duration: NotRequired[str]
    #: From when periods are counted, or else when the budget was created.
    created_at: float
    #: When this period began, or when the cost was last reset.
    last_updated_at: float
    #: When the next period begins. Absent: never.
    period_end: NotRequired[float]


class UpdatedCost(TypedDict):
    """What update_cost gives. Money is US dollars."""

    #: The user's budget right after the charge.
    user: BudgetRecord
    #: What was charged.
    cost: float
    #: Whether the budget is exceeded. The charge was recorded all the same: the money was spent.
    over_budget: bool
    #: The id of the charge.
    request_id: str


def record_of(budget: budget_pb2.Budget) -> BudgetRecord:
    created = budget.period.anchor if budget.HasField("period") else budget.create_time
    record: BudgetRecord = {
        "total_budget": dollars_from_nano_usd(budget.total_budget_nano_usd),
        "current_cost": dollars_from_nano_usd(budget.spent_nano_usd),
        "remaining": dollars_from_nano_usd(budget.remaining_nano_usd),
        "created_at": _seconds(created),
        "last_updated_at": _seconds(budget.period_start),
    }
    if (duration := _duration_of(budget)) is not None:
        record["duration"] = duration
    if budget.HasField("period_end"):
        record["period_end"] = _seconds(budget.period_end)
    return record


def period_of(duration: str | None, created_at: float | None) -> budget_pb2.Period | None:
    """Raises ValueError for a duration that is none, and for a time that is no finite number of seconds."""
    if duration is None:
        return None
    if duration not in _UNITS:
        raise ValueError(f"duration: must be one of {', '.join(_UNITS)}, not {duration!r}")
    period = budget_pb2.Period(unit=_UNITS[duration], count=1)
    if created_at is not None:
        period.anchor.CopyFrom(_timestamp("created_at", created_at))
    return period


def differences(
    budget: budget_pb2.Budget, total_nano_usd: int, period: budget_pb2.Period | None
) -> list[str]:
    """The fields of a budget that are not as they are wanted, as an update mask names them."""
    paths = []
    if budget.total_budget_nano_usd != total_nano_usd:
        paths.append("total_budget_nano_usd")
    if not _is_as_wanted(budget.period if budget.HasField("period") else None, period):
        paths.append("period")
    return paths


def _is_as_wanted(period: budget_pb2.Period | None, wanted: budget_pb2.Period | None) -> bool:
    if period is None or wanted is None:
        return period is wanted
    has_anchor = not wanted.HasField("anchor") or period.anchor == wanted.anchor
    return (period.unit, period.count) == (wanted.unit, wanted.count) and has_anchor


def _duration_of(budget: budget_pb2.Budget) -> str | None:
    if not budget.HasField("period") or budget.period.count != 1:
        return None
    return next((name for name, unit in _UNITS.items() if unit == budget.period.unit), None)


def _seconds(timestamp: Timestamp) -> float:
    return timestamp.seconds + timestamp.nanos / 1e9


def _timestamp(name: str, seconds: float) -> Timestamp:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        raise ValueError(f"{name}: must be seconds since 1970, as time.time() gives them, not {seconds!r}")
    timestamp = Timestamp()
    try:
        # Microseconds are what Purser keeps.
        timestamp.FromDatetime(datetime.fromtimestamp(round(seconds, 6), timezone.utc))
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{name}: must be in the years 1 to 9999, not {seconds!r}") from error
    return timestamp

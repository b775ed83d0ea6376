"""A budget in the form of BudgetManager."""

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

    #: The maximum cost of one period.
    total_budget: float
    #: The amount spent in this period.
    current_cost: float
    #: The total minus the amounts spent and held. Negative if the budget is exceeded.
    remaining: float
    #: Absent if the budget never resets, or if its period has no such name. In the second case `period_end` is set.
    duration: NotRequired[str]
    #: The start of the first period. Without a period, the time when the budget was created.
    created_at: float
    #: The start of this period, or the last reset of the cost.
    last_updated_at: float
    #: The start of the next period. Absent if the budget never resets.
    period_end: NotRequired[float]


class UpdatedCost(TypedDict):
    """The result of update_cost. Money is US dollars."""

    #: The user's budget right after the charge.
    user: BudgetRecord
    #: The amount charged.
    cost: float
    #: Whether the budget is exceeded. The charge is recorded in any case, because the money was spent.
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
    """Raises ValueError for an unknown duration, and for a time that is not a finite number of seconds."""
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
    """The fields of a budget that differ from the wanted ones, as paths of an update mask."""
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
        raise ValueError(f"{name}: must be seconds since 1970, as from time.time(), not {seconds!r}")
    timestamp = Timestamp()
    try:
        # Purser stores microseconds.
        timestamp.FromDatetime(datetime.fromtimestamp(round(seconds, 6), timezone.utc))
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{name}: must be in the years 1 to 9999, not {seconds!r}") from error
    return timestamp

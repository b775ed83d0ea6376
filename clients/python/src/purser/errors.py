"""What can go wrong, as exceptions. All but the check of arguments are PurserErrors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from .money import dollars_from_nano_usd, format_usd

_DOMAIN = "budget.v1"
_DETAILS_KEY = "grpc-status-details-bin"
_CAUSES_MAX = 10


class PurserError(Exception):
    """Purser refused a call, or could not be asked.

    `reason` is one of ErrorReason's, as in "BUDGET_NOT_FOUND", and "" where the error is not the server's own;
    `metadata` has every value of it; `code` is gRPC's.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class BudgetNotFoundError(PurserError, KeyError):
    """The user has no budget in the project. A KeyError too, which is what LiteLLM's class raises."""


class InvalidFieldError(PurserError, ValueError):
    """A field is missing, malformed or out of range; the message names it."""


class UnpricedModelError(PurserError, ValueError):
    """No price is known for the model; the message has the nearest names."""


class PurserUnavailableError(PurserError, ConnectionError):
    """Purser cannot be reached, has too much to do, or did not answer in time."""


class BudgetExceededError(PurserError):
    """The call was not made: its worst case does not fit the budget."""

    project: str
    #: Whose call it was.
    user: str
    #: Whose budget refused: the user's own, or one above it.
    refused_by: str
    model: str
    #: The worst case that did not fit, in nano-USD.
    asked_nano_usd: int
    #: What the budget, or its limit for the model, had left, in nano-USD.
    remaining_nano_usd: int
    #: When anything frees up: a hold that runs out, or a new period. None where nothing will.
    retry_at: datetime | None

    @property
    def asked_usd(self) -> float:
        """In dollars, for display; `asked_nano_usd` is exact."""
        return dollars_from_nano_usd(self.asked_nano_usd)

    @property
    def remaining_usd(self) -> float:
        """In dollars, for display; `remaining_nano_usd` is exact."""
        return dollars_from_nano_usd(self.remaining_nano_usd)


def budget_exceeded(error: BaseException | None) -> BudgetExceededError | None:
    """The BudgetExceededError that an error is, or that is among its causes: for SDKs that wrap errors."""
    return next((each for each in _causes(error) if isinstance(each, BudgetExceededError)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_CAUSES_MAX):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


_CLASSES = {
    "BUDGET_NOT_FOUND": BudgetNotFoundError,
    "INVALID_FIELD": InvalidFieldError,
    "UNPRICED_MODEL": UnpricedModelError,
    "BUDGET_EXCEEDED": BudgetExceededError,
    "MODEL_LIMIT_EXCEEDED": BudgetExceededError,
}
_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def error_from_rpc(error: grpc.RpcError, *, user: str = "") -> PurserError:
    """What a gRPC error says. `user` is whose call it was, for a refusal."""
    code, message = error.code(), error.details() or "no reason given"
    details = _details_of(error)
    info = next((each for each in details if isinstance(each, error_details_pb2.ErrorInfo)), None)
    if info is None or info.domain != _DOMAIN:
        cls = PurserUnavailableError if code in _AWAY else PurserError
        return cls(f"{code.name}: {message}", code=code)
    metadata = dict(info.metadata)
    cls = PurserUnavailableError if code in _AWAY else _CLASSES.get(info.reason, PurserError)
    made = cls(message, reason=info.reason, metadata=metadata, code=code)
    if isinstance(made, BudgetExceededError):
        _describe(made, user, _retry_at(details))
    return made


def _describe(error: BudgetExceededError, user: str, retry_at: datetime | None) -> None:
    values = error.metadata
    error.project, error.user, error.refused_by = values["project"], user, values["user"]
    error.model, error.retry_at = values["model"], retry_at
    error.asked_nano_usd = int(values["amount_nano_usd"])
    error.remaining_nano_usd = int(values["remaining_nano_usd"])
    what = "budget" if error.reason == "BUDGET_EXCEEDED" else f"limit for {values['limit']}"
    when = "" if retry_at is None else f"; try again at {retry_at.isoformat(timespec='seconds')}"
    error.args = (
        f"the call of {error.model} for user {user!r} in project {error.project!r} was not made: it may cost "
        f"{format_usd(error.asked_nano_usd)}, and the {what} of {error.refused_by!r} has "
        f"{format_usd(error.remaining_nano_usd)} left{when}",
    )


def _retry_at(details: list[Any]) -> datetime | None:
    retry = next((each for each in details if isinstance(each, error_details_pb2.RetryInfo)), None)
    if retry is None:
        return None
    delay: timedelta = retry.retry_delay.ToTimedelta()
    return datetime.now(timezone.utc) + delay


def _details_of(error: grpc.RpcError) -> list[Any]:
    packed = next((value for key, value in error.trailing_metadata() or () if key == _DETAILS_KEY), None)
    if packed is None:
        return []
    found: list[Any] = []
    for detail in status_pb2.Status.FromString(packed).details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo):
            message = kind()
            if detail.Unpack(message):
                found.append(message)
    return found

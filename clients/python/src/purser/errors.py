"""All errors, as exceptions. All are PurserErrors, except those of the argument checks."""

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
    """Purser refused a call or could not be reached.

    `reason` is a name in ErrorReason, for example "BUDGET_NOT_FOUND", or "" if the error is not from a Purser server.
    `metadata` has the values of the reason. `code` is the gRPC code. `retry_after_s` is how many seconds the server asks to
    wait before a retry, or 0.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.code = code
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return str(self.args[0])


class BudgetNotFoundError(PurserError, KeyError):
    """The user has no budget in the project. It is also a KeyError, which LiteLLM's class raises."""


class InvalidFieldError(PurserError, ValueError):
    """A field is missing, malformed or out of range. The message names the field."""


class UnpricedModelError(PurserError, ValueError):
    """No price is known for the model. The message has the most similar known names."""


class PurserUnavailableError(PurserError, ConnectionError):
    """Purser cannot be reached, is overloaded, or did not answer in time."""


class RateExceededError(PurserError):
    """A limit of the key was reached until the timeout. Nothing was changed."""


class BudgetExceededError(PurserError):
    """The call was not sent, because its maximum cost does not fit the budget."""

    project: str
    #: The user who made the call.
    user: str
    #: The user whose budget refused: the caller itself or an ancestor.
    refused_by: str
    model: str
    #: The maximum cost of the call, which did not fit, in nano-USD.
    asked_nano_usd: int
    #: The amount that remained in the budget, or in its limit for the model, in nano-USD.
    remaining_nano_usd: int
    #: When a hold expires or a new period starts, whichever is earlier. None if neither will happen.
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
    """Finds a BudgetExceededError in an error or its causes. Use it if an SDK wraps errors."""
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
    "RATE_EXCEEDED": RateExceededError,
}
_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def error_from_rpc(error: grpc.RpcError, *, user: str = "") -> PurserError:
    """Converts a gRPC error. `user` is the user who made the call; a refusal includes it."""
    code, message = error.code(), error.details() or "no reason given"
    details = _details_of(error)
    info = next((each for each in details if isinstance(each, error_details_pb2.ErrorInfo)), None)
    if info is None or info.domain != _DOMAIN:
        cls = PurserUnavailableError if code in _AWAY else PurserError
        return cls(f"{code.name}: {message}", code=code)
    metadata = dict(info.metadata)
    cls = PurserUnavailableError if code in _AWAY else _CLASSES.get(info.reason, PurserError)
    delay = _retry_delay(details)
    seconds = 0.0 if delay is None else delay.total_seconds()
    made = cls(message, reason=info.reason, metadata=metadata, code=code, retry_after_s=seconds)
    if isinstance(made, BudgetExceededError):
        _describe(made, user, None if delay is None else datetime.now(timezone.utc) + delay)
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


def _retry_delay(details: list[Any]) -> timedelta | None:
    retry = next((each for each in details if isinstance(each, error_details_pb2.RetryInfo)), None)
    if retry is None:
        return None
    delay: timedelta = retry.retry_delay.ToTimedelta()
    return delay


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

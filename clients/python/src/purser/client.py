"""The calls of BudgetService. Errors are exceptions, and calls are retried if that is safe."""

from __future__ import annotations

import copy
import os
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Callable, TypeVar
from urllib.parse import urlsplit

import grpc

from .errors import PurserUnavailableError, error_from_rpc
from .v1 import budget_service_pb2 as pb
from .v1.budget_service_pb2_grpc import BudgetServiceStub

Request = TypeVar("Request")

DEFAULT_ADDRESS = "http://127.0.0.1:50051"
_TIMEOUT_S_MAX = 86_400
_PAUSE_S_FIRST = 0.05
_PAUSE_S_MAX = 1.0
_CHANNEL_OPTIONS = [
    # With gRPC's own values, a client finds a restarted server only after a minute or two.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A page of 1,000 budgets may be larger than gRPC's limit of 4 MiB.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]
# gRPC sets these headers itself. Users of LiteLLM pass them for REST.
_HEADERS_OF_HTTP = {"content-type", "accept", "host", "user-agent", "te"}


class Client:
    """A client of a Purser server. It is safe to use from several threads.

    `address` is the server's gRPC address: "http://host:port", "https://host:port" for TLS, or "host:port". The default is
    the environment variable PURSER_ADDRESS, else http://127.0.0.1:50051. `headers` are sent with every call. `timeout` is
    the time limit of a call in seconds, retries included.

    Every method raises PurserError; see `purser.errors`. While the server is unavailable, a call is retried if it is safe
    to repeat. To make it safe, a request without a `request_id` gets one.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._timeout = _checked(timeout)
        self._repeats = True
        self._metadata = [
            (key.lower(), value)
            for key, value in (headers or {}).items()
            if key.lower() not in _HEADERS_OF_HTTP
        ]
        self._channel = _channel(address or os.environ.get("PURSER_ADDRESS") or DEFAULT_ADDRESS)
        #: The generated stub, for calls with their own options.
        self.stub: Any = BudgetServiceStub(self._channel)

    def with_options(self, *, timeout: float | None = None, repeats: bool = True) -> Client:
        """A client on the same connection, with another timeout if given. With `repeats=False` it does not retry."""
        other = copy.copy(self)
        other._timeout = self._timeout if timeout is None else _checked(timeout)
        other._repeats = repeats
        return other

    def create_budget(self, request: pb.CreateBudgetRequest) -> pb.CreateBudgetResponse:
        return self._repeated(self.stub.CreateBudget, request)

    def get_budget(self, request: pb.GetBudgetRequest) -> pb.GetBudgetResponse:
        return self._repeated(self.stub.GetBudget, request)

    def update_budget(self, request: pb.UpdateBudgetRequest) -> pb.UpdateBudgetResponse:
        return self._once(self.stub.UpdateBudget, request)

    def delete_budget(self, request: pb.DeleteBudgetRequest) -> pb.DeleteBudgetResponse:
        return self._once(self.stub.DeleteBudget, request)

    def projected_cost(self, request: pb.ProjectedCostRequest) -> pb.ProjectedCostResponse:
        return self._repeated(self.stub.ProjectedCost, request)

    def reserve_cost(self, request: pb.ReserveCostRequest) -> pb.ReserveCostResponse:
        return self._repeated(self.stub.ReserveCost, identified(request))

    def update_cost(self, request: pb.UpdateCostRequest) -> pb.UpdateCostResponse:
        return self._repeated(self.stub.UpdateCost, identified(request))

    def batch_update_cost(self, request: pb.BatchUpdateCostRequest) -> pb.BatchUpdateCostResponse:
        whole = pb.BatchUpdateCostRequest(requests=[identified(each) for each in request.requests])
        return self._repeated(self.stub.BatchUpdateCost, whole)

    def refund_cost(self, request: pb.RefundCostRequest) -> pb.RefundCostResponse:
        return self._repeated(self.stub.RefundCost, identified(request))

    def release_reservation(self, request: pb.ReleaseReservationRequest) -> pb.ReleaseReservationResponse:
        return self._repeated(self.stub.ReleaseReservation, request)

    def extend_reservation(self, request: pb.ExtendReservationRequest) -> pb.ExtendReservationResponse:
        return self._repeated(self.stub.ExtendReservation, request)

    def get_current_cost(self, request: pb.GetCurrentCostRequest) -> pb.GetCurrentCostResponse:
        return self._repeated(self.stub.GetCurrentCost, request)

    def reset_cost(self, request: pb.ResetCostRequest) -> pb.ResetCostResponse:
        return self._repeated(self.stub.ResetCost, identified(request))

    def list_users(self, request: pb.ListUsersRequest) -> pb.ListUsersResponse:
        return self._repeated(self.stub.ListUsers, request)

    def sweep_durations(self, request: pb.SweepDurationsRequest) -> pb.SweepDurationsResponse:
        return self._repeated(self.stub.SweepDurations, request)

    def list_cost_entries(self, request: pb.ListCostEntriesRequest) -> pb.ListCostEntriesResponse:
        return self._repeated(self.stub.ListCostEntries, request)

    def list_periods(self, request: pb.ListPeriodsRequest) -> pb.ListPeriodsResponse:
        return self._repeated(self.stub.ListPeriods, request)

    def list_reservations(self, request: pb.ListReservationsRequest) -> pb.ListReservationsResponse:
        return self._repeated(self.stub.ListReservations, request)

    def set_model_price(self, request: pb.SetModelPriceRequest) -> pb.SetModelPriceResponse:
        return self._repeated(self.stub.SetModelPrice, request)

    def list_model_prices(self, request: pb.ListModelPricesRequest) -> pb.ListModelPricesResponse:
        return self._repeated(self.stub.ListModelPrices, request)

    def delete_model_price(self, request: pb.DeleteModelPriceRequest) -> pb.DeleteModelPriceResponse:
        return self._once(self.stub.DeleteModelPrice, request)

    def watch_budget(self, request: pb.WatchBudgetRequest) -> Iterator[pb.WatchBudgetResponse]:
        """Yields the budget now, and then after every change, until the iteration is closed."""
        call = self.stub.WatchBudget(request, metadata=self._metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise error_from_rpc(error, user=request.user) from error
        finally:
            call.cancel()

    def close(self) -> None:
        """Closes the connection. Calls in progress end with an error."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _repeated(self, method: Callable[..., Any], request: Any) -> Any:
        deadline = time.monotonic() + self._timeout
        for pause_s in _pauses():
            try:
                return self._once(method, request, deadline - time.monotonic())
            except PurserUnavailableError:
                if not self._repeats or time.monotonic() + pause_s >= deadline:
                    raise
            time.sleep(pause_s)
        raise AssertionError("pauses have no end")

    def _once(self, method: Callable[..., Any], request: Any, timeout_s: float | None = None) -> Any:
        try:
            return method(request, timeout=timeout_s or self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise error_from_rpc(error, user=getattr(request, "user", "")) from error


def identified(request: Request) -> Request:
    """The request with a `request_id`: its own or a new one. It can then be sent twice and takes effect once."""
    if request.request_id:  # type: ignore[attr-defined]
        return request
    named = type(request)()
    named.CopyFrom(request)  # type: ignore[attr-defined]
    named.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]
    return named


def _checked(timeout: float) -> float:
    if not 0 < timeout <= _TIMEOUT_S_MAX:
        raise ValueError(f"timeout: must be more than 0 and at most {_TIMEOUT_S_MAX} seconds, not {timeout}")
    return timeout


def _pauses() -> Iterator[float]:
    """Pauses before the next attempts, in seconds. They double and are randomized, so that callers do not retry together."""
    longest = _PAUSE_S_FIRST
    while True:
        yield longest * random.uniform(0.5, 1.0)
        longest = min(longest * 2, _PAUSE_S_MAX)


def _channel(address: str) -> grpc.Channel:
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"address: must look like {DEFAULT_ADDRESS}, not {address!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme == "http":
        return grpc.insecure_channel(f"{host}:{parts.port or 80}", options=_CHANNEL_OPTIONS)
    return grpc.secure_channel(
        f"{host}:{parts.port or 443}", grpc.ssl_channel_credentials(), options=_CHANNEL_OPTIONS
    )

"""The calls of BudgetService. Errors are exceptions, and calls are retried if that is safe."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TypeVar

import grpc

from .connection import Connection
from .errors import error_from_rpc
from .v1 import budget_service_pb2 as pb
from .v1.budget_service_pb2_grpc import BudgetServiceStub

Request = TypeVar("Request")


class Client(Connection):
    """A client of a Purser server. It is safe to use from several threads.

    `address` is the server's gRPC address: "http://host:port", "https://host:port" for TLS, or "host:port". The default is
    the environment variable PURSER_ADDRESS, else http://127.0.0.1:50051. `api_key` is the key, such as "pk_...". The default
    is the environment variable PURSER_KEY, unless `headers` contain `authorization`. An empty key counts as absent. Over
    http, everyone on the way can read the key: use https outside of this machine. `headers` are sent with every call.
    `timeout` is the time limit of a call in seconds, retries included. `ca_file` is a PEM file with the certificates to
    trust, for https.

    Every method raises PurserError; see `purser.errors`. While the server is unavailable, or a limit of the key is reached,
    a call is retried if it is safe to repeat. To make it safe, a request without a `request_id` gets one.
    """

    _stub_type = BudgetServiceStub

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


def identified(request: Request) -> Request:
    """The request with a `request_id`: its own or a new one. It can then be sent twice and takes effect once."""
    if request.request_id:  # type: ignore[attr-defined]
        return request
    named = type(request)()
    named.CopyFrom(request)  # type: ignore[attr-defined]
    named.request_id = str(uuid.uuid4())  # type: ignore[attr-defined]
    return named

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from purser import BudgetManager, Client
from purser.v1 import budget_pb2, cost_pb2, reservation_pb2
from purser.v1 import budget_service_pb2 as pb

from .provider import Provider


@pytest.fixture(scope="session")
def address() -> str:
    """The address of a running Purser server, which test/interop/python.interop.ts starts."""
    return os.environ["PURSER_ADDRESS"]


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


@dataclass
class Account:
    """A budget in a new project that no other test uses, and its current state."""

    client: Client
    project: str
    user: str = "alice"

    @property
    def budget(self) -> budget_pb2.Budget:
        return self.client.get_budget(pb.GetBudgetRequest(project=self.project, user=self.user)).budget

    @property
    def entries(self) -> list[cost_pb2.CostEntry]:
        """The ledger entries, newest first."""
        return list(self.client.list_cost_entries(pb.ListCostEntriesRequest(project=self.project)).entries)

    @property
    def reservations(self) -> list[str]:
        listed = self.client.list_reservations(pb.ListReservationsRequest(project=self.project)).reservations
        names = reservation_pb2.ReservationState.Name
        return sorted(names(each.state).removeprefix("RESERVATION_STATE_") for each in listed)


@pytest.fixture
def account(client: Client) -> Account:
    """A budget of ten dollars."""
    account = Account(client, f"project-{uuid.uuid4()}")
    BudgetManager(account.project, client=client).create_budget(10, account.user)
    return account


@pytest.fixture
def manager(client: Client) -> BudgetManager:
    return BudgetManager(f"project-{uuid.uuid4()}", client=client)


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()

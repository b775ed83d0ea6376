"""Clients with keys, on a server that needs them. test/interop/python.interop.ts starts it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from purser import BudgetManager, Client, KeyClient, PurserError
from purser.v1 import key_pb2, key_service_pb2

from .provider import response

COMPLETION = response("openai-chat")


@pytest.fixture(scope="module")
def address() -> str:
    return os.environ["KEYED_ADDRESS"]


@pytest.fixture(scope="module")
def operator_key() -> str:
    return os.environ["KEYED_OPERATOR_KEY"]


@pytest.fixture(scope="module")
def keys(address: str, operator_key: str) -> Iterator[KeyClient]:
    with KeyClient(address, api_key=operator_key) as keys:
        yield keys


@pytest.fixture
def project(address: str, operator_key: str) -> str:
    """A new project with a budget of ten dollars."""
    project = f"project-{uuid.uuid4()}"
    with BudgetManager(project, api_base=address, api_key=operator_key) as manager:
        manager.create_budget(10, "alice")
    return project


def spender(keys: KeyClient, project: str, **limits: int) -> key_service_pb2.CreateKeyResponse:
    return keys.create_key(
        key_service_pb2.CreateKeyRequest(
            project=project, name="test", role=key_pb2.ROLE_SPENDER, limits=key_pb2.KeyLimits(**limits)
        )
    )


def test_a_manager_works_as_far_as_its_key_permits(address: str, keys: KeyClient, project: str) -> None:
    created = spender(keys, project)
    with BudgetManager(project, api_base=address, api_key=created.secret) as manager:
        cost = manager.update_cost("alice", COMPLETION)["cost"]
        assert manager.get_current_cost("alice") == cost > 0
        with pytest.raises(PurserError) as not_allowed:
            manager.create_budget(1, "bob")
        keys.revoke_key(key_service_pb2.RevokeKeyRequest(project=project, key_id=created.key.key_id))
        with pytest.raises(PurserError) as revoked:
            manager.get_current_cost("alice")
    with BudgetManager(project, api_base=address) as keyless, pytest.raises(PurserError) as missing:
        keyless.get_current_cost("alice")
    reasons = [each.value.reason for each in (not_allowed, revoked, missing)]
    assert reasons == ["KEY_NOT_ALLOWED", "KEY_INVALID", "KEY_MISSING"]


def test_makes_every_charge_of_many_above_the_limit_of_its_key(
    address: str, keys: KeyClient, project: str
) -> None:
    secret = spender(keys, project, calls_per_second_max=1).secret
    with (
        Client(address, api_key=secret, timeout=120) as client,
        BudgetManager(project, client=client) as manager,
        ThreadPoolExecutor(8) as threads,
    ):
        charges = [threads.submit(manager.update_cost, "alice", COMPLETION) for _ in range(4)]
        costs = [each.result()["cost"] for each in charges]
        assert manager.get_current_cost("alice") == pytest.approx(sum(costs), abs=1e-12)

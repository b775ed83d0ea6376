"""Client on a proxy that records the calls and loses answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from purser import BudgetManager, BudgetNotFoundError, Client, PurserUnavailableError
from purser.v1 import budget_service_pb2 as pb
from purser.v1 import cost_pb2, price_pb2

from .conftest import Account
from .proxy import Proxy


@pytest.fixture
def proxy(address: str) -> Iterator[Proxy]:
    proxy = Proxy(address)
    yield proxy
    proxy.close()


@pytest.fixture
def behind(proxy: Proxy) -> Iterator[Client]:
    """A client whose calls go through the proxy."""
    with Client(proxy.address) as client:
        yield client


def cost_of(account: Account, nano_usd: int, request_id: str = "") -> pb.UpdateCostRequest:
    cost = cost_pb2.KnownCost(model="gpt-4o-mini", cost_nano_usd=nano_usd)
    return pb.UpdateCostRequest(project=account.project, user=account.user, cost=cost, request_id=request_id)


def test_has_every_call_of_the_service() -> None:
    calls = pb.DESCRIPTOR.services_by_name["BudgetService"].methods
    names = [re.sub(r"(?<!^)(?=[A-Z])", "_", each.name).lower() for each in calls]
    assert [name for name in names if not hasattr(Client, name)] == []


def test_charges_each_cost_of_a_batch_once_when_its_answer_is_lost(
    behind: Client, proxy: Proxy, account: Account
) -> None:
    proxy.lost["BatchUpdateCost"] = 1
    costs = [cost_of(account, 1), cost_of(account, 20), cost_of(account, 300, "own id")]
    batch = pb.BatchUpdateCostRequest(requests=costs)
    answers = [each.response for each in behind.batch_update_cost(batch).results]
    assert proxy.called == ["BatchUpdateCost", "BatchUpdateCost"]
    assert [(each.cost_nano_usd, each.replayed) for each in answers] == [(1, True), (20, True), (300, True)]
    assert account.budget.spent_nano_usd == 321
    assert [entry.cost_nano_usd for entry in account.entries if entry.request_id == "own id"] == [300]
    assert list(batch.requests) == costs


@pytest.mark.parametrize("name", ["update_cost", "reserve_cost", "refund_cost", "reset_cost"])
def test_repeats_a_change_with_the_same_id_when_its_answer_is_lost(
    behind: Client, proxy: Proxy, account: Account, name: str
) -> None:
    account.client.update_cost(cost_of(account, 500, "charge"))
    user = {"project": account.project, "user": account.user}
    request = {
        "update_cost": cost_of(account, 20),
        "reserve_cost": pb.ReserveCostRequest(**user, model="gpt-4o-mini", cost_nano_usd=20),
        "refund_cost": pb.RefundCostRequest(
            project=account.project, charge_request_id="charge", amount_nano_usd=20
        ),
        "reset_cost": pb.ResetCostRequest(**user),
    }[name]
    method = name.title().replace("_", "")
    proxy.lost[method] = 1
    answer: Any = getattr(behind, name)(request)
    assert (proxy.called, answer.replayed) == ([method, method], True)
    assert request.request_id == ""


@pytest.mark.parametrize("name", ["update_budget", "delete_budget", "delete_model_price"])
def test_makes_a_change_without_an_id_once_when_its_answer_is_lost(
    behind: Client, proxy: Proxy, account: Account, name: str
) -> None:
    user = {"project": account.project, "user": account.user}
    price = price_pb2.ModelPrice(
        model="own", rates=[price_pb2.ModelRate(dimension="input", usd="1", per=1000)]
    )
    account.client.set_model_price(pb.SetModelPriceRequest(project=account.project, price=price))
    update = pb.UpdateBudgetRequest(**user, total_budget_nano_usd=5)
    update.update_mask.paths.append("total_budget_nano_usd")
    request = {
        "update_budget": update,
        "delete_budget": pb.DeleteBudgetRequest(**user),
        "delete_model_price": pb.DeleteModelPriceRequest(project=account.project, model="own"),
    }[name]
    method = name.title().replace("_", "")
    proxy.lost[method] = 1
    with pytest.raises(PurserUnavailableError, match="UNAVAILABLE: the answer was lost"):
        getattr(behind, name)(request)
    assert proxy.called == [method]


def test_makes_every_call_once_without_repeats(behind: Client, proxy: Proxy, account: Account) -> None:
    proxy.lost["UpdateCost"] = 1
    once = behind.with_options(repeats=False)
    with pytest.raises(PurserUnavailableError):
        once.update_cost(cost_of(account, 20))
    assert proxy.called == ["UpdateCost"]


def test_takes_silence_for_an_unavailable_server(behind: Client, proxy: Proxy, account: Account) -> None:
    proxy.silent.add("GetBudget")
    impatient = behind.with_options(timeout=0.1, repeats=False)
    with pytest.raises(PurserUnavailableError, match="DEADLINE_EXCEEDED"):
        impatient.get_budget(pb.GetBudgetRequest(project=account.project, user=account.user))


def test_ends_the_call_of_a_watch_that_is_closed(behind: Client, proxy: Proxy, account: Account) -> None:
    calls: list[Any] = []
    watch_rpc = behind.stub.WatchBudget

    def kept(*args: Any, **options: Any) -> Any:
        """gRPC cancels a call that is garbage-collected, so this keeps it."""
        calls.append(watch_rpc(*args, **options))
        return calls[-1]

    behind.stub.WatchBudget = kept
    watch = behind.watch_budget(pb.WatchBudgetRequest(project=account.project, user=account.user))
    assert next(watch).budget.spent_nano_usd == 0
    account.client.update_cost(cost_of(account, 20))
    assert next(watch).budget.spent_nano_usd == 20
    assert not proxy.stream_ended.is_set()
    watch.close()
    assert proxy.stream_ended.wait(60)


def test_raises_the_refusal_of_a_watch(behind: Client, account: Account) -> None:
    with pytest.raises(BudgetNotFoundError, match='no budget for user "bob"'):
        next(behind.watch_budget(pb.WatchBudgetRequest(project=account.project, user="bob")))


def test_sends_its_headers_with_every_call(proxy: Proxy, account: Account) -> None:
    headers = {"X-Team": "search", "Content-Type": "application/json", "Accept": "text/html"}
    user = {"project": account.project, "user": account.user}
    with Client(proxy.address, headers=headers) as client:
        client.get_budget(pb.GetBudgetRequest(**user))
        next(client.watch_budget(pb.WatchBudgetRequest(**user)))
    for metadata in proxy.metadata:
        assert metadata["x-team"] == "search"
        assert metadata.keys().isdisjoint({"content-type", "accept"})
    assert proxy.called == ["GetBudget", "WatchBudget"]


def test_takes_the_address_from_the_environment(
    proxy: Proxy, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURSER_ADDRESS", f"http://{proxy.address}/")
    with Client() as client:
        client.get_budget(pb.GetBudgetRequest(project=account.project, user=account.user))
    assert proxy.called == ["GetBudget"]


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:1", "http://", "http://127.0.0.1:1/budget"])
def test_refuses_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"address: must look like http://127\.0\.0\.1:50051, not "):
        Client(address)


@pytest.mark.parametrize("timeout", [0, -1, 86_401, float("nan")])
def test_refuses_what_is_no_timeout(client: Client, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout: must be more than 0 and at most 86400 seconds, not "):
        Client("127.0.0.1:1", timeout=timeout)
    with pytest.raises(ValueError, match="timeout: must be "):
        client.with_options(timeout=timeout)


def test_a_manager_sends_its_headers_and_sweeps(proxy: Proxy, account: Account) -> None:
    manager = BudgetManager(account.project, api_base=proxy.address, headers={"x-team": "search"})
    with manager:
        manager.create_budget(10, account.user, "daily")
        proxy.called.clear()
        manager.reset_on_duration(account.user)
        manager.update_budget_all_users()
    assert proxy.called == ["GetBudget", "SweepDurations", "SweepDurations"]
    assert {metadata["x-team"] for metadata in proxy.metadata} == {"search"}
    with pytest.raises(ValueError, match="Cannot invoke RPC"):
        manager.get_users()


def test_closes_its_own_connection_only(behind: Client, account: Account) -> None:
    read = pb.GetBudgetRequest(project=account.project, user=account.user)
    with BudgetManager(account.project, client=behind):
        pass
    assert behind.get_budget(read).budget.user == account.user
    behind.close()
    with pytest.raises(ValueError, match="Cannot invoke RPC"):
        behind.get_budget(read)

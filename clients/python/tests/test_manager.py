"""BudgetManager on a real server."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest

from purser import (
    BudgetManager,
    BudgetNotFoundError,
    Client,
    InvalidFieldError,
    PurserError,
    UnpricedModelError,
)
from purser.v1 import budget_pb2
from purser.v1 import budget_service_pb2 as pb

from .provider import response

DAY_S = 86_400


def test_creates_changes_and_finds_budgets(manager: BudgetManager) -> None:
    assert not manager.is_valid_user("alice")
    before = time.time()
    created = manager.create_budget(10, "alice", "daily")
    assert (created["total_budget"], created["current_cost"], created["remaining"]) == (10, 0, 10)
    assert created["duration"] == "daily"
    assert created["period_end"] - created["created_at"] == pytest.approx(DAY_S)
    assert created["created_at"] == pytest.approx(before, abs=60)
    assert manager.is_valid_user("alice")
    assert manager.create_budget(10, "alice", "daily") == created
    manager.update_cost("alice", response("openai-chat"), model="gpt-4o-mini")
    changed = manager.create_budget(20.5, "alice")
    assert (changed["total_budget"], changed["current_cost"] > 0) == (20.5, True)
    assert "duration" not in changed and "period_end" not in changed
    assert manager.get_total_budget("alice") == 20.5


def test_counts_periods_from_created_at(manager: BudgetManager) -> None:
    noon = 1_767_268_800.0
    assert manager.create_budget(1, "alice", "weekly", noon)["created_at"] == noon
    record = manager.create_budget(1, "alice", "weekly", noon)
    assert (record["period_end"] - noon) % (7 * DAY_S) == 0


def test_moves_the_periods_to_a_changed_created_at(manager: BudgetManager) -> None:
    noon, one = 1_767_268_800.0, 1_767_272_400.25
    manager.create_budget(1, "alice", "weekly", noon)
    manager.update_cost("alice", response("openai-chat"))
    assert manager.create_budget(1, "alice", "weekly", one)["created_at"] == one
    # Without created_at, the start stays as it is.
    record = manager.create_budget(1, "alice", "weekly")
    assert record["created_at"] == one
    assert (record["period_end"] - one) % (7 * DAY_S) == 0
    # Another duration starts now.
    assert manager.create_budget(1, "alice", "daily")["created_at"] == pytest.approx(time.time(), abs=60)


def test_gives_another_period_its_own_names(manager: BudgetManager, client: Client) -> None:
    fortnight = budget_pb2.Period(unit=budget_pb2.PERIOD_UNIT_WEEK, count=2)
    client.create_budget(
        pb.CreateBudgetRequest(
            project=manager.project_name, user="alice", total_budget_nano_usd=10**9, period=fortnight
        )
    )
    found = manager.reset_cost("alice")["user"]
    assert "duration" not in found
    assert found["period_end"] - found["created_at"] == pytest.approx(14 * DAY_S)
    weekly = manager.create_budget(1, "alice", "weekly")
    assert weekly["duration"] == "weekly"
    assert weekly["period_end"] - weekly["created_at"] == pytest.approx(7 * DAY_S)


def test_subtracts_what_is_held_from_what_remains(manager: BudgetManager, client: Client) -> None:
    manager.create_budget(10, "alice")
    client.reserve_cost(
        pb.ReserveCostRequest(
            project=manager.project_name, user="alice", model="gpt-4o-mini", cost_nano_usd=2 * 10**9
        )
    )
    record = manager.create_budget(10, "alice")
    assert (record["total_budget"], record["current_cost"], record["remaining"]) == (10, 0, 8)


@pytest.mark.parametrize("name", ["openai-chat", "anthropic-message", "google-generate", "openai-responses"])
def test_takes_a_response_as_a_dict(manager: BudgetManager, name: str) -> None:
    manager.create_budget(10, "alice")
    charged = manager.update_cost("alice", response(name))
    assert charged["cost"] > 0 and not charged["over_budget"]
    assert manager.get_current_cost("alice") == charged["cost"] == charged["user"]["current_cost"]
    assert list(manager.get_model_cost("alice").values()) == [charged["cost"]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("openai-chat", openai.types.chat.ChatCompletion), ("anthropic-message", anthropic.types.Message)],
)
def test_takes_an_sdks_object(manager: BudgetManager, name: str, kind: Any) -> None:
    manager.create_budget(10, "alice")
    as_dict = manager.update_cost("alice", response(name))
    as_object = manager.update_cost("alice", kind.model_validate(response(name)))
    assert as_object["cost"] == as_dict["cost"] > 0


def test_takes_objects_inside_of_a_dict_and_objects_of_pydantic_1(manager: BudgetManager) -> None:
    manager.create_budget(10, "alice")
    whole = response("openai-chat")
    cost = manager.update_cost("alice", whole)["cost"]
    usage = openai.types.CompletionUsage.model_validate(whole["usage"])
    assert manager.update_cost("alice", {**whole, "usage": usage})["cost"] == cost

    class Pydantic1:
        def dict(self) -> dict[str, Any]:
            return whole

    assert manager.update_cost("alice", Pydantic1())["cost"] == cost


def test_takes_texts_which_go_before_a_response(manager: BudgetManager) -> None:
    manager.create_budget(10, "alice")
    texts = {
        "model": "gpt-4o-mini",
        "input_text": "hello world",
        "output_text": "it is a sunny day in san francisco",
    }
    assert manager.update_cost("alice", response("openai-chat"), **texts)["cost"] == 5.7e-06
    assert manager.get_model_cost("alice") == {"gpt-4o-mini": 5.7e-06}


def test_charges_once_for_one_id(manager: BudgetManager) -> None:
    manager.create_budget(10, "alice")
    charged = [manager.update_cost("alice", response("openai-chat"), request_id="call-1") for _ in range(2)]
    assert charged[0] == charged[1]
    assert manager.get_current_cost("alice") == charged[0]["cost"]


def test_says_when_the_budget_is_exceeded(manager: BudgetManager) -> None:
    manager.create_budget(0, "alice")
    assert manager.update_cost("alice", response("openai-chat"))["over_budget"]


def test_adds_up_what_many_threads_charge(manager: BudgetManager) -> None:
    manager.create_budget(10, "alice")

    def charge(_: int) -> float:
        return manager.update_cost("alice", model="gpt-4o-mini", input_text="hello", output_text="world")[
            "cost"
        ]

    with ThreadPoolExecutor(8) as threads:
        costs = list(threads.map(charge, range(40)))
    assert manager.get_current_cost("alice") == pytest.approx(sum(costs), abs=1e-12)


def test_projects_the_cost_of_a_prompt(manager: BudgetManager) -> None:
    manager.create_budget(10, "alice")
    spent = manager.update_cost("alice", response("openai-chat"))["cost"]
    messages = [{"role": "user", "content": [{"type": "text", "text": "How tall is the Eiffel tower?"}]}]
    assert manager.projected_cost("gpt-4o-mini", messages, "alice") == pytest.approx(
        spent + 14 * 1.5e-7, abs=1e-12
    )


def test_resets(manager: BudgetManager) -> None:
    created = manager.create_budget(10, "alice", "monthly")
    manager.update_cost("alice", response("openai-chat"))
    reset = manager.reset_cost("alice")["user"]
    assert reset["current_cost"] == 0
    assert reset["last_updated_at"] > created["last_updated_at"] == created["created_at"]
    assert (manager.get_current_cost("alice"), manager.get_model_cost("alice")) == (0, {})
    manager.reset_on_duration("alice")
    manager.update_budget_all_users()
    assert manager.save_data() == {"status": "success"}


def test_lists_users_over_pages(manager: BudgetManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("purser.budget_manager._USERS_A_PAGE", 2)
    for user in ("carol", "alice", "bob"):
        manager.create_budget(1, user)
    assert manager.get_users() == ["alice", "bob", "carol"]


def test_raises_where_litellm_does(manager: BudgetManager) -> None:
    manager.create_budget(1, "alice")
    for method in (
        manager.get_total_budget,
        manager.get_current_cost,
        manager.get_model_cost,
        manager.reset_cost,
    ):
        with pytest.raises(KeyError, match='no budget for user "bob"'):
            method("bob")
    with pytest.raises(KeyError, match="has no duration"):
        manager.reset_on_duration("alice")
    with pytest.raises(ValueError, match="needs completion_obj"):
        manager.update_cost("alice", model="gpt-4o-mini", input_text="hello")
    with pytest.raises(
        ValueError, match="duration: must be one of daily, weekly, monthly, yearly, not 'hourly'"
    ):
        manager.create_budget(1, "bob", "hourly")  # type: ignore[arg-type]
    with pytest.raises(UnpricedModelError, match="no price is known"):
        manager.update_cost("alice", {**response("openai-chat"), "model": "no-such-model"})


def test_says_who_is_no_user(manager: BudgetManager, client: Client) -> None:
    assert not manager.is_valid_user("")
    with pytest.raises(InvalidFieldError, match="project: "):
        BudgetManager("", client=client).is_valid_user("alice")


def test_names_what_is_wrong(manager: BudgetManager) -> None:
    with pytest.raises(ValueError, match=r"client_type.*start one, and pass its gRPC address as api_base"):
        BudgetManager("demo", client_type="local")
    for bad in (-1, float("nan"), float("inf"), 1e10):
        with pytest.raises(ValueError, match="total_budget: must be an amount"):
            manager.create_budget(bad, "alice")
    with pytest.raises(TypeError, match="total_budget: must be a number"):
        manager.create_budget("10", "alice")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="created_at: "):
        manager.create_budget(1, "alice", "daily", float("inf"))
    with pytest.raises(InvalidFieldError, match="user: "):
        manager.create_budget(1, "")
    manager.create_budget(1, "alice")
    with pytest.raises(TypeError, match="completion_obj: must be a dict"):
        manager.update_cost("alice", "text")
    with pytest.raises(InvalidFieldError, match=r"completion\.usage"):
        manager.update_cost("alice", {"model": "gpt-4o-mini"})
    with pytest.raises(TypeError, match="completion_obj: must be a dict, or an SDK's object, not type"):
        manager.update_cost("alice", dict)
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"inner": deep}
    for bad_json in ({"usage": float("nan")}, {"usage": object()}, deep):
        with pytest.raises(ValueError, match="completion_obj: is not JSON: "):
            manager.update_cost("alice", bad_json)


def test_an_error_can_be_pickled(manager: BudgetManager) -> None:
    with pytest.raises(BudgetNotFoundError) as raised:
        manager.get_current_cost("bob")
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (type(copy), str(copy), copy.reason) == (
        BudgetNotFoundError,
        str(raised.value),
        "BUDGET_NOT_FOUND",
    )
    assert copy.metadata == {"project": manager.project_name, "user": "bob"}
    assert isinstance(copy, PurserError)

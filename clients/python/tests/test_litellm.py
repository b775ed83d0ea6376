"""LiteLLM's own ModelResponse."""

from __future__ import annotations

import pytest

from purser import BudgetManager


@pytest.mark.filterwarnings("ignore")
def test_takes_a_model_response(manager: BudgetManager, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without this, LiteLLM fetches a price list when it is imported.
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    from litellm import ModelResponse, Usage

    manager.create_budget(10, "alice")
    answer = ModelResponse(model="gpt-4o-mini", usage=Usage(prompt_tokens=1000, completion_tokens=500))
    assert manager.update_cost("alice", answer)["cost"] == 0.00045
    assert manager.update_cost(user="alice", completion_obj=answer)["user"]["current_cost"] == 0.0009

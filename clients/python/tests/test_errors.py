"""Errors of the server as exceptions."""

from __future__ import annotations

import pytest

from purser import BudgetExceededError, Client, budget_exceeded
from purser.v1 import budget_pb2
from purser.v1 import budget_service_pb2 as pb

from .conftest import Account


def refused(client: Client, account: Account, user: str) -> BudgetExceededError:
    with pytest.raises(BudgetExceededError) as raised:
        client.reserve_cost(
            pb.ReserveCostRequest(
                project=account.project, user=user, model="gpt-4o-mini", cost_nano_usd=3_000_000_000
            )
        )
    return raised.value


def test_names_the_ancestor_that_refused(client: Client, account: Account) -> None:
    client.create_budget(
        pb.CreateBudgetRequest(project=account.project, user="team", total_budget_nano_usd=2_500_000_000)
    )
    client.create_budget(
        pb.CreateBudgetRequest(
            project=account.project, user="bob", total_budget_nano_usd=9_000_000_000, parent="team"
        )
    )
    error = refused(client, account, "bob")
    assert (error.user, error.refused_by, error.model) == ("bob", "team", "gpt-4o-mini")
    assert (error.asked_usd, error.remaining_usd) == (3, 2.5)
    assert str(error) == (
        f"the call of gpt-4o-mini for user 'bob' in project {account.project!r} was not made: it may cost $3.00, "
        "and the budget of 'team' has $2.50 left"
    )


def test_names_the_limit_that_refused(client: Client, account: Account) -> None:
    limit = budget_pb2.ModelLimit(model="gpt-4o*", limit_nano_usd=1_000_000_000)
    client.create_budget(
        pb.CreateBudgetRequest(
            project=account.project, user="bob", total_budget_nano_usd=9_000_000_000, model_limits=[limit]
        )
    )
    error = refused(client, account, "bob")
    assert (error.reason, error.remaining_usd) == ("MODEL_LIMIT_EXCEEDED", 1)
    assert str(error).endswith("and the limit for gpt-4o* of 'bob' has $1.00 left")


def test_finds_a_refusal_among_the_causes_of_an_error() -> None:
    refusal = BudgetExceededError("no")
    caused, handled = RuntimeError("caused"), RuntimeError("handled")
    caused.__cause__, handled.__context__ = refusal, caused
    assert budget_exceeded(handled) is refusal
    assert budget_exceeded(None) is None
    # An error may be among its own causes.
    circular = RuntimeError("circular")
    circular.__context__ = RuntimeError("inner")
    circular.__context__.__context__ = circular
    assert budget_exceeded(circular) is None

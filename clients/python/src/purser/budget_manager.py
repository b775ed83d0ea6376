"""The methods of LiteLLM's BudgetManager, on Purser."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from .client import Client
from .completions import completion_json, plain_json, struct_of
from .errors import BudgetNotFoundError, InvalidFieldError, PurserError
from .money import Dollars, dollars_from_nano_usd, nano_usd_from_dollars
from .record import BudgetRecord, Duration, UpdatedCost, differences, period_of, record_of
from .v1 import budget_pb2, cost_pb2
from .v1 import budget_service_pb2 as pb

_USERS_A_PAGE = 1000


class BudgetManager:
    """The budgets of one project, with money as numbers of US dollars.

    Takes what LiteLLM's class takes. `api_base` is the server's gRPC address, as Client takes it, and `headers` go with
    every call. There is no `client_type="local"`: budgets that several processes may share need a server. `client` takes
    the place of a connection of its own.

    Methods raise KeyError (BudgetNotFoundError) for a user without a budget, but create_budget, is_valid_user and those
    without a user; and PurserError for what else Purser refuses, or while it cannot be reached. Any number of threads may
    use one.
    """

    def __init__(
        self,
        project_name: str,
        client_type: str = "hosted",
        api_base: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        client: Client | None = None,
    ) -> None:
        if client_type != "hosted":
            raise ValueError(
                f'client_type: must be "hosted", not {client_type!r}. Budgets are kept by a Purser server: start one, '
                'and give its gRPC address as api_base, as in api_base="http://127.0.0.1:50051"'
            )
        self.project_name = project_name
        self.client_type = client_type
        self._own_client = client is None
        self._client = client or Client(api_base, headers=headers)

    def create_budget(
        self,
        total_budget: Dollars,
        user: str,
        duration: Duration | None = None,
        created_at: float | None = None,
    ) -> BudgetRecord:
        """Creates a user's budget, or gives the one that is there this total and duration. What was spent stays.

        `total_budget` is US dollars, 0 or more. `duration` is daily, weekly, monthly or yearly; absent, it never starts
        anew. `created_at`, in seconds since 1970, is from when periods are counted; absent: now, or as before where the
        budget has this duration already. Raises ValueError and TypeError.
        """
        total_nano_usd = nano_usd_from_dollars("total_budget", total_budget)
        period = period_of(duration, created_at)
        project = self.project_name
        budget = self._created_or_found(
            pb.CreateBudgetRequest(
                project=project, user=user, total_budget_nano_usd=total_nano_usd, period=period
            )
        )
        update = pb.UpdateBudgetRequest(
            project=project, user=user, total_budget_nano_usd=total_nano_usd, period=period
        )
        update.update_mask.paths.extend(differences(budget, total_nano_usd, period))
        if update.update_mask.paths:
            budget = self._client.update_budget(update).budget
        return record_of(budget)

    def projected_cost(self, model: str, messages: Sequence[Mapping[str, Any]], user: str) -> float:
        """What the user would have spent after sending these chat messages: the current cost and the prompt's."""
        request = pb.ProjectedCostRequest(project=self.project_name, user=user, model=model)
        for index, message in enumerate(messages):
            name = f"messages[{index}]"
            request.messages.append(struct_of(name, plain_json(name, message)))
        return dollars_from_nano_usd(self._client.projected_cost(request).projected_cost_nano_usd)

    def get_total_budget(self, user: str) -> float:
        return dollars_from_nano_usd(self._budget(user).total_budget_nano_usd)

    def update_cost(
        self,
        user: str,
        completion_obj: Any = None,
        model: str | None = None,
        input_text: str | None = None,
        output_text: str | None = None,
        *,
        request_id: str | None = None,
    ) -> UpdatedCost:
        """Records what a call cost. It is charged once, however often it has to be sent again.

        Takes the provider's response (LiteLLM's ModelResponse, an object of the OpenAI or Anthropic SDK, or a dict) or,
        going before it, `model`, `input_text` and `output_text`. Beside a response, `model` is the one to price it at:
        needed where the response names none. `request_id` makes two calls of this method one charge.

        Raises ValueError where neither is given, and for a model without a price.
        """
        request = pb.UpdateCostRequest(
            project=self.project_name, user=user, request_id=request_id or str(uuid.uuid4())
        )
        if model and input_text and output_text:
            text = cost_pb2.TextUsage(model=model, input_text=input_text, output_text=output_text)
            request.text.CopyFrom(text)
        elif completion_obj:
            request.completion.CopyFrom(struct_of("completion_obj", completion_json(completion_obj)))
            request.completion_model = model or ""
        else:
            raise ValueError(
                "update_cost: needs either completion_obj, or model, input_text and output_text, none of them empty"
            )
        charged = self._client.update_cost(request)
        return {
            "user": record_of(charged.budget),
            "cost": dollars_from_nano_usd(charged.cost_nano_usd),
            "over_budget": charged.over_budget,
            "request_id": charged.request_id,
        }

    def get_current_cost(self, user: str) -> float:
        """What was spent in this period."""
        return dollars_from_nano_usd(self._cost(user).current_cost_nano_usd)

    def get_model_cost(self, user: str) -> dict[str, float]:
        """What each model has spent in this period."""
        return {model: dollars_from_nano_usd(cost) for model, cost in self._cost(user).model_costs.items()}

    def is_valid_user(self, user: str) -> bool:
        """Whether the user has a budget."""
        try:
            self._budget(user)
        except BudgetNotFoundError:
            return False
        except InvalidFieldError as error:
            # No budget can have such a name.
            if error.metadata.get("field") == "user":
                return False
            raise
        return True

    def get_users(self) -> list[str]:
        """Everybody who has a budget, in order."""
        users: list[str] = []
        request = pb.ListUsersRequest(project=self.project_name, page_size=_USERS_A_PAGE)
        while True:
            page = self._client.list_users(request)
            users.extend(budget.user for budget in page.budgets)
            if not page.next_page_token:
                return users
            request.page_token = page.next_page_token

    def reset_cost(self, user: str) -> dict[str, BudgetRecord]:
        """Closes the user's period now, and opens one with nothing spent."""
        reset = self._client.reset_cost(pb.ResetCostRequest(project=self.project_name, user=user))
        return {"user": record_of(reset.budget)}

    def reset_on_duration(self, user: str) -> None:
        """Writes down the user's period if it has ended. Nobody needs to call it: every method sees a new one by itself.

        Raises KeyError where the budget has no duration.
        """
        if not self._budget(user).HasField("period"):
            raise KeyError(f"the budget of user {user!r} has no duration, and never starts anew")
        self._client.sweep_durations(pb.SweepDurationsRequest(project=self.project_name, user=user))

    def update_budget_all_users(self) -> None:
        """Writes down all periods of the project that have ended. Nobody needs to call it."""
        self._client.sweep_durations(pb.SweepDurationsRequest(project=self.project_name))

    def save_data(self) -> dict[str, str]:
        """There is nothing left to save: whatever a method has answered is kept."""
        return {"status": "success"}

    def close(self) -> None:
        """Closes the connection, unless it was given."""
        if self._own_client:
            self._client.close()

    def __enter__(self) -> BudgetManager:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _budget(self, user: str) -> budget_pb2.Budget:
        return self._client.get_budget(pb.GetBudgetRequest(project=self.project_name, user=user)).budget

    def _cost(self, user: str) -> pb.GetCurrentCostResponse:
        return self._client.get_current_cost(pb.GetCurrentCostRequest(project=self.project_name, user=user))

    def _created_or_found(self, request: pb.CreateBudgetRequest) -> budget_pb2.Budget:
        try:
            return self._client.create_budget(request).budget
        except PurserError as error:
            if error.reason != "BUDGET_EXISTS":
                raise
            return self._budget(request.user)

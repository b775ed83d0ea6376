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

    The arguments are those of LiteLLM's class. `api_base` is the server's gRPC address, as for Client. `headers` are sent
    with every call. There is no `client_type="local"`: several processes can only share budgets through a server.
    `api_key` is the key, by default the environment variable PURSER_KEY. `client` is an existing connection to use instead.

    Methods that take a user raise KeyError (BudgetNotFoundError) if the user has no budget, except create_budget and
    is_valid_user. All methods raise PurserError for any other refusal, and while Purser cannot be reached. A
    BudgetManager is safe to use from several threads.
    """

    def __init__(
        self,
        project_name: str,
        client_type: str = "hosted",
        api_base: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        api_key: str | None = None,
        client: Client | None = None,
    ) -> None:
        if client_type != "hosted":
            raise ValueError(
                f'client_type: must be "hosted", not {client_type!r}. A Purser server keeps the budgets: start one, '
                'and pass its gRPC address as api_base, for example api_base="http://127.0.0.1:50051"'
            )
        if api_key and client is not None:
            raise ValueError("api_key: cannot be used with client, which has its own key")
        self.project_name = project_name
        self.client_type = client_type
        self._own_client = client is None
        self._client = client or Client(api_base, api_key=api_key, headers=headers)

    def create_budget(
        self,
        total_budget: Dollars,
        user: str,
        duration: Duration | None = None,
        created_at: float | None = None,
    ) -> BudgetRecord:
        """Creates a user's budget, or sets the total and duration of an existing one. The amount spent does not change.

        `total_budget` is US dollars, 0 or more. `duration` is daily, weekly, monthly or yearly; without it, the budget
        never resets. `created_at`, in seconds since 1970, is the start of the first period. By default it is the existing
        start if the duration does not change, else now. Raises ValueError and TypeError.
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
        """The user's cost after these chat messages: the current cost plus the cost of the prompt."""
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
        """Records the cost of a call. Retries charge it once.

        Takes the provider's response (LiteLLM's ModelResponse, an object of the OpenAI or Anthropic SDK, or a dict), or
        `model`, `input_text` and `output_text`, which take precedence. With a response, `model` is the model that prices
        it: required if the response does not name one. Calls with the same `request_id` are charged once.

        Raises ValueError if neither is given, and for a model without a price.
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
                "update_cost: needs completion_obj, or all of model, input_text and output_text; none may be empty"
            )
        charged = self._client.update_cost(request)
        return {
            "user": record_of(charged.budget),
            "cost": dollars_from_nano_usd(charged.cost_nano_usd),
            "over_budget": charged.over_budget,
            "request_id": charged.request_id,
        }

    def get_current_cost(self, user: str) -> float:
        """The amount spent in this period."""
        return dollars_from_nano_usd(self._cost(user).current_cost_nano_usd)

    def get_model_cost(self, user: str) -> dict[str, float]:
        """The amount that each model spent in this period."""
        return {model: dollars_from_nano_usd(cost) for model, cost in self._cost(user).model_costs.items()}

    def is_valid_user(self, user: str) -> bool:
        """Whether the user has a budget."""
        try:
            self._budget(user)
        except BudgetNotFoundError:
            return False
        except InvalidFieldError as error:
            # The server refuses the name itself, so no budget can have it.
            if error.metadata.get("field") == "user":
                return False
            raise
        return True

    def get_users(self) -> list[str]:
        """All users with a budget, sorted by name."""
        users: list[str] = []
        request = pb.ListUsersRequest(project=self.project_name, page_size=_USERS_A_PAGE)
        while True:
            page = self._client.list_users(request)
            users.extend(budget.user for budget in page.budgets)
            if not page.next_page_token:
                return users
            request.page_token = page.next_page_token

    def reset_cost(self, user: str) -> dict[str, BudgetRecord]:
        """Ends the user's period now and starts a new one with nothing spent."""
        reset = self._client.reset_cost(pb.ResetCostRequest(project=self.project_name, user=user))
        return {"user": record_of(reset.budget)}

    def reset_on_duration(self, user: str) -> None:
        """Records the user's period if it has ended. Calling it is optional: every method sees a new period in any case.

        Raises KeyError if the budget has no duration.
        """
        if not self._budget(user).HasField("period"):
            raise KeyError(f"the budget of user {user!r} has no duration, so it never resets")
        self._client.sweep_durations(pb.SweepDurationsRequest(project=self.project_name, user=user))

    def update_budget_all_users(self) -> None:
        """Records all periods of the project that have ended. Calling it is optional."""
        self._client.sweep_durations(pb.SweepDurationsRequest(project=self.project_name))

    def save_data(self) -> dict[str, str]:
        """Does nothing: a result is saved before its method returns."""
        return {"status": "success"}

    def close(self) -> None:
        """Closes the connection, unless it was passed as `client`."""
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

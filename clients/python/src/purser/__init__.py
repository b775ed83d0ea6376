"""Budgets for LLM spend: a client of Purser, LiteLLM's BudgetManager, and HTTP transports that enforce a budget."""

from .budget_manager import BudgetManager
from .client import Client
from .errors import (
    BudgetExceededError,
    BudgetNotFoundError,
    InvalidFieldError,
    PurserError,
    PurserUnavailableError,
    RateExceededError,
    UnpricedModelError,
    budget_exceeded,
)
from .key_client import KeyClient
from .record import BudgetRecord, Duration, UpdatedCost
from .transport import AsyncBudgetTransport, BudgetTransport

__all__ = [
    "AsyncBudgetTransport",
    "BudgetExceededError",
    "BudgetManager",
    "BudgetNotFoundError",
    "BudgetRecord",
    "BudgetTransport",
    "Client",
    "Duration",
    "InvalidFieldError",
    "KeyClient",
    "PurserError",
    "PurserUnavailableError",
    "RateExceededError",
    "UnpricedModelError",
    "UpdatedCost",
    "budget_exceeded",
]

"""Budgets for LLM spend: a client of Purser, LiteLLM's BudgetManager, and HTTP transports that enforce a budget."""

from .budget_manager import BudgetManager
from .client import Client
from .errors import (
    BudgetExceededError,
    BudgetNotFoundError,
    InvalidFieldError,
    PurserError,
    PurserUnavailableError,
    UnpricedModelError,
    budget_exceeded,
)
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
    "PurserError",
    "PurserUnavailableError",
    "UnpricedModelError",
    "UpdatedCost",
    "budget_exceeded",
]

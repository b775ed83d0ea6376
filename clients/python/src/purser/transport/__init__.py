"""Transports for httpx and httpx2 that pay calls of models from a budget."""

from .asynchronous import AsyncBudgetTransport
from .synchronous import BudgetTransport

__all__ = ["AsyncBudgetTransport", "BudgetTransport"]

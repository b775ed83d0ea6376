"""Transports for httpx and httpx2 that charge calls to models to a budget."""

from .asynchronous import AsyncBudgetTransport
from .synchronous import BudgetTransport

__all__ = ["AsyncBudgetTransport", "BudgetTransport"]

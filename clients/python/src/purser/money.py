"""US dollars as numbers, for the public interface of BudgetManager, and nano-USD for all other code: 1 USD is 1e9."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Union

Dollars = Union[int, float, Decimal]

NANO_USD_MAX = 2**63 - 1
_NANO_USD_PER_USD = 1_000_000_000
# Enough digits for any amount in range. An amount with more digits is too large, or is rounded anyway.
_CONTEXT = Context(prec=2000)


def nano_usd_from_dollars(name: str, dollars: Dollars) -> int:
    """Converts US dollars, 0 or more, to nano-USD.

    A float is read as the shortest decimal that reads back as the same float, so 0.1 is one tenth. Below the ninth decimal
    it is rounded once, half away from zero. `name` is the parameter's name, for the error.

    Raises TypeError for a value that is not a number, and ValueError for NaN, an infinity, an amount below 0, or one that
    does not fit in 64 bits.
    """
    if isinstance(dollars, bool) or not isinstance(dollars, (int, float, Decimal)):
        raise TypeError(f"{name}: must be a number of US dollars, not {type(dollars).__name__}")
    decimal = dollars if isinstance(dollars, Decimal) else Decimal(repr(dollars))
    if not decimal.is_finite() or decimal < 0 or decimal > NANO_USD_MAX:
        raise _out_of_range(name, dollars)
    amount = int((_CONTEXT.multiply(decimal, Decimal(_NANO_USD_PER_USD))).to_integral_value(ROUND_HALF_UP))
    if amount > NANO_USD_MAX:
        raise _out_of_range(name, dollars)
    return amount


def dollars_from_nano_usd(amount: int) -> float:
    """The float nearest to an amount in nano-USD."""
    return amount / _NANO_USD_PER_USD


def format_usd(amount: int) -> str:
    """Nano-USD for people: exact, with two decimals or more, for example "$10.00", "$0.0000051", "-$3.50"."""
    whole, nanos = divmod(abs(amount), _NANO_USD_PER_USD)
    fraction = f"{nanos:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}${whole}.{fraction}"


def _out_of_range(name: str, dollars: Dollars) -> ValueError:
    return ValueError(f"{name}: must be an amount of US dollars from 0 to 9223372036, not {dollars!r}")

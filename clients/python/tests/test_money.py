from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from purser.money import dollars_from_nano_usd, format_usd, nano_usd_from_dollars


@pytest.mark.parametrize(
    ("dollars", "nano_usd"),
    [
        (10, 10_000_000_000),
        (0.1, 100_000_000),
        (1e-9, 1),
        (4.9e-10, 0),
        (5e-10, 1),
        (1.0000000005, 1_000_000_001),
        (Decimal("0.0000000025"), 3),
        (9223372036.0, 9_223_372_036_000_000_000),
        (Decimal("9223372036.8547758074"), 2**63 - 1),
        (5e-324, 0),
        (-0.0, 0),
    ],
)
def test_dollars_become_nano_usd(dollars: Any, nano_usd: int) -> None:
    assert nano_usd_from_dollars("total", dollars) == nano_usd


@pytest.mark.parametrize(
    "dollars", [-1e-9, float("nan"), float("inf"), 1e300, Decimal("9223372036.8547758075"), Decimal("sNaN")]
)
def test_what_is_no_amount_is_refused(dollars: Any) -> None:
    with pytest.raises(ValueError, match="total: must be an amount of US dollars from 0 to 9223372036, not "):
        nano_usd_from_dollars("total", dollars)


@pytest.mark.parametrize("dollars", [True, "1", None])
def test_what_is_no_number_is_refused(dollars: Any) -> None:
    with pytest.raises(TypeError, match="total: must be a number of US dollars, not "):
        nano_usd_from_dollars("total", dollars)


def test_nano_usd_become_dollars() -> None:
    assert dollars_from_nano_usd(5_700) == 5.7e-06
    assert dollars_from_nano_usd(2**63 - 1) == 9223372036.854775807
    assert (format_usd(10_000_000_000), format_usd(5_100), format_usd(-3_500_000_000)) == (
        "$10.00",
        "$0.0000051",
        "-$3.50",
    )

"""Prices as feeds write them: as many decimals as the currency has."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

# ISO 4217; every other currency has two.
WITHOUT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
WITH_THREE = "BHD IQD JOD KWD LYD OMR TND"
DECIMALS = dict.fromkeys(WITHOUT.split(), 0) | dict.fromkeys(WITH_THREE.split(), 3)
STEPS = {0: Decimal(1), 2: Decimal("0.01"), 3: Decimal("0.001")}


def rounded(amount: Decimal, currency: str) -> Decimal:
    """``amount`` in whole units of the currency's smallest coin, halves away from zero."""
    return amount.quantize(STEPS[DECIMALS.get(currency, 2)], ROUND_HALF_UP)

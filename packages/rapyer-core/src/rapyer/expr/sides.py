"""The two sides of an operator, for type checkers.

To type checkers, the result of calculating with an int is a float; an int is accepted as a float
too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from decimal import Decimal

    from rapyer.expr.values import Value

Real: TypeAlias = "Value[int] | Value[float]"
RealOrNone: TypeAlias = "Real | Value[int | None] | Value[float | None]"
Exact: TypeAlias = "Value[Decimal]"
ExactOrNone: TypeAlias = "Exact | Value[Decimal | None]"
Number: TypeAlias = "RealOrNone | ExactOrNone"
Text: TypeAlias = "Value[str]"
TextOrNone: TypeAlias = "Text | Value[str | None]"
Instant: TypeAlias = "Value[datetime]"
InstantOrNone: TypeAlias = "Instant | Value[datetime | None]"
Span: TypeAlias = "Value[timedelta]"

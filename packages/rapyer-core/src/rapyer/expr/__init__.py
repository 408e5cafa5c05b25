"""The expression language: paths into documents, conditions, calculated values. No Redis here."""

from rapyer.expr.nodes import Condition as Condition
from rapyer.expr.order import Order as Order
from rapyer.expr.paths import Path as Path
from rapyer.expr.steps import Step as Step
from rapyer.expr.values import Value as Value

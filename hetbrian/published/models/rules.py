"""What arguments that several published networks share may be."""

from typing import Any

from brian2 import Quantity

from hetbrian._support.arguments import Rule, either, of
from hetbrian._support.checks import finite
from hetbrian.network import Distribution, Reset


def reset_rule(value: Any, name: str) -> None:
    """Refuse what is no reset rule, nor the name of one."""
    Reset.of(value)


def value_or_law(unit: Quantity | None = None) -> Rule:
    """Return a rule for one number in a unit, or a law of such numbers."""
    return either(of(Distribution), lambda value, name: finite(value, name, unit))

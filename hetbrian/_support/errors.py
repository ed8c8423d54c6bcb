"""Errors that more than one room raises."""


class DivergenceError(ArithmeticError):
    """A simulation left the finite numbers; the message says when and where."""

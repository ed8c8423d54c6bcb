"""Errors that more than one room raises."""


class DivergenceError(ArithmeticError):
    """A simulation left the finite numbers; the message says when and where."""


class NetworkError(ValueError):
    """A network that is refused when its run is prepared; the message says what to change."""


class MissingDevice(RuntimeError):
    """There is no such device here; the message says what is missing."""

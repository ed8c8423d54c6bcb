"""Names of generated code, which meet none of the user's."""

from collections.abc import Iterable


class Names:
    """
    Hand out names that nobody else has: the base, or the base with a number.

    Parameters
    ----------
    taken : iterable of str
        Names that are in use, such as those of a model's variables.

    Examples
    --------
    >>> names = Names(["spikes"])
    >>> names.new("spikes"), names.new("state"), names.new("state")
    ('spikes_1', 'state', 'state_1')
    """

    def __init__(self, taken: Iterable[str] = ()):
        self._taken = set(taken)

    def new(self, base: str) -> str:
        """Return a free name, which is taken from then on."""
        name, count = base, 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name

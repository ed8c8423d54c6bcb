"""Classes of objects: those of Brian2, or others that run as Brian2's."""

from typing import Any

from hetbrian.torch.limits import refused

OWN = ("brian2", "hetbrian")
"""Packages whose classes the exporter knows."""

HARMLESS = frozenset(
    """
    __init__ __new__ __init_subclass__ __doc__ __module__ __dict__ __weakref__ __slots__ __annotations__ __annotate__
    __repr__ __str__ __del__ __signature__ __firstlineno__ __static_attributes__ __abstractmethods__ _abc_impl
    add_to_magic_network invalidates_magic_network
    """.split()
)
"""What another class may define: how an object is made, is shown and ends changes nothing that it does in a run."""


def replaced(item: Any) -> str | None:
    """
    Return what an object has in the place of Brian2's, by its class or its own attributes.

    Parameters
    ----------
    item : object
        An object of Brian2.

    Returns
    -------
    str or None
        The first name, None if there is none.

    Examples
    --------
    >>> from brian2 import NeuronGroup
    >>> class Mine(NeuronGroup):
    ...     def before_run(self, run_namespace):
    ...         "Do nothing."
    >>> Mine.__module__ = "mine"  # which it is outside this docstring
    >>> replaced(Mine(1, "v : 1")), replaced(NeuronGroup(1, "v : 1"))
    ('before_run', None)
    """
    classes = type(item).__mro__
    base = next((kind for kind in classes if kind.__module__.partition(".")[0] in OWN), object)
    for name in dir(base):
        owner = next((kind for kind in classes if name in vars(kind)), base)
        if owner not in base.__mro__ and name not in HARMLESS:
            return name
    known = dir(base)
    return next((name for name in vars(item) if name in known and callable(getattr(base, name))), None)


def check_class(item: Any) -> None:
    """
    Refuse an object that does something else in a run than its equations say, and what it contains.

    Parameters
    ----------
    item : BrianObject
        The object.

    Raises
    ------
    ExportError
        If it, its clock or anything active in it replaces something of Brian2's.
    """
    for part in (item, item.clock):
        name = replaced(part)
        if name is not None:
            found = f"{part.name} is a {type(part).__name__}, which has a {name} of its own"
            raise refused("class", found, "Brian2's")
    for part in item.contained_objects:
        if part.active:
            check_class(part)

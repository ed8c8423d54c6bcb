"""What a readout has learnt, in files and on other devices."""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hetbrian._support.arguments import checked
from hetbrian._support.checks import file_path, flag
from hetbrian._support.entries import Entry, check_entries
from hetbrian._support.files import arrays, check_sizes, save_arrays
from hetbrian.codegen import waiting
from hetbrian.readout.entries import BIAS, RULE, check_counts, check_P, table

FILE_FORMAT = 1

LEARNT = ("_weights", "_P", "_c", "_gain", "n_updates", "initial_P", "forgetting", "_largest")
"""Arrays of a trained readout, beside the encoder."""

STATE = (*LEARNT, "z", "y", "start", "stop", "_every", "_next", "_draw")
"""Arrays from which a stopped run goes on."""

COMMON = ("n_updates", "forgetting", "start", "stop", "every", "_every", "_next", "_draw")
"""Arrays that are one for all networks; of the others each network has a part of its own."""

if TYPE_CHECKING:

    class _Readout:
        """What `Saved` is mixed into: a `FORCE`."""

        variables: Any
        rule: str
        bias: bool
        is_random: bool
        clock: Any
        _filter: tuple[str, ...]
        _is_auto: bool
        _law: Any
        _expression: str
        n_networks: int

        def refuse(self, values: Mapping[str, Any]) -> None: ...
else:
    _Readout = object


class Saved(_Readout):
    """The part of `FORCE` that keeps P and the weights in files, the same for every device; a mixin."""

    @property
    def P(self) -> NDArray[np.float64]:
        """
        ndarray, shape (n_weights, n_weights) : the running inverse correlation of r, as of the last update.

        That of each network, with one axis more before, if there are several.
        """
        if not int(self.variables["n_updates"].get_value()[0]):
            initial = np.array(self.variables["initial_P"].get_value(), dtype=float)
            initial[initial == 0] = np.nan  # "auto" is not known yet
            found = [number * np.eye(self._size) for number in initial]
        else:
            found = [waiting.settled(part, self._size, self._forgetting) for part in self._parts(self._learnt())]
        return found[0] if self.n_networks == 1 else np.array(found)

    _size = property(lambda self: self.variables["_n_weights"].get_value())
    _forgetting = property(lambda self: float(self.variables["forgetting"].get_value()[0]))

    def _parts(self, content: Mapping[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
        """Return arrays of each network, by name; what is not as long as a part for each of them stays whole."""
        n = self.n_networks
        return [
            {
                name: values if name in COMMON else values[k * values.size // n : (k + 1) * values.size // n]
                for name, values in content.items()
            }
            for k in range(n)
        ]

    def _whole(self, parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
        """Return what `_parts` took apart."""
        return {
            name: values if name in COMMON else np.concatenate([part[name] for part in parts])
            for name, values in parts[0].items()
        }

    def _learnt(self) -> dict[str, NDArray[Any]]:
        """Return the arrays in which this device keeps P, by name."""
        return self._own(("_P", "_tiles", "_c", "_gain", *waiting.arrays(1, np.float64)))

    def _own(self, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Return arrays as they are, by name."""
        return {name: np.array(self.variables[name].get_value()) for name in names if name in self.variables}

    def layout(self, names: Iterable[str] = STATE) -> dict[str, int]:
        """Return the arrays, by name, that `portable` returns, and their sizes."""
        names = (*names, "_encoder", *waiting.arrays(1, np.float64))
        sizes = {name: self.variables[name].size for name in names if name in self.variables}
        return sizes | {"_P": self.n_networks * self._size**2}

    def portable(self, names: Iterable[str] = STATE) -> dict[str, NDArray[Any]]:
        """Return arrays for a file, by name; P row by row, which every device reads."""
        parts = self._parts(self._own(self.layout(names)))
        for part, learnt in zip(parts, self._parts(self._learnt()), strict=True):
            part |= waiting.portable(learnt, self._size)
            part["_P"] = part["_P"][: self._size**2]
            part.pop("_tiles", None)
        return self._whole(parts)

    def restore(self, content: Mapping[str, NDArray[Any]]) -> None:
        """Set arrays as `portable` returned them, perhaps on another device."""
        parts = self._parts(content)
        for part in parts:
            for name, values in part.items():
                variable = self.variables[name]
                length = variable.size if name in COMMON else variable.size // self.n_networks
                part[name] = np.append(values, np.zeros(length - values.size, variable.dtype))
        for name, values in self._whole(parts).items():
            self.variables[name].set_value(values)
        if "_P" in content and "_tiles" in self.variables:
            self.variables["_tiles"].set_value(0)
        if "_counts" in content and "_is_dense" in self.variables:
            self.variables["_is_dense"].set_value([part["_counts"][waiting.COUNTS.index("dense")] for part in parts])

    def keep_nothing_waiting(self) -> None:
        """Let P have all updates, for a kernel that lets none wait."""
        parts = [waiting.without_waiting(part, self._size, self._forgetting) for part in self._parts(self._learnt())]
        changed = {name for part in parts for name in part}
        for part, own in zip(parts, self._parts(self._own(changed)), strict=True):
            part |= {name: own[name] for name in changed - part.keys()}
        self.restore(self._whole(parts))

    def translated(self, content: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the arrays of a file as `portable` does; earlier files and other devices keep other arrays."""
        found = {{"every": "_every"}.get(name, name): values for name, values in content.items()}
        found.setdefault("_P", np.zeros(0))
        found.setdefault("_largest", np.full(self.n_networks, np.inf))  # its target is not known: no bound
        kept = {name: values for name, values in found.items() if name not in ("_x", "_product", "_tiles")}
        parts = self._parts(kept)
        for part in parts:
            part["_P"] = part["_P"][: self._size**2]
        return self._whole([waiting.translated(part, self._size, is_used=bool(self._filter)) for part in parts])

    def entries(self) -> dict[str, Entry]:
        """Return what each array of a file may be."""
        return table(self._size, self.n_networks)

    def refuse_content(self, path: str | os.PathLike[str], content: Mapping[str, NDArray[Any]]) -> None:
        """Refuse arrays of a file, as `translated` returned them, that do not go together."""
        for part in self._parts(content):
            check_counts(path, part)
            check_P(path, part, self._size)
        limited = {name: content[name][0].item() for name in ("start", "stop") if name in content}
        try:
            self.refuse(limited)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)!r} cannot be loaded, because {error}") from None

    def defining(self) -> dict[str, Any]:
        """Return texts, numbers and arrays that tell this readout from others, by what they are; not what it learns."""
        scalars = {name: float(self.variables[name].get_value()[0]) for name in ("start", "stop", "forgetting")}
        numbers = np.array(self.variables["initial_P"].get_value(), dtype=float)
        initial = "auto" if self._is_auto else numbers.item() if numbers.size == 1 else numbers
        steps = int(self.variables["_every"].get_value()[0])
        networks = {"networks": str(self.n_networks)} if self.n_networks > 1 else {}
        every = repr(self._law) if self.is_random else f"{steps * float(self.clock.dt):.9g}"
        return {
            "rule": self.rule,
            "bias": str(self.bias),
            "target": self._expression,
            "dtype": self.variables["_P"].dtype.name,
            "activity": self.variables["_activity"].name,
            "initial_P": initial,
            "every": every,
            **networks,
            **scalars,
            **({"encoder": np.array(self.variables["_encoder"].get_value())} if "_encoder" in self.variables else {}),
        }

    @checked(path=file_path)
    def save(self, path: str | os.PathLike[str]) -> None:
        """
        Write the trained readout to one ``.npz`` file, whole or not at all.

        Parameters
        ----------
        path : path-like
            File to write; an existing one is replaced.

        Raises
        ------
        OSError
            If the folder cannot be written or the disk is full; an existing file is left as it was.
        """
        save_arrays(path, FILE_FORMAT, {**self.portable(LEARNT), "rule": self.rule, "bias": self.bias})

    @checked(path=file_path, learn=flag)
    def load(self, path: str | os.PathLike[str], learn: bool = False) -> None:
        """
        Read a trained readout into this one, which has the same sizes.

        Parameters
        ----------
        path : path-like
            File that `save` wrote.
        learn : bool
            Whether the readout goes on learning between ``start`` and ``stop``; by default it only runs.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not a readout, of other sizes, with numbers that no readout can have or, with ``learn``, of other
            ``forgetting`` or ``initial_P``; this one is then left as it was.
        """
        content = arrays(path, FILE_FORMAT, {"bias": BIAS}, "a saved readout", "FORCE.save")
        content.setdefault("rule", content.pop("gain", np.array("")))  # its name in earlier files
        check_entries(path, content, {"rule": RULE})
        for name, expected in {"bias": self.bias, "rule": self.rule}.items():
            found = content.pop(name).item()
            if found != expected and (learn or name == "bias"):
                raise ValueError(
                    f"{os.fspath(path)!r} was saved with {name} = {found!r}, expected {expected!r}: "
                    "build the readout as the saved one."
                )
        check_entries(path, content, self.entries())
        content, sizes = self.translated(content), self.layout(LEARNT)
        advice = "the readout must be built with the same neurons, networks, outputs, bias and feedback"
        check_sizes(path, content, sizes, advice)
        self.refuse_content(path, {name: content[name] for name in sizes})
        for name in ("initial_P", "forgetting") if learn else ():
            own = self._own((name,))[name]
            is_another = (content[name] != own) & ((own != 0) | (name != "initial_P"))  # 0 is "auto"
            for found, expected in zip(content[name][is_another], own[is_another], strict=True):
                raise ValueError(
                    f"{os.fspath(path)!r} was saved with {name} = {found:g}, expected {expected:g}, with which this "
                    "readout was built: build it as the saved one."
                )
        self.restore({name: content[name] for name in sizes})
        if not learn:
            self.variables["start"].set_value(0.0)
            self.variables["stop"].set_value(0.0)

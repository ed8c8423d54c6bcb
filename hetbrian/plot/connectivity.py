"""Weights of a network: how they are distributed, and the spectrum of the network that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Quantity, amp, pA

from hetbrian._support.arguments import array, checked
from hetbrian._support.checks import text
from hetbrian.plot.inputs import a_dataset, of_numbers, some_axes
from hetbrian.plot.labels import in_short, label
from hetbrian.plot.style import COLOURS, above, panels, styled

if TYPE_CHECKING:
    import xarray as xr

LARGEST = 5000
"""Neurons of which eigenvalues are computed, in a minute."""


@checked(
    dataset=a_dataset,
    axes=some_axes,
)
@styled
def readout_weights(dataset: xr.Dataset, axes: Any = None) -> np.ndarray:
    """
    Draw how the weights of a readout are distributed, one line for each output.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.simulate` with ``record="weights"``.
    axes : Axes, optional
        Where to draw.

    Returns
    -------
    ndarray of Axes, shape (1,)

    Raises
    ------
    ValueError
        If the weights were not recorded.
    TypeError
        If an argument is of another kind.
    """
    variable = of_numbers(dataset, "weights", "record='weights' with hb.simulate", "output", "weight")
    names = dataset["output"].values if "output" in dataset.coords else np.arange(variable.shape[0])
    (axis,) = panels(axes, 1, (5.5, 3.2))
    extent = max(float(np.abs(variable.values).max()), 1e-12)
    edges = np.linspace(-extent, extent, 1 + int(np.clip(variable.shape[1] // 8, 10, 60)))
    looks = [*(COLOURS[name] for name in ("eta", "g", "theta", "combined", "homogeneous", "target"))]
    for k, row in enumerate(variable.values):
        name = f"output {names[k]}, norm {np.linalg.norm(row):.3g}"
        axis.stairs(np.histogram(row, edges)[0], edges, color=looks[k % len(looks)], lw=1.4, label=name)
    axis.axvline(0, color="0.6", lw=0.8, ls=":")
    axis.set(xlabel=label(variable, "readout weight"), ylabel="neurons")
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.set_ylim(0, 1.25 * axis.get_ylim()[1])
    axis.legend(loc="upper right", fontsize=7 if len(names) > 3 else None, borderaxespad=0)
    return np.array([axis])


@checked(
    dataset=a_dataset,
    axes=some_axes,
    encoder=array(amp, 1, 2),
    synapses=text,
)
@styled
def spectrum(
    dataset: xr.Dataset, axes: Any = None, *, encoder: Quantity | None = None, synapses: str = "recurrent.omega"
) -> np.ndarray:
    r"""
    Draw the eigenvalues of the weights, and of the weights with the feedback of a readout, omega + Q eta phi^T.

    .. math:: \Omega_{ij} = g_i \omega_{ij}, \quad \Omega + E \Phi

    where :math:`\Phi` are the readout weights and the encoder E is :math:`Q \eta`, Q Uniform(-1, 1), in
    `hetbrian.published.models.force`. The circle is that of random weights of the same variance, radius
    :math:`\sqrt{\sum_{ij} \Omega_{ij}^2 / N}`.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `hetbrian.simulate` with ``record=("recurrent.omega", "recurrent.i", "recurrent.j")``; also ``"g"`` if
        neurons have row gains of their own, and ``"weights"`` if an encoder is given.
    axes : Axes, optional
        Where to draw.
    encoder : Quantity [amp], shape (n_neurons,) or (n_neurons, n_outputs), optional
        E, as it was given to `hetbrian.FORCE`.
    synapses : str
        ``"object.variable"`` of the weights.

    Returns
    -------
    ndarray of Axes, shape (1,)

    Raises
    ------
    ValueError
        If the weights were not recorded, the encoder has another shape, or there are more than `LARGEST` neurons.
    TypeError
        If an argument is of another kind.
    DimensionMismatchError
        If the encoder is no current.

    References
    ----------
    Girko's law: Rajan & Abbott 2006, doi 10.1103/PhysRevLett.97.188104; omega + Q eta phi^T: Nicola & Clopath 2017,
    doi 10.1038/s41467-017-01827-3, Eq. 12.
    """
    matrix, unit = _matrix(dataset, synapses, encoder)
    spectra = {"weights": np.linalg.eigvals(matrix)}
    if encoder is not None:
        spectra["with feedback"] = np.linalg.eigvals(matrix + _loop(dataset, encoder, len(matrix), unit))
    (axis,) = panels(axes, 1, (4.6, 4.2))
    radius = float(np.sqrt((matrix**2).sum() / len(matrix)))
    angle = np.linspace(0, 2 * np.pi, 200)
    axis.plot(radius * np.cos(angle), radius * np.sin(angle), color="0.6", lw=0.9, ls="--", label="random weights")
    looks = {"weights": {"mec": COLOURS["homogeneous"], "mfc": "none", "marker": "o", "ms": 4, "mew": 0.8},
             "with feedback": {"color": COLOURS["g"], "marker": "x", "ms": 4, "mew": 1.0}}  # fmt: skip
    for name, values in spectra.items():
        axis.plot(values.real, values.imag, ls="", label=name, **looks[name])
    axis.set(xlabel=f"real part of the eigenvalue ({unit})", ylabel=f"imaginary part ({unit})")
    axis.set_aspect("equal", "datalim")
    axis.margins(0.1)
    above(axis, fontsize=7.5)
    return np.array([axis])


def _matrix(dataset, name, encoder):
    """Return weights with row gains, shape (n_neurons, n_neurons), row = target, and their unit."""
    owner = name.rpartition(".")[0]
    if not owner:
        raise ValueError(f"synapses is {name!r}, expected 'object.variable': write 'recurrent.omega', say.")
    record = f"record=('{name}', '{owner}.i', '{owner}.j') with hb.simulate"
    synapse = f"{owner}.synapse"
    weights = of_numbers(dataset, name, record, synapse)
    sources, targets = (of_numbers(dataset, f"{owner}.{end}", record, synapse).values.astype(int) for end in "ij")
    gains = of_numbers(dataset, "g", "record='g'", "neuron").values if "g" in dataset else None
    known = [max(sources.max(initial=0), targets.max(initial=0)) + 1]
    known += [len(gains)] if gains is not None else []
    known += [len(encoder)] if encoder is not None else []
    size = max(known)
    if gains is not None and len(gains) != size:
        raise ValueError(f"dataset holds g of {len(gains)} neurons, expected all {size}: record='g' without a choice.")
    if size > LARGEST:
        raise ValueError(f"dataset holds the weights of {size} neurons, expected at most {LARGEST}: take fewer.")
    matrix = np.zeros((size, size))
    np.add.at(matrix, (targets, sources), weights.values)
    matrix *= 1.0 if gains is None else gains[:, None]
    return matrix, in_short(str(weights.attrs.get("units", "1")))


def _loop(dataset, encoder, size, unit):
    """Return E Phi, shape (n_neurons, n_neurons), in the unit of the weights."""
    readout = of_numbers(dataset, "weights", "record='weights' with hb.simulate", "output", "weight").values
    given = np.asarray(encoder / pA, dtype=float).reshape(len(encoder), -1)
    if unit != "pA":
        raise ValueError(f"encoder is a current, expected one in the unit of the weights, {unit}: leave it out.")
    if given.shape != (size, len(readout)) or readout.shape[1] not in (size, size + 1):
        raise ValueError(
            f"encoder has shape {np.shape(encoder)}, expected ({size}, {len(readout)}) as neurons and outputs: give "
            "that of FORCE."
        )
    return given @ readout[:, :size]  # without the weight of the bias, which is no feedback between neurons

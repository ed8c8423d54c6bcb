"""Trained layers back in Brian2: recordings played to them one after the other, and the class that they get."""

from collections.abc import Sequence

import numpy as np
from brian2 import Network, NeuronGroup, Quantity, SpikeMonitor, Synapses, TimedArray, ms

from hetbrian._support.arguments import checked, of
from hetbrian._support.optional import torch
from hetbrian.training.data.binning import Binning
from hetbrian.training.data.recordings import Recordings
from hetbrian.training.layers import layer_stack
from hetbrian.training.network import TrainedNetwork
from hetbrian.training.preset import KINDS, Preset


@checked(
    trained=of(TrainedNetwork, advice="build one"),
    preset=of(Preset, advice="give that of the training"),
    binning=of(Binning, advice="give the bins"),
    recordings=of(Recordings, advice="load them, or make one"),
)
class Playback:
    """
    Play recordings to trained layers in Brian2, on any of its devices.

    The layers are built again on the active device, with the parameters of the module, trained or drawn; inputs come
    from a table of events, several of which may fall into a time step. Each recording begins with the neurons at
    rest. The readout is that of the classifier.

    Parameters
    ----------
    trained : TrainedNetwork
    preset : Preset
        From which it was built.
    binning : Binning
        How the recordings become events; its width of a bin is the time step of the layer.
    recordings : Recordings
    samples : sequence of int, optional
        Which of them, by default all.

    Raises
    ------
    ValueError
        If the bins are not the time steps of the layer, or the inputs or layers not its own.

    Examples
    --------
    >>> from brian2 import ms
    >>> from hetbrian.training import Preset, build
    >>> two = Recordings(np.array([0.01, 0.03], np.float32), np.array([0, 1], np.int32), np.array([0, 1, 2]),
    ...                  np.array([0, 1]), None, (2,), ("a", "b"))
    >>> binning = Binning(10, 5 * ms)
    >>> preset = Preset.STRONG.replace(n_hidden=4)
    >>> playback = Playback(build(preset, binning, two, 0, is_fused=False), preset, binning, two)
    >>> playback.network.run(playback.duration)
    >>> playback.spikes().shape, playback.decisions().shape
    ((10, 2, 4), (2,))
    """

    def __init__(
        self,
        trained: TrainedNetwork,
        preset: Preset,
        binning: Binning,
        recordings: Recordings,
        samples: Sequence[int] | None = None,
    ) -> None:
        self.classifier = trained.classifier
        cell = self.classifier.cell
        self._dt, size = cell.dt * ms, cell.sources["source"]
        if not np.isclose(float(binning.bin_width), float(self._dt)) or binning.n_inputs(recordings.shape) != size:
            raise ValueError(
                f"the recordings have {binning.n_inputs(recordings.shape)} inputs in bins of {binning.bin_width}, "
                f"expected {size} in steps of {self._dt}, as the layer has: bin them as in the training."
            )
        sizes = [trained_cell.neurons.size for trained_cell in self.classifier.cells]
        if sizes != [preset.n_hidden] * preset.n_layers:
            raise ValueError(
                f"the preset has layers of {[preset.n_hidden] * preset.n_layers} neurons, expected {sizes} as those "
                "that were trained: give the preset of the training."
            )
        chosen = np.arange(len(recordings)) if samples is None else np.asarray(samples)
        counts = binning.events(recordings, chosen).dense().numpy()  # (time, sample, input)
        made = layer_stack(preset, size, binning.bin_width, np.random.default_rng(0))
        self._made = made  # a standalone device wants all of them alive, also what does not run
        self._shape = (binning.n_bins, len(chosen), preset.n_hidden)
        table = TimedArray(counts.transpose(1, 0, 2).reshape(-1, size), dt=self._dt)  # one sample after the other
        hears = {"table": table, "n_bins": binning.n_bins}
        source = NeuronGroup(
            size,
            "count = table(t, row) : 1 (constant over dt)  # events in this step\nrow : integer (constant)",
            threshold="count > 0",
            reset="",
            clock=made[0][0].clock,
            namespace=hears,
            order=-1,
            name="heard_source",
        )
        source.row = np.arange(size)  # Cython's loops have an i of their own
        self._monitors: list[SpikeMonitor] = []
        running, below, weight = [source], source, "omega*table(t - late*dt, row_pre)"
        for of_layer, (neurons, (given, recurrent)) in zip(self.classifier.cells, made, strict=True):
            of_layer.write_back(neurons, given, recurrent)
            for name in KINDS:  # drawn, if not trained
                neurons.variables[name].set_value(getattr(of_layer.neurons, name).detach().double().cpu().numpy())
            heard = _heard(below, neurons, of_layer.couplings[given.name], weight, hears, self._dt)
            self._monitors.append(SpikeMonitor(neurons, name=f"heard_{neurons.name}"))
            running += [neurons, heard, recurrent, _begins(neurons, of_layer, binning), self._monitors[-1]]
            below, weight = neurons, "omega"
        self.network = Network(*running)

    @property
    def duration(self) -> Quantity:
        """Quantity [second] : how long all recordings take together."""
        return self._shape[0] * self._shape[1] * self._dt

    def spikes(self) -> np.ndarray:
        """
        Return what the layers did after ``network.run(duration)``.

        Returns
        -------
        ndarray of float64, shape (time, sample, neuron)
            0 or 1; of all layers, the lowest first.
        """
        n_bins, n_samples, n = self._shape
        fired = np.zeros((n_samples * n_bins, len(self._monitors), n))
        for k, monitor in enumerate(self._monitors):
            fired[np.rint(np.array(monitor.t / self._dt)).astype(int), k, np.array(monitor.i)] = 1
        return fired.reshape(n_samples, n_bins, -1).transpose(1, 0, 2)

    def outputs(self) -> np.ndarray:
        """
        Return what the readout says of each recording.

        Returns
        -------
        ndarray, shape (sample, class)
            Highest or mean potential of each class, in the precision of the readout.
        """
        with torch.no_grad():
            highest = torch.as_tensor(self.spikes()[:, :, -self._shape[2] :]).to(self.classifier.weight)
            return self.classifier.outputs(highest).cpu().numpy()

    def decisions(self) -> np.ndarray:
        """
        Return the class of each recording.

        Returns
        -------
        ndarray of int64, shape (sample,)
        """
        return self.outputs().argmax(1)


def _begins(neurons, cell, binning):
    """Return what puts a layer to rest before every recording."""
    rest = cell.initial_state()  # without units, as the layer
    # in the clock of the layer: a second one would be out of step beyond 64 s in standalone programs
    return neurons.run_regularly(
        "\n".join(
            [f"goes_on = int(t_in_timesteps % {binning.n_bins} > 0)"]
            + [f"{name} = goes_on*{name} + (1 - goes_on)*{float(rest[name][0])!r}" for name in ("v", "w", "s")]
        ),
        when="start",
        order=-1,
        name=f"heard_start_of_{neurons.name}",
    )


def _heard(source, neurons, coupling, weight, namespace, dt):
    """Return synapses like those of a layer with what is below, through which nothing of the recording before comes."""
    late = coupling.steps().cpu().numpy()
    heard = Synapses(
        source,
        neurons,
        "omega : 1\nlate : integer (constant)  # delay in time steps",
        on_pre=f"s_post += {weight}*int(t_in_timesteps % n_bins >= late)",
        clock=neurons.clock,
        namespace=namespace,
        name=f"heard_{coupling.name}",
    )
    heard.connect()
    heard.omega = coupling.omega.detach().double().cpu().numpy()
    heard.late, heard.delay = late, late * dt
    return heard

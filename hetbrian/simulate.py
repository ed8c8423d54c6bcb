"""Run a network once, on any device, and return a Dataset."""

from brian2 import ms

from hetbrian.program import Program


def simulate(
    model,
    duration,
    *,
    seed=0,
    record=("z", "y", "spikes"),
    record_dt=1 * ms,
    device="runtime",
    directory=None,
    resume=None,
    progress=False,
    values=None,
    finish=None,
    **parameters,
):
    """
    Build a network on a device, run it and return what was recorded.

    A standalone program is compiled once for all networks that differ only in numbers: see `Program`, which
    runs one network with many values, and `hetbrian.standalone.build`.

    Parameters
    ----------
    model : callable
        ``model(rng, **parameters)`` returns a brian2 Network. It is called after the device is set and
        draws every random number from ``rng``, so that all devices simulate the same network.
    duration : Quantity [second]
        Simulated time.
    seed : int
        Root seed.
    record : iterable of str, or dict of str to index
        Names of `hetbrian.recording.REGISTRY`; nothing else is monitored.
    record_dt : Quantity [second]
        Sampling interval of time series.
    device : {"runtime", "numpy", "cython", "cpp_standalone", "cuda_standalone"}
        Brian2 device; ``numpy`` and ``cython`` are the runtime device with that code generation target,
        ``runtime`` takes the one that ``prefs.codegen.target`` names.
    directory : path-like, optional
        Where the standalone project is generated and kept; by default a temporary folder.
    resume : path-like, optional
        A file of `hetbrian.checkpoint.save_state`: the network goes on from there, time included.
    progress : bool
        Whether to show progress and the time left on stderr.
    values : dict, optional
        What differs from the network that the model builds, ``{"neurons.eta": array*pA}``.
    finish : callable, optional
        ``finish(network)`` is called after the run, e.g. to save a trained readout.
    **parameters
        Passed to the model and kept as provenance.

    Returns
    -------
    xarray.Dataset
        See `hetbrian.recording`; attributes hold versions, seed, parameters, device and git revision.

    Raises
    ------
    ValueError
        If the duration is not positive, a name is unknown or a value does not fit.
    DimensionMismatchError
        If a time or value has the wrong unit.
    DivergenceError
        If the state left the finite numbers; the message says when and which neuron.
    TypeError
        If the model does not return a Network.
    RuntimeError
        If the standalone device holds objects that were built outside the model, or CUDA cannot run here.
    NotImplementedError
        If the network holds a network operation, or two time steps and runs beyond 64 s, and the device is standalone.
    """
    program = Program(
        model,
        duration,
        seed=seed,
        record=record,
        record_dt=record_dt,
        device=device,
        directory=directory,
        resume=resume,
        progress=progress,
        **parameters,
    )
    with program:
        return program.run(values, finish=finish)

"""Write a cell's time loop, forward and backward, as one CUDA source."""

THREADS = 512
"""Threads of a block: the more, the more weights are on their way at once, and the fewer registers each has."""


def cuda_source(step, threads=THREADS):
    """
    Return the CUDA source of kernels ``forward`` and ``backward``.

    Parameters
    ----------
    step : StepCode
        What a neuron does in a step.
    threads : int
        Threads of a block at most.

    Returns
    -------
    str
    """
    own = [
        (j, path, step.targets.index(path.variable)) for j, path in enumerate(step.layout.pathways) if not path.source
    ]
    parts = {
        "THREADS": str(threads),
        "GATHER_OWN": [line for j, path, k in own for line in _gather(j, path.delay, k)],
        "ADJOINT_SPIKES": [line for j, path, k in own for line in _product(j, path.delay, k)],
    }
    return step.fill("sequence.cu", parts)


def shared_bytes(step, size, itemsize, threads=THREADS):
    """
    Return how many bytes of shared memory a block of the larger kernel needs.

    Parameters
    ----------
    step : StepCode
        What a neuron does in a step.
    size : int
        Number of neurons.
    itemsize : int
        Bytes of a number.
    threads : int
        Threads of a block.

    Returns
    -------
    int
    """
    layout, partial = step.layout, max(size, threads)
    n_targets = max(1, len(step.targets))
    forward = itemsize * ((len(step.planes) + n_targets) * size + partial) + 4 * (size + (size + 31) // 32)
    backward = itemsize * ((len(layout.state) + n_targets + step.n_slots + 1) * size + partial)
    return max(forward, backward)


def _gather(j, delay, k):
    """Return the lines that add the weights of the neurons' own spikes."""
    return [
        f"if (t >= {delay}) {{",
        f"    const int count = active(spikes + at - {delay}*BN, N, list, bits);",
        f"    const real* const w = weights[{j}];",
        f"    add_terms(arrived + {k}*N, N, count, partial, [&](int e, int n) {{ return w[(size_t)list[e]*N + n]; }});",
        "}",
    ]


def _product(j, delay, k):
    """Return the lines that carry the adjoint of the input back to the spikes that caused it."""
    return [
        f"if (t >= {delay}) {{",
        f"    const real *const w = transposed[{j}], *const g = incoming + {k}*N;",
        f"    add_terms(waiting + ((t - {delay}) % SLOTS)*N, N, N, partial, "
        "[&](int e, int n) { return g[e]*w[(size_t)e*N + n]; });",
        "}",
    ]

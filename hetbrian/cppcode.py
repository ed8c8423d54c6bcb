"""Write a cell's time loop, forward and backward, as one C++ source."""

from hetbrian.stepcode import read_kernel


def cpp_source(step):
    """
    Return the C++ source of functions ``forward``, ``backward`` and ``collect``.

    Parameters
    ----------
    step : StepCode
        What a neuron does in a step.

    Returns
    -------
    str
    """
    paths = list(enumerate(step.layout.pathways))
    parts = {
        "HEADER": read_kernel("sequence.h"),
        "N_PATHWAYS": str(max(1, len(paths))),
        "GATHER_SOURCES": [line for j, path in paths if path.source for line in _gather(step, j, path)],
        "GATHER_OWN": [line for j, path in paths if not path.source for line in _gather(step, j, path)],
        "ADJOINT_WEIGHTS": [line for j, path in paths for line in _scatter(step, j, path)],
        "ADJOINT_SPIKES": [line for j, path in paths if not path.source for line in _product(step, j, path)],
    }
    return step.fill("sequence.cpp", parts)


def _gather(step, j, pathway):
    """Return the lines that add the weights of the events that arrive."""
    sum_ = f"arrived + {step.targets.index(pathway.variable)}*N"
    d = pathway.delay
    if pathway.source:
        at = f"(size_t)(t - {d})*B + b"
        return [
            f"if (t >= {d}) add_rows({sum_}, weights[{j}], index[{j}] + begin[{j}][{at}], "
            f"begin[{j}][{at} + 1] - begin[{j}][{at}], N);"
        ]
    return [
        f"if (t >= {d}) {{",
        f"    const int count = active(spikes + at - (size_t){d}*BN, N, list.data());",
        f"    add_rows({sum_}, weights[{j}], list.data(), count, N);",
        "}",
    ]


def _scatter(step, j, pathway):
    """Return the lines that note which row of adjoints belongs to the weights of which events."""
    k, d = step.targets.index(pathway.variable), pathway.delay
    if pathway.source:
        at = f"(size_t)(t - {d})*B + b"
        events = f"index[{j}] + begin[{j}][{at}], begin[{j}][{at} + 1] - begin[{j}][{at}]"
    else:
        events = f"list.data(), active(spikes + at - (size_t){d}*BN, N, list.data())"
    return [
        f"if (of_current[{j}]) memcpy(of_current[{j}] + at, incoming + {k}*NB, N*sizeof(real));",
        f"if (of_weights[{j}] && t >= {d}) sorted[{j}].insert(first_row + {k}*ROWS + r, {events});",
    ]


def _product(step, j, pathway):
    """Return the lines that carry the adjoint of the input back to the spikes that caused it."""
    d, k = pathway.delay, step.targets.index(pathway.variable)
    into = f"of_sent + (size_t)((t - {d}) % SLOTS)*NB"
    call = f"({into}{{}}, chunk_row + {k}*NB{{}}, transposed[{j}], N, N);"
    return [
        f"if (t >= {d}) {{",
        f"    if (R == ROWS) multiply<ROWS>{call.format('', '')}",
        f"    else for (int r = 0; r < R; r++) multiply<1>{call.format(' + r*N', ' + r*N')}",
        "}",
    ]

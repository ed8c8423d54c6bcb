"""
Random vector fields of two and three variables, and a fine scan of their branches that shares no code with ours.

``python -m tests.analysis.random_fields --number 200`` compares `equilibria` with the scan on many; it goes on where it
was stopped.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
import sympy
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, fsolve

from hetbrian.analysis.bifurcations import equilibria
from hetbrian.analysis.vectorfield import VectorField

EFFORT = 500_000
"""Evaluations after which a scan gives up, as at poles."""

SAMPLES = 15
"""Points of the scan in each step of its integration."""


def rate_network(rng, n):
    """Return a recurrent network of rates with logistic gain, as Wilson & Cowan 1972."""
    names = "xyz"[:n]
    weights = rng.normal(0, 6, (n, n)) + 4 * np.diag(rng.uniform(0, 1, n))
    lines = []
    for i, x in enumerate(names):
        inward = " + ".join(f"({weights[i, j]:.6g})*{y}" for j, y in enumerate(names))
        drive = " + p" if i == 0 else f" + ({rng.normal(0, 1):.6g})"
        tau = rng.choice([1.0, 1.0, 5.0, 20.0])
        lines.append(f"d{x}/dt = (-{x} + 1/(1 + exp(-({inward}{drive} - {rng.uniform(0, 5):.6g}))))/{tau:.6g} : 1")
    return "\n".join(lines), -6.0, 10.0


def tanh_network(rng, n):
    """Return a network of rates with tanh as gain and the parameter in every equation."""
    names = "xyz"[:n]
    weights, push = rng.normal(0, 2, (n, n)), rng.normal(0, 1, n)
    lines = []
    for i, x in enumerate(names):
        inward = " + ".join(f"({weights[i, j]:.6g})*tanh({y})" for j, y in enumerate(names))
        lines.append(f"d{x}/dt = -{x} + {inward} + ({push[i]:.6g})*p + ({rng.normal(0, 0.3):.6g}) : 1")
    return "\n".join(lines), -4.0, 4.0


def polynomial(rng, n):
    """Return a cubic oscillator with quadratic and linear coupling, as FitzHugh-Nagumo and Hindmarsh-Rose."""
    names = "xyz"[:n]
    lines = []
    for i, x in enumerate(names):
        terms = [f"({rng.normal(0, 1.5):.6g})*{y}" for y in names]
        terms += [f"({rng.normal(0, 0.5):.6g})*{y}*{z}" for y in names for z in names if y <= z and rng.random() < 0.5]
        drive = " + p" if i == 0 else ""
        lines.append(f"d{x}/dt = {' + '.join(terms)}{drive} - {x}**3 + ({rng.normal(0, 0.5):.6g}) : 1")
    return "\n".join(lines), -4.0, 4.0


def predator_prey(rng, n):
    """Return Rosenzweig & MacArthur's food chain with random numbers and a small immigration."""
    a, b, m, k, e = (
        rng.uniform(1, 6),
        rng.uniform(0.5, 4),
        rng.uniform(0.1, 0.6),
        rng.uniform(1, 3),
        rng.uniform(0.5, 1),
    )
    c, q = rng.uniform(0.5, 3), rng.uniform(0.02, 0.3)
    more = f" - {c:.6g}*y*z/(1 + {b:.6g}*y)" if n == 3 else ""
    lines = [
        f"dx/dt = p*x*(1 - x/{k:.6g}) - {a:.6g}*x*y/(1 + {b:.6g}*x) + 0.01 : 1",
        f"dy/dt = {e:.6g}*{a:.6g}*x*y/(1 + {b:.6g}*x) - {m:.6g}*y{more} + 0.01 : 1",
        f"dz/dt = {c:.6g}*y*z/(1 + {b:.6g}*y) - {q:.6g}*z + 0.01 : 1",
    ]
    return "\n".join(lines[:n]), 0.05, 4.0


def membrane(rng, n):
    """Return a conductance model with random numbers, as Morris & Lecar 1981, and slow adaptation."""
    calcium, potassium, leak = rng.uniform(3, 8), rng.uniform(4, 12), rng.uniform(1, 3)
    v1, v2, v3, v4 = rng.uniform(-5, 2), rng.uniform(14, 20), rng.uniform(-2, 15), rng.uniform(10, 35)
    slow = f" - {rng.uniform(1, 5):.6g}*z*(v + 84)" if n == 3 else ""
    lines = [
        f"dv/dt = (p - {leak:.6g}*(v + 60) - {calcium:.6g}*(1 + tanh((v - ({v1:.6g}))/{v2:.6g}))/2*(v - 120)"
        f" - {potassium:.6g}*w*(v + 84){slow})/20 : 1",
        f"dw/dt = {rng.uniform(0.02, 0.3):.6g}*((1 + tanh((v - ({v3:.6g}))/{v4:.6g}))/2 - w)"
        f"*cosh((v - ({v3:.6g}))/{2 * v4:.6g}) : 1",
        f"dz/dt = {rng.uniform(0.005, 0.05):.6g}*(1/(1 + exp(-(v + {rng.uniform(0, 20):.6g})/{rng.uniform(3, 10):.6g}))"
        " - z) : 1",
    ]
    return "\n".join(lines[:n]), -50.0, 300.0


def waves(rng, n):
    """Return a field of sines and exponentials, with many folds on one branch."""
    names = "xyz"[:n]
    lines = []
    for i, x in enumerate(names):
        y = names[(i + 1) % n]
        terms = f"({rng.normal(0, 2):.6g})*sin({rng.uniform(0.5, 2):.6g}*{x} + {rng.uniform(0, 6):.6g})"
        terms += f" + ({rng.normal(0, 1):.6g})*{y} + ({rng.normal(0, 1):.6g})*exp(-({x} - {y})**2)"
        lines.append(f"d{x}/dt = {terms} - {rng.uniform(0.1, 0.6):.6g}*{x}{' + p' if i == 0 else ''} : 1")
    return "\n".join(lines), -5.0, 5.0


FAMILIES = (rate_network, tanh_network, polynomial, predator_prey, membrane, waves)


def random_field(seed):
    """Return (field, parameter, lower, upper, equilibrium at the parameter's value) of a seed."""
    rng = np.random.default_rng([17, seed])
    family, n = FAMILIES[seed % len(FAMILIES)], 2 + seed // len(FAMILIES) % 2
    while True:
        equations, lower, upper = family(rng, n)
        field = VectorField(equations, {"p": float(rng.uniform(lower, upper))})
        for _ in range(20):
            span = 40.0 if family is membrane else 1.0
            guess = rng.normal(0, span, n)
            state, _, flag, _ = fsolve(field.rhs, guess, full_output=True)
            inside = family is not predator_prey or state.min() > 0  # elsewhere they have poles
            if flag == 1 and inside and np.abs(field.rhs(state)).max() < 1e-9:
                return field, "p", lower, upper, state


def scan(field, lower, upper, state):
    """
    Return (kind, parameter, state) of the folds and Hopf points on the branch through an equilibrium.

    The branch is integrated as a differential equation along its arc length, by an explicit method of order 8, and
    looked at ten thousands of times for changes of sign of det J and of the Hurwitz determinant.
    """
    n, width = len(state), upper - lower
    scale = np.append(np.maximum(np.abs(state), 1.0), width)

    symbols = [sympy.Symbol(name, real=True) for name in (*field.variables, "p")]
    derivatives = sympy.lambdify(
        symbols, [sympy.diff(f, x) for f in field.expressions for x in symbols], "math", cse=True
    )
    columns = [[j for j in range(n + 1) if j != k] for k in range(n + 1)]

    count = itertools.count()

    def velocity(_, y, sign):
        if next(count) > EFFORT:
            raise TimeoutError("the scan gives up")
        matrix = np.array(derivatives(*(y * scale).tolist())).reshape(n, n + 1) * scale
        minors = np.linalg.det(np.stack([matrix[:, kept] for kept in columns]))
        minors[1::2] *= -1
        return sign * minors / np.linalg.norm(minors)

    start = np.append(state, field.parameters["p"]) / scale
    found, closed = [], False
    for sign in (1, -1):

        def outside(_, y, sign):
            p = y[-1] * scale[-1]
            return min(p - (2 * lower - upper), 2 * upper - lower - p)

        def back(s, y, sign):
            return (y - start) @ velocity(0, start, sign) if s > 0.05 else -1.0

        def far(_, y, sign):
            return 100 - np.abs(y).max()

        outside.terminal = far.terminal = True
        if closed:
            break
        way = solve_ivp(
            velocity, (0, 200), start, "DOP853", rtol=1e-9, atol=1e-11, max_step=0.02, args=(sign,),
            events=(outside, back, far), dense_output=True,
        )  # fmt: skip
        last = way.t[-1]
        for s, y in zip(way.t_events[1], way.y_events[1], strict=True):
            if s > 0.05 and np.linalg.norm(y - start) < 1e-5:
                last, closed = s, True
                break
        knots = way.t[way.t <= last]
        times = np.unique(np.concatenate([np.linspace(a, b, SAMPLES) for a, b in itertools.pairwise(knots)]))
        for kind, function in (("fold", determinant), ("hopf", hurwitz)):

            def value(s, function=function, way=way):
                point = way.sol(s).T * scale
                return function(field.jacobian(point[..., :-1], p=point[..., -1]))

            values = value(times)
            for i in np.flatnonzero(values[:-1] * values[1:] < 0):
                point = way.sol(brentq(value, times[i], times[i + 1], xtol=1e-13)) * scale
                if kind == "hopf" and not oscillates(field.jacobian(point[:-1], p=point[-1])):
                    continue
                if lower <= point[-1] <= upper:
                    found.append((kind, point[-1], point[:-1]))
    return found


def determinant(jacobian):
    """Return what is zero at a fold."""
    return np.linalg.det(jacobian)


def hurwitz(jacobian):
    """Return what is zero where two eigenvalues of a matrix of two or three rows add up to zero."""
    trace = np.trace(jacobian, axis1=-2, axis2=-1)
    if jacobian.shape[-1] == 2:
        return trace
    second = (trace**2 - np.trace(jacobian @ jacobian, axis1=-2, axis2=-1)) / 2
    return trace * second - np.linalg.det(jacobian)


def oscillates(jacobian):
    """Return whether the pair that adds up to zero is imaginary: the square of its frequency is positive."""
    if len(jacobian) == 2:
        return np.linalg.det(jacobian) > 0
    return (np.trace(jacobian) ** 2 - np.trace(jacobian @ jacobian)) / 2 > 0


def newton(field, kind, p, state):
    """Return how far a point is from what Newton's method finds near it for f = 0 and det J or Hurwitz = 0."""
    function = determinant if kind == "fold" else hurwitz
    point = np.append(state, p)
    scale = np.maximum(np.abs(point), 1e-2)

    def residual(y):
        jacobian = field.jacobian((y * scale)[:-1], p=(y * scale)[-1])
        return np.append(field.rhs((y * scale)[:-1], p=(y * scale)[-1]), function(jacobian)) / size

    size = np.ones(len(point))
    size = np.maximum(np.abs(residual(point / scale + 0.01)), 1e-12)
    solution, _, flag, _ = fsolve(residual, point / scale + 1e-4, xtol=1e-13, full_output=True)
    good = np.abs(residual(solution)).max() < 1e-8
    return np.abs(solution - point / scale).max() if good or flag == 1 else np.inf


def compare(seed):
    """Return what `equilibria` finds of a random field, what it should, and the seconds that it took."""
    field, name, lower, upper, state = random_field(seed)
    begin, cpu = time.perf_counter(), time.process_time()
    data = equilibria(field, name, lower, upper, dict(zip(field.variables, state, strict=True)))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    ours = [
        (str(data.kind.values[i]), float(data[name].values[i]), [float(data[x].values[i]) for x in field.variables])
        for i in np.flatnonzero(np.isin(data.kind.values, ("fold", "hopf")))
    ]
    cut = "points are reached" in data.ends  # and says so; what comes after is not looked for
    try:
        theirs, given_up = scan(field, lower, upper, state), False
    except (TimeoutError, OverflowError):
        theirs, given_up = ours, True
    scale = (
        np.append(np.maximum(np.abs([row[2] for row in ours + theirs]).max(axis=0), 1.0), upper - lower)
        if ours + theirs
        else 1.0
    )

    def near(one, others):
        away = [
            np.abs((np.append(one[2], one[1]) - np.append(o[2], o[1])) / scale).max() for o in others if o[0] == one[0]
        ]
        return min(away, default=np.inf) < 1e-5

    return {
        "seed": seed,
        "family": FAMILIES[seed % len(FAMILIES)].__name__,
        "variables": len(state),
        "points": data.sizes["point"],
        "found": len(ours),
        "missed": [] if cut else [row[:2] for row in theirs if not near(row, ours)],
        "cut": cut,
        "false": [row[:2] for row in ours if not newton(field, *row) < 1e-6],
        "beyond": sum(not near(row, theirs) for row in ours),
        "given_up": given_up,
        "seconds": seconds,
        "cpu": cpu,
        "ends": data.ends,
    }


def main():
    """Compare many fields, one line of JSON each, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("out/random_fields.jsonl"))
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    lines = arguments.out.read_text().splitlines() if arguments.out.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {row["seed"] for row in rows}
    for seed in range(arguments.number):
        if seed in done:
            continue
        row = compare(seed)
        rows.append(row)
        with arguments.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
    seconds, cpu = ([row[key] for row in rows] for key in ("seconds", "cpu"))
    total = {key: sum(row[key] for row in rows) for key in ("given_up", "cut", "found", "beyond")}
    wrong = {key: sum(len(row[key]) for row in rows) for key in ("missed", "false")}
    print(
        f"{len(rows)} fields, {total['given_up']} without a scan, {total['cut']} with too many points; "
        f"{total['found']} folds and Hopf points, "
        f"{wrong['missed']} missed, {wrong['false']} false, {total['beyond']} beyond the length of the scan; "
        f"median {np.median(seconds):.2f} s, longest {max(seconds):.2f} s; "
        f"of the processor {np.median(cpu):.2f} s and {max(cpu):.2f} s"
    )
    raise SystemExit(int(any(wrong.values())))


if __name__ == "__main__":
    main()

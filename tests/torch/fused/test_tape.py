import ctypes

import numpy as np
import pytest

from hetbrian._support.compiler import library
from hetbrian.torch.fused.step import read_kernel
from hetbrian.torch.fused.tape import Tape, without_unused
from hetbrian.torch.statements import Assignment

EXPRESSIONS = """
a + b*c - a/b; -a*(b + 2)**2; a**3 + b**4; abs(a)**b; a % b + c; exp(a) - expm1(b); log(b) + log10(b) + log1p(b)
sqrt(b)*sin(a); cos(a)*tan(c); sinh(a) + cosh(b)*tanh(c); arcsin(c/9) + arccos(c/9) - arctan(a); exprel(a) + abs(-a)
clip(a, -0.5, b) + clip(b, 0, 1)*clip(c, a, b); int(a > b)*a + int(not (a > 0 or b < 0) and c >= a)*b
floor(a)*b + ceil(b); sign(a)*b + timestep(b, 0.1)*c
"""
NAMES = "abc"


@pytest.fixture(scope="module")
def kernel():
    """Compile all expressions at once: value and adjoints of each."""
    header = read_kernel("sequence.h").replace("/*ARITHMETIC*/", read_kernel("arithmetic.h"))
    cases = []
    texts = [text.strip() for line in EXPRESSIONS.strip().splitlines() for text in line.split(";")]
    for k, text in enumerate(texts):
        tape = Tape({name: f"s_{name}" for name in NAMES})
        tape.assign(Assignment("y", text))
        lines = tape.forward() + tape.backward({tape.known["y"]: "real(1)"}, [f"s_{name}" for name in NAMES])
        results = [f"out[0] = {tape.known['y']};", *(f"out[{j + 1}] = d_s_{name};" for j, name in enumerate(NAMES))]
        cases.append(f"if (k == {k}) {{ {' '.join(lines + results)} }}")
    body = "\n".join(cases)
    function = 'extern "C" void f(int k, double s_a, double s_b, double s_c, double* out)'
    return texts, library(f"typedef double real;\n#define FUNCTION inline\n{header}\n{function} {{{body}}}")


def evaluate(kernel, k, values):
    out = (ctypes.c_double * 4)()
    kernel.f(ctypes.c_int(k), *(ctypes.c_double(value) for value in values), out)
    return np.array(out)


def test_values_are_pythons_and_adjoints_are_central_differences(kernel):
    texts, compiled = kernel
    helpers = {name: getattr(np, name) for name in "exp expm1 log log10 log1p sqrt sin cos tan sinh cosh tanh".split()}
    helpers |= {name: getattr(np, name) for name in "arcsin arccos arctan floor ceil sign clip".split()}
    helpers |= {
        "abs": abs,
        "int": int,
        "exprel": lambda x: np.expm1(x) / x,
        "timestep": lambda t, dt: int((t + 1e-3 * dt) / dt),
    }
    rng, step = np.random.default_rng(0), 1e-6
    for k, text in enumerate(texts):
        for _ in range(5):
            values = rng.uniform(0.2, 1.7, 3) * [rng.choice([-1, 1]), 1, 1]
            found = evaluate(compiled, k, values)
            assert found[0] == pytest.approx(eval(text, helpers, dict(zip(NAMES, values, strict=True))), rel=1e-13), (
                text
            )
            for j in range(3):
                shift = step * np.eye(3)[j]
                expected = (evaluate(compiled, k, values + shift)[0] - evaluate(compiled, k, values - shift)[0]) / (
                    2 * step
                )
                # truncation 1e-12 and rounding 1e-16/1e-6
                assert found[j + 1] == pytest.approx(expected, rel=1e-7, abs=1e-8), (text, NAMES[j])


def test_guards_choose_value_and_adjoint():
    tape = Tape({"v": "s_v", "open": "s_open", "x": "s_x"})
    tape.assign(Assignment("v", "2*x", "open"))
    source = " ".join(tape.forward() + tape.backward({tape.known["v"]: "real(1)"}, ["s_v", "s_x"]))
    compiled = library(
        f'typedef double real;\nextern "C" void f(double s_v, double s_x, double s_open, double* out) {{ {source} '
        f"out[0] = {tape.known['v']}; out[1] = d_s_v; out[2] = d_s_x; }}"
    )
    for is_open, expected in ((1.0, [6.0, 0.0, 2.0]), (0.0, [5.0, 1.0, 0.0])):
        out = (ctypes.c_double * 3)()
        compiled.f(*(ctypes.c_double(value) for value in (5.0, 3.0, is_open)), out)
        assert list(out) == expected


def test_unused_lines_are_left_out():
    lines = [
        "const real a = x;",
        "const auto b = a*y;",
        "real c;",
        "{",
        "c = 2*d;",
        "}",
        "real e = 0;",
        "e += b;",
        "f[n] = e;",
    ]
    assert without_unused(lines) == ["const real a = x;", "const auto b = a*y;", "{", "}", *lines[6:]]


def test_the_change_of_a_sum_is_its_other_summand():
    tape = Tape({"v": "y_v", "w": "y_w", "u": "y_u", "jump": "c_jump"})
    for name, text in (("w", "w + jump"), ("v", "jump"), ("u", "jump + u")):
        tape.assign(Assignment(name, text))
    assert [tape.change(name, f"y_{name}") for name in "wvu"] == ["c_jump", "(real(c_jump) - y_v)", "c_jump"]

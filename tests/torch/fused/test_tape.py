import ast
import ctypes

import numpy as np
import pytest

from hetbrian._support.compiler import library
from hetbrian.torch.fused.step import TEMPLATES
from hetbrian.torch.fused.tape import ONE, Tape, literal
from hetbrian.torch.statements import Assignment, parse

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
    header = TEMPLATES.get_template("sequence.h").render()
    cases = []
    texts = [text.strip() for line in EXPRESSIONS.strip().splitlines() for text in line.split(";")]
    for k, text in enumerate(texts):
        tape = Tape()
        given = {name: tape.new(f"s_{name}") for name in NAMES}
        y = tape.run([Assignment("y", parse(text))], given)["y"]
        for j, value in enumerate([y, *tape.adjoints([(y, ONE)], [*given.values()])]):
            tape.store(f"out[{j}]", value)
        cases.append(f"if (k == {k}) {{ {tape.code()} }}")
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
    tape = Tape()
    given = {name: tape.new(f"s_{name}") for name in ("v", "open", "x")}
    v = tape.run([Assignment("v", parse("2*x"), "open")], given)["v"]
    for j, value in enumerate([v, *tape.adjoints([(v, ONE)], [given["v"], given["x"]])]):
        tape.store(f"out[{j}]", value)
    function = 'extern "C" void f(double s_v, double s_x, double s_open, double* out)'
    compiled = library(f"typedef double real;\n{function} {{ {tape.code()} }}")
    for is_open, expected in ((1.0, [6.0, 0.0, 2.0]), (0.0, [5.0, 1.0, 0.0])):
        out = (ctypes.c_double * 3)()
        compiled.f(*(ctypes.c_double(value) for value in (5.0, 3.0, is_open)), out)
        assert list(out) == expected


def test_only_what_is_stored_is_computed():
    tape = Tape()
    a, b = tape.new("in[0]"), tape.new("in[1]")
    product, unused = tape.apply(ast.Mult, a, literal("c_b")), tape.apply("exp", b)
    tape.store("out[n]", tape.apply("sqrt", product), "+=")
    assert tape.alive().isdisjoint({b, unused}) and {a, product} <= tape.alive()
    assert tape.code().splitlines() == [
        "const auto x0 = in[0];",
        "const auto x1 = x0*c_b;",
        "const auto x2 = sqrt(x1);",
        "out[n] += x2;",
    ]


def test_adjoints_need_only_what_their_derivatives_read():
    """The derivative of a logarithm does not read its value, that of an exponential reads nothing else."""
    tape = Tape()
    x = tape.new("in[n]")
    log, exp = tape.apply("log", x), tape.apply("exp", x)
    for value in (log, exp):
        tape.store("out[n]", *tape.adjoints([(value, ONE)], [x]))
    assert log not in tape.alive() and exp in tape.alive()


def test_the_change_of_a_sum_is_its_other_summand():
    tape = Tape()
    before = {"v": tape.new("y_v"), "w": tape.new("y_w"), "u": tape.new("y_u")}
    jump = literal("c_jump")
    items = [Assignment(name, parse(text)) for name, text in (("w", "w + jump"), ("v", "jump"), ("u", "jump + u"))]
    after = tape.run(items, before | {"jump": jump})
    changes = {name: tape.change(after[name], before[name]) for name in before}
    assert changes["w"] is jump and changes["u"] is jump
    assert changes["v"].form == "real({a}) - {b}" and changes["v"].inputs == [jump, before["v"]]

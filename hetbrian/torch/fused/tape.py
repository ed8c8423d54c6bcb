"""What a neuron does as a graph of C operations, with adjoints by reverse differentiation; text is written last."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from string import Formatter
from typing import Any

from hetbrian.torch.limits import refused
from hetbrian.torch.statements import Assignment

OPERATIONS: dict[str | type, tuple[str, ...]] = {
    # function or operator: value and derivatives by the operands {a}, {b}, {c} in C; {y} is the value, and a derivative
    # that begins with ? is 1 where the condition after it holds, 0 elsewhere
    "exp": ("exp({a})", "{y}"),
    "expm1": ("expm1({a})", "({y} + 1)"),
    "log": ("log({a})", "1/{a}"),
    "log10": ("log10({a})", "real(0.43429448190325176)/{a}"),
    "log1p": ("log1p({a})", "1/(1 + {a})"),
    "sqrt": ("sqrt({a})", "real(0.5)/{y}"),
    "sin": ("sin({a})", "cos({a})"),
    "cos": ("cos({a})", "-sin({a})"),
    "tan": ("tan({a})", "(1 + {y}*{y})"),
    "sinh": ("sinh({a})", "cosh({a})"),
    "cosh": ("cosh({a})", "sinh({a})"),
    "tanh": ("tanh({a})", "(1 - {y}*{y})"),
    "arcsin": ("asin({a})", "1/sqrt(1 - {a}*{a})"),
    "arccos": ("acos({a})", "-1/sqrt(1 - {a}*{a})"),
    "arctan": ("atan({a})", "1/(1 + {a}*{a})"),
    "exprel": ("exprel({a})", "exprel_derivative({a})"),
    "abs": ("fabs({a})", "sign({a})"),
    "sign": ("sign({a})",),
    "floor": ("floor({a})",),
    "ceil": ("ceil({a})",),
    "int": ("trunc(number({a}))",),
    "real": ("real({a})", "1"),
    "timestep": ("trunc(({a} + 1e-3*{b})/{b})",),
    "clip": (  # gives the upper bound if they cross
        "clip({a}, {b}, {c})",
        "?{a} >= {b} && {a} <= {c}",
        "?{a} < {b} && {b} <= {c}",
        "?{a} > {c} || ({a} < {b} && {b} > {c})",
    ),
    ast.Add: ("{a} + {b}", "1", "1"),
    ast.Sub: ("{a} - {b}", "1", "-1"),
    ast.Mult: ("{a}*{b}", "{b}", "{a}"),
    ast.Div: ("{a}/{b}", "1/{b}", "-{y}/{b}"),
    ast.Pow: (
        "power({a}, {b})",
        "({b} == 0 ? 0 : {b}*power({a}, {b} - 1))",
        "({a} == 0 && {b} >= 0 ? 0 : {y}*log(real({a})))",
    ),
    ast.Mod: ("modulo({a}, {b})", "1", "-floor({a}/{b})"),
    ast.UAdd: ("{a}", "1"),
    ast.USub: ("-{a}", "-1"),
    ast.Not: ("!({a} != 0)",),
    ast.And: ("({a} != 0) && ({b} != 0)",),
    ast.Or: ("({a} != 0) || ({b} != 0)",),
    ast.Gt: ("{a} > {b}",),
    ast.GtE: ("{a} >= {b}",),
    ast.Lt: ("{a} < {b}",),
    ast.LtE: ("{a} <= {b}",),
    ast.Eq: ("{a} == {b}",),
    ast.NotEq: ("{a} != {b}",),
}
"""Brian2's functions and operators as C."""

POLES = frozenset(
    ["exp", "expm1", "log", "log10", "log1p", "sqrt", "tan", "sinh", "cosh", "arcsin", "arccos", "exprel", ast.Pow]
)
"""Those whose derivative may be infinite: where no adjoint arrives, as in a branch that is not taken, none goes on."""


DIVISION = OPERATIONS[ast.Div][0]


def _product(slope, has_pole):
    """Return the form of an adjoint {d} times a derivative."""
    if slope == "1":
        return "{d}"
    if slope.startswith("?"):
        return f"({slope[1:]} ? {{d}} : 0)"
    return f"({{d}} == 0 ? 0 : {{d}}*({slope}))" if has_pole else f"{{d}}*({slope})"


@dataclass(eq=False)
class Value:
    """
    A number in the generated code.

    Parameters
    ----------
    form : str
        C, in which ``{a}`` stands for the operand a.
    operands : dict of str to Value
        Values in the form and in the slopes.
    slopes : dict of str to str
        Derivatives by operands, as forms in which ``{y}`` is the value itself; by others it is 0.
    kind : str
        C type; empty for what is written where it is used.
    has_pole : bool
        Whether the derivative may be infinite; of a quotient, as soon as its divisor has one.
    """

    form: str
    operands: dict[str, "Value"] = field(default_factory=dict)
    slopes: dict[str, str] = field(default_factory=dict)
    kind: str = "auto"
    has_pole: bool = False

    @property
    def inputs(self) -> list["Value"]:
        """List of Value : what is needed to compute it."""
        return [self.operands[key] for _, key, _, _ in Formatter().parse(self.form) if key]


def literal(text: str) -> Value:
    """Return a number, or what has a name in the kernel, as a value that is written where it is used."""
    return Value(text, kind="")


def as_number(value: Any, kind: str = "real") -> str:
    """Return a number as C."""
    text = repr(float(value))
    return f"{kind}({text.replace('inf', 'INFINITY').replace('nan', 'NAN')})"


ZERO, ONE = literal("real(0)"), literal("real(1)")


class Tape:
    """
    Operations in their order, what is stored of them, and operations for their adjoints.

    Examples
    --------
    >>> tape = Tape()
    >>> x = tape.new("in[n]", kind="real")
    >>> y, unused = tape.apply("exp", x), tape.apply("sin", x)
    >>> tape.store("out[n]", *tape.adjoints([(y, ONE)], [x]))
    >>> print(tape.code())
    const real x0 = in[n];
    const auto x1 = exp(x0);
    const real x2 = (real(1) == 0 ? 0 : real(1)*(x1));
    out[n] = x2;
    """

    def __init__(self):
        self.values: list[Value] = []
        self.stores: list[tuple[str, str, Value]] = []

    def new(self, form: str, *, kind: str = "auto", **operands: Value) -> Value:
        """Append a value that has no derivatives; see `Value`."""
        return self._append(Value(form, operands, kind=kind))

    def _append(self, value):
        self.values.append(value)
        return value

    def apply(self, operation: str | type, *operands: Value) -> Value:
        """Append one of `OPERATIONS`."""
        form, *slopes = OPERATIONS[operation]
        named = dict(zip("abc", operands, strict=False))
        return self._append(Value(form, named, dict(zip("abc", slopes, strict=False)), has_pole=operation in POLES))

    def store(self, place: str, value: Value, sign: str = "=") -> None:
        """Write a value to a place, e.g. ``out[n]``, when everything has been computed; the sign ``+=`` adds to it."""
        self.stores.append((place, sign, value))

    def run(self, items: Iterable[Assignment], known: Mapping[str, Value]) -> dict[str, Value]:
        """Append assignments and return the variables after them, given those before."""
        known = dict(known)
        for item in items:
            value = self.value(item.value, known)
            if item.guard:
                slopes = {"a": "?{guard} != 0", "b": "?{guard} == 0"}
                operands = {"a": value, "b": known[item.name], "guard": known[item.guard]}
                value = self._append(Value("{guard} != 0 ? real({a}) : real({b})", operands, slopes))
            known[item.name] = value
        return known

    def value(self, node: ast.expr, known: Mapping[str, Value], kind: str = "real") -> Value:
        """Append an expression of known variables, whose numbers have a C type."""
        match node:
            case ast.Constant(value=bool() as truth):
                return literal(str(int(truth)))
            case ast.Constant(value=number):
                return literal(as_number(number, kind))
            case ast.Name(id=name):
                if name not in known:
                    raise refused("fused", f"the fused cell has no value for {name!r}", "variables of the update")
                return known[name]
            case ast.UnaryOp(op=op, operand=x) if type(op) in OPERATIONS:
                return self.apply(type(op), self.value(x, known, kind))
            case ast.BoolOp(op=op, values=parts):
                return reduce(partial(self.apply, type(op)), [self.value(part, known, kind) for part in parts])
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self.apply(type(op), self.value(left, known, kind), self.value(right, known, kind))
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2 | 3 | 4)):
                power = int(ast.literal_eval(node.right))
                below = "*".join(["{a}"] * (power - 1))
                operands = {"a": self.value(left, known, kind)}
                return self._append(Value(f"{below}*{{a}}", operands, {"a": f"{power}*{below}"}))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
                return self.apply(type(op), self.value(left, known, kind), self.value(right, known, kind))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, [self.value(argument, known, kind) for argument in arguments])
        raise refused("fused", f"the fused cell cannot write {ast.unparse(node)!r} as C", "other operations")

    def _call(self, name: str, arguments: Sequence[Value]) -> Value:
        if name in OPERATIONS:
            return self.apply(name, *arguments)
        expected = "functions of one argument, clip, timestep, and TimedArrays at times that the state does not change"
        raise refused("fused", f"the fused cell has no {name!r}", expected)

    def bound(self, value: Value, start: Value, limit: float, inputs: Sequence[Value]) -> Value:
        """
        Append the same value with a bounded derivative by one input.

        Parameters
        ----------
        value : Value
            What stays the same.
        start : Value
            The input.
        limit : float
            Largest absolute value of the derivative by it.
        inputs : sequence of Value
            All inputs.

        Returns
        -------
        Value
        """
        slopes = dict(zip(inputs, self.adjoints([(value, ONE)], inputs), strict=True))
        slopes[start] = self.new(f"fmin(fmax({{a}}, real({-limit!r})), real({limit!r}))", kind="real", a=slopes[start])
        operands = {"a": value}
        for k, (given, slope) in enumerate(slopes.items()):
            operands |= {f"x{k}": given, f"slope{k}": slope}
        derivatives = {f"x{k}": f"{{slope{k}}}" for k, slope in enumerate(slopes.values()) if slope is not ZERO}
        return self._append(Value("{a}", operands, derivatives))

    def change(self, new: Value, old: Value) -> Value:
        """Append a new value minus the old one; a sum with the old value gives the other summand."""
        left, right = new.operands.get("a"), new.operands.get("b")
        if new.form == OPERATIONS[ast.Add][0] and left and right and old in (left, right):
            return right if left is old else left
        return self.new("real({a}) - {b}", a=new, b=old)

    def adjoints(self, seeds: Iterable[tuple[Value, Value]], inputs: Sequence[Value]) -> list[Value]:
        """
        Append the adjoints of all values.

        Parameters
        ----------
        seeds : iterable of tuple of Value
            Values that are used afterwards, and the adjoint of each from there.
        inputs : sequence of Value
            Values whose adjoints are wanted.

        Returns
        -------
        list of Value
            Adjoint of each input.
        """
        active = set(inputs)
        for value in self.values:
            if any(value.operands[key] in active for key in value.slopes):
                active.add(value)
        found: dict[Value, Value] = {}
        for value, adjoint in seeds:
            self._add(found, value, "{d}", d=adjoint)
        for value in reversed(tuple(self.values)):
            for key, slope in value.slopes.items() if value in found else ():
                if value.operands[key] in active:
                    has_pole = value.has_pole or (value.form == DIVISION and value.operands["b"] in active)
                    self._add(
                        found, value.operands[key], _product(slope, has_pole), d=found[value], y=value, **value.operands
                    )
        return [found.get(value, ZERO) for value in inputs]

    def _add(self, found, value, form, /, **operands):
        """Add to the adjoint of a value."""
        if value in found:
            found[value] = self.new(f"{{sum}} + {form}", kind="real", sum=found[value], **operands)
        else:
            found[value] = operands["d"] if form == "{d}" else self.new(form, kind="real", **operands)

    def alive(self) -> set[Value]:
        """Return the values on which something that is stored depends."""
        found: set[Value] = set()
        waiting = [value for *_, value in self.stores]
        while waiting:
            value = waiting.pop()
            if value not in found:
                found.add(value)
                waiting += value.inputs
        return found

    def code(self) -> str:
        """Return the C code of what is stored."""
        alive = self.alive()
        names = {value: value.form for value in alive if not value.kind}
        lines: list[str] = []
        for value in self.values:
            if value in alive:
                names[value] = f"x{len(lines)}"
                text = value.form.format_map({key: names.get(item) for key, item in value.operands.items()})
                lines.append(f"const {value.kind} {names[value]} = {text};")
        return "\n".join(lines + [f"{place} {sign} {names[value]};" for place, sign, value in self.stores])

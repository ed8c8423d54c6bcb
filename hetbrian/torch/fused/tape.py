"""Brian2 expressions as C, one elementary operation a line, and their adjoints by reverse differentiation."""

import ast
import re

from hetbrian.torch.statements import ExportError

UNARY = {
    # name: value, derivative; {x} is the argument and {y} the value
    "exp": ("exp({x})", "{y}"),
    "expm1": ("expm1({x})", "({y} + 1)"),
    "log": ("log({x})", "1/{x}"),
    "log10": ("log10({x})", "real(0.43429448190325176)/{x}"),
    "log1p": ("log1p({x})", "1/(1 + {x})"),
    "sqrt": ("sqrt({x})", "real(0.5)/{y}"),
    "sin": ("sin({x})", "cos({x})"),
    "cos": ("cos({x})", "-sin({x})"),
    "tan": ("tan({x})", "(1 + {y}*{y})"),
    "sinh": ("sinh({x})", "cosh({x})"),
    "cosh": ("cosh({x})", "sinh({x})"),
    "tanh": ("tanh({x})", "(1 - {y}*{y})"),
    "arcsin": ("asin({x})", "1/sqrt(1 - {x}*{x})"),
    "arccos": ("acos({x})", "-1/sqrt(1 - {x}*{x})"),
    "arctan": ("atan({x})", "1/(1 + {x}*{x})"),
    "exprel": ("exprel({x})", "exprel_derivative({x})"),
    "abs": ("fabs({x})", "sign({x})"),
    "sign": ("sign({x})", None),
    "floor": ("floor({x})", None),
    "ceil": ("ceil({x})", None),
    "int": ("trunc(real({x}))", None),
}
"""Functions of one argument as C."""

BINARY = {
    # operator: value, derivatives by the left and the right side
    ast.Add: ("{a} + {b}", "1", "1"),
    ast.Sub: ("{a} - {b}", "1", "-1"),
    ast.Mult: ("{a}*{b}", "{b}", "{a}"),
    ast.Div: ("{a}/{b}", "1/{b}", "-{y}/{b}"),
    ast.Pow: ("power({a}, {b})", "{b}*power({a}, {b} - 1)", "{y}*log({a})"),
    ast.Mod: ("modulo({a}, {b})", "1", "-floor({a}/{b})"),
}
"""Operators as C."""

COMPARE = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}


class Tape:
    """
    Straight-line C code in which every value has a name of its own, and the code of its adjoint.

    Parameters
    ----------
    known : dict of str to str
        C names of the variables, which assignments replace.
    prefix : str
        Beginning of new names.
    tables : dict of str to tuple
        Step and subdivision of each TimedArray.
    """

    def __init__(self, known, prefix="x", tables=()):
        self.known, self.prefix, self.tables = dict(known), prefix, dict(tables)
        self.lines, self.rules, self.slopes = [], [], []

    def assign(self, item):
        """Append an assignment (`hetbrian.torch.statements.Assignment`)."""
        value = self.value(ast.parse(item.expression.strip(), mode="eval").body)
        if item.guard:
            guard, old = self.known[item.guard], self.known[item.name]
            rules = [(value, f"({guard} != 0 ? 1 : 0)"), (old, f"({guard} != 0 ? 0 : 1)")]
            value = self._new(f"{guard} != 0 ? real({value}) : real({old})", rules)
        self.known[item.name] = value

    def bound(self, name, start, limit, inputs):
        """
        Keep the derivative of a variable's value by one input within bounds; the value stays the same.

        Parameters
        ----------
        name : str
            Variable.
        start : str
            C name of the input.
        limit : float
            Largest absolute value of the derivative.
        inputs : iterable of str
            C names of all inputs; ``slopes`` gets the code of the derivatives by them.
        """
        value, prefix = self.known[name], f"j_{name}_"
        self.slopes += self.backward({value: "1"}, inputs, prefix)
        rules = [(item, f"{prefix}{item}") for item in inputs if item != start]
        rules.append((start, f"fmin(fmax({prefix}{start}, real({-limit!r})), real({limit!r}))"))
        self.known[name] = self._new(value, rules)

    def change(self, name, old):
        """Return the value of a variable minus its old one as C; a sum with the old value gives the other summand."""
        value = self.known[name]
        left, _, right = dict(self.lines).get(value, "").partition(" + ")
        return {left: right, right: left}.get(old, f"(real({value}) - {old})")

    def value(self, node):
        """Append an expression and return the name or number of its value."""
        if isinstance(node, ast.Constant):
            return str(int(node.value)) if isinstance(node.value, bool) else f"real({node.value!r})"
        if isinstance(node, ast.Name):
            if node.id not in self.known:
                raise ExportError(f"the fused cell has no value for {node.id!r}, expected the plain module: use it.")
            return self.known[node.id]
        if isinstance(node, ast.UnaryOp):
            x = self.value(node.operand)
            if isinstance(node.op, ast.Not):
                return self._new(f"!({x} != 0)", [])
            return self._new(f"-{x}", [(x, "-1")]) if isinstance(node.op, ast.USub) else x
        if isinstance(node, ast.BoolOp):
            sign = " && " if isinstance(node.op, ast.And) else " || "
            return self._new(sign.join(f"({self.value(part)} != 0)" for part in node.values), [])
        if isinstance(node, ast.Compare):
            a, b = self.value(node.left), self.value(node.comparators[0])
            return self._new(f"{a} {COMPARE[type(node.ops[0])]} {b}", [])
        if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
            return self._binary(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        raise ExportError(f"the fused cell cannot write {ast.unparse(node)!r} as C, expected the plain module: use it.")

    def _binary(self, node):
        a = self.value(node.left)
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value in (2, 3, 4):
            times = (2, 3, 4).index(node.right.value) + 2
            below = "*".join([a] * (times - 1))
            return self._new(f"{below}*{a}", [(a, f"{times}*{below}")])
        b = self.value(node.right)
        form, by_a, by_b = BINARY[type(node.op)]
        result = f"{self.prefix}{len(self.lines)}"
        parts = [(a, by_a.format(a=a, b=b, y=result)), (b, by_b.format(a=a, b=b, y=result))]
        return self._new(form.format(a=a, b=b), parts)

    def _call(self, node):
        name, arguments = ast.unparse(node.func), [self.value(argument) for argument in node.args]
        result = f"{self.prefix}{len(self.lines)}"
        if name in UNARY:
            form, slope = UNARY[name]
            (x,) = arguments
            return self._new(form.format(x=x), [] if slope is None else [(x, slope.format(x=x, y=result))])
        if name == "clip":
            x, low, high = arguments
            inside = f"({x} >= {low} && {x} <= {high} ? 1 : 0)"
            below = f"({x} < {low} && {low} <= {high} ? 1 : 0)"
            above = f"({x} > {high} || {low} > {high} ? 1 : 0)"  # clip gives the upper bound if they cross
            rules = [(x, inside), (low, below), (high, above)]
            return self._new(f"fmin(fmax(real({x}), real({low})), real({high}))", rules)
        if name in self.tables:
            step, subdivision = self.tables[name]
            row = f"table_row({arguments[0]}, {step!r}, {subdivision}, shape_{name}[0])"
            column = f" + int64_t({arguments[1]})" if arguments[1:] else ""
            return self._new(f"table_{name}[{row}*shape_{name}[1]{column}]", [])
        if name == "timestep":
            t, dt = arguments
            return self._new(f"trunc(({t} + 1e-3*{dt})/{dt})", [])
        raise ExportError(
            f"the fused cell has no {name!r}, expected the functions of one argument, clip, timestep and "
            "TimedArrays: use the plain module."
        )

    def _new(self, text, rules):
        """Append a value; rules give the derivative by each operand."""
        name = f"{self.prefix}{len(self.lines)}"
        self.lines.append((name, text))
        self.rules.append((name, rules))
        return name

    def forward(self):
        """Return the code of the values."""
        return [f"const auto {name} = {text};" for name, text in self.lines]

    def backward(self, seeds, inputs, prefix="d_"):
        """
        Return the code of the adjoints.

        Parameters
        ----------
        seeds : dict of str to str
            Adjoint of each value that is used afterwards, as C.
        inputs : iterable of str
            C names of the variables whose adjoints are wanted.
        prefix : str
            Beginning of the names of adjoints.

        Returns
        -------
        list of str
            Lines that define ``d_NAME`` for every input.
        """
        inputs = list(inputs)
        active = set(inputs)
        for name, rules in self.rules:
            if any(operand in active for operand, _ in rules):
                active.add(name)
        order = [name for name in (*inputs, *(name for name, _ in self.lines)) if name in active]
        lines = [f"real {prefix}{name} = {seeds.get(name, '0')};" for name in order]
        for name, rules in reversed(self.rules):
            for operand, slope in rules:
                if name in active and operand in active:
                    lines.append(f"{prefix}{operand} += {prefix}{name}*({slope});".replace("*(1);", ";"))
        return lines


def without_unused(lines):
    """
    Return C code without the lines that compute what no later line uses.

    Parameters
    ----------
    lines : sequence of str
        Definitions of names that are set once or summed up, and lines with other effects, which stay.

    Returns
    -------
    list of str
    """
    kept, used = [], set()
    for line in reversed(lines):
        defined = re.fullmatch(r"(?:const )?(?:real |auto |bool |double )?(\w+)(?: \+?= [^;]*)?;", line)
        if defined is None or defined[1] in used:
            used |= set(re.findall(r"[A-Za-z_]\w*", line))
            kept.append(line)
    return kept[::-1]

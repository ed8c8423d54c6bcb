"""Brian2 models at random, as texts and numbers, so that a failing one can be read and is made smaller."""

from dataclasses import dataclass, field

import numpy as np
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    Synapses,
    TimedArray,
    linked_var,
    ms,
    second,
)
from hypothesis import strategies as st

N = 5
COLLIDING = """
v fired half values x0 fixed linked moment age like ops reset size step width part timing v_before
""".split()
"""Names that generated code or modules might want for themselves."""


@dataclass(frozen=True)
class Connection:
    """Synapses: their model, what a spike does, and from where."""

    model: str
    on_pre: str
    source: str  # "itself", "outside", "part"
    delay: str  # "none", "one", "many"
    twice: bool = False
    is_active: bool = True
    on_post: str = ""


@dataclass(frozen=True)
class Model:
    """A group, what targets it, and what happened before it was exported."""

    equations: str
    method: str
    threshold: str
    reset: str
    refractory: str
    numbers: dict = field(default_factory=dict)
    connections: tuple = ()
    regular: str = ""
    slot: str = "after_synapses"
    inactive: str = ""
    history: str = "new"  # "ran", "other ran", "dt changed"
    dt: float = 0.1
    link: str = ""
    state: tuple = ("v", "u")

    def build(self):
        """Return the group, its synapses, and everything else that a network needs."""
        clock = Clock(0.1 * ms if self.history == "dt changed" else self.dt * ms)
        rng = np.random.default_rng(1)
        steps = TimedArray(rng.uniform(0, 2, 7), dt=0.35 * ms, name="steps")
        columns = TimedArray(rng.uniform(0, 2, (9, N)), dt=0.2 * ms, name="columns")
        names = {"ms": ms, "second": second, "steps": steps, "columns": columns, **self.numbers}
        refractory = {"": False, "time": 0.7 * ms}.get(self.refractory, self.refractory)
        group = NeuronGroup(
            N,
            self.equations,
            method=self.method,
            threshold=self.threshold,
            reset=self.reset,
            refractory=refractory,
            namespace=names,
            clock=clock,
            name="neurons",
        )
        values = {"k": [0, 1, 2, 3, 7], "flag": [True, False, True, True, False], "wait": [0.3, 0.5, 0.7, 1.1, 0] * ms}
        values |= {"gain": [0.5, 0.8, 1, 1.3, 2], "level": 0.7}
        for name, value in values.items():
            if name in group.equations:
                setattr(group, name, value)
        for name in self.state:
            if name in group.equations:
                setattr(group, name, rng.uniform(-0.5, 0.95, N))
        if self.link:
            group.x = linked_var(group, self.link, index=np.arange(N)[::-1])
        others = []
        for count, item in enumerate(self.connections):
            source = group[1:4] if item.source == "part" else group
            if item.source == "outside":
                times = np.arange(40) * 0.1 * ms
                source = SpikeGeneratorGroup(4, np.arange(40) % 4, times, clock=clock, name=f"outside{count}")
                others.append(source)
            synapses = Synapses(
                source,
                group,
                item.model,
                on_pre=item.on_pre,
                on_post=item.on_post or None,
                namespace=names,
                clock=clock,
                name=f"links{count}",
            )
            pre = np.arange(10) % len(source)
            synapses.connect(i=pre, j=pre % N if item.twice else (pre + np.arange(10) // 4) % N)
            if "w" in synapses.equations:
                synapses.w = rng.uniform(-0.2, 0.3, len(synapses))
            if item.delay == "one":
                synapses.delay = 0.3 * ms
            elif item.delay == "many":
                synapses.delay = rng.uniform(0, 0.5, len(synapses)) * ms
            synapses.active = item.is_active
            others.append(synapses)
        if self.regular:
            regular = group.run_regularly(self.regular, when=self.slot, dt=None, clock=clock)
            regular.active = self.inactive != "regular"
        switched = {"updater": group.state_updater, "resetter": group.resetter.get("spike")}.get(self.inactive)
        if switched is not None:
            switched.active = False
        if self.history == "other ran":
            Network(NeuronGroup(1, "y : 1", clock=clock)).run(1 * ms, namespace={})
        network = Network(group, *others)
        if self.history in ("ran", "dt changed"):
            network.run(2 * ms, namespace={})
        if self.history == "dt changed":
            clock.dt = self.dt * ms
        return group, others, network


def number(low, high):
    """Return decimal numbers as text, of few digits so that they are seen in the failure."""
    return st.floats(low, high, allow_nan=False, allow_subnormal=False).map(
        lambda x: f"{x:.3g}" if x >= 0 else f"({x:.3g})"
    )


EXPRESSIONS = (
    ("constant", "{a}"),
    ("exponential", "0.01*exp(clip(({v} - {b})/{small}, -200, 3))"),
    ("steep", "0.01*exp(({u} - 1)/{small})"),
    ("logistic", "{a}/(1 + exp(-({u} - {b})/{small}))"),
    ("sine", "{a}*sin(2*pi*t/({small}*10*ms))"),
    ("onset", "{a}*int(t >= {grid}*ms)"),
    ("remainder of time", "{a}*int(t % ({grid}*ms) < 0.2*ms)"),
    ("whole time", "0.1*int(t/({grid}*ms))"),
    ("time step", "0.1*(t_in_timesteps % 7)"),
    ("array", "steps(t)"),
    ("array of columns", "columns(t, i)"),
    ("late array", "steps(t - {grid}*ms)"),
    ("clip", "clip({u}, {low}, {a})"),
    ("infinite clip", "{a}*clip({u}, -inf, 1)"),
    ("infinite number", "clip({u}, -top, top)"),
    ("tanh", "{a}*tanh({small}*{v})"),
    ("root", "{a}*sqrt(clip({u}, 0, inf))"),
    ("logarithm", "log(1 + {u}**2)"),
    ("polynomial", "({u} - {b})**3*0.1"),
    ("power", "0.3*abs({u})**{a}"),
    ("exprel", "0.2*exprel(clip({u}, -5, 2))"),
    ("integer", "0.1*k + 0.2*(k % 3)"),
    ("division of integers", "0.1*(k // 2) + 0.3*k/(1 + k)"),
    ("index", "0.9*i/N"),
    ("truth value", "0.3*int(flag and {v} > {b})"),
    ("either", "{a}*int({u} > {b} or not flag)"),
    ("comparison", "0.4*int({u} <= {b})"),
    ("rounding", "0.1*floor(3*{u}) + 0.1*ceil({u}) + 0.1*sign({v})"),
    ("remainder", "{u} % 0.3"),
    ("large and small", "big*{u}/big"),
    ("tiny", "(tiny*{u})*(1/tiny)"),
    ("sub-expression", "drive*{a}"),
    ("shared", "level*{a}"),
    ("gain", "gain*{a}"),
    ("quotient", "{a}/(1.5 + {u}**2)"),
    ("division by a small number", "{u}/(2 + 1/zero)"),
    ("since the last spike", "{a}*exp(-(t - lastspike)/(3*ms))"),
    ("age on the grid", "{a}*int(t - lastspike < {grid}*ms)"),
    ("linked", "0.1*x"),
    ("noise", "0.1*rand()"),
)
THRESHOLDS = (
    "{v} > 1",
    "{v} >= 1",
    "1 < {v}",
    "{v} > 1 and {u} < 2",
    "{v} > 1 or {u} > 2",
    "not ({v} <= 1)",
    "{v} > 1 + 0.2*{u}**2",
    "{v} > 1 and {v} < top",
    "{v} > 1 and t > 0.4*ms",
    "{v} == 1",
)
RESETS = (
    "{v} = 0",
    "{v} -= 1",
    "{v} = {v}*0.5 - 0.3  # half",
    "{v} = -0.5; {u} += 0.1",
    "{u} = {v}\n{v} = 0.1",
    "{v} = 0.3*gain",
    "k += 1; {v} = 0",
    "{v} = {v} - 1.1 + 0.01*exp(({v} - 1.2)/0.01)",
    "x_1 = 2*{u}; {v} = x_1 - 1",
    "flag = not flag; {v} = 0",
)
ON_PRE = (
    "{v}_post += w",
    "{u}_post += 0.5*w; {v}_post -= 0.1*w  # both",
    "{v}_post += w*int(i != j)",
    "{u}_post += clip(w, 0, top)",
    "{v}_post += 0.1*sqrt(i + 1)",
    "k_post += 1",
    "{v}_post += w*rand()",
    "{v}_post = w",
    "{v}_post += w*{u}_post",
)
REFUSED = {"linked", "noise", "age on the grid"}
OFTEN = 8


def mostly(usual, rare):
    """Return the usual strategy seven times of eight."""
    return st.integers(0, OFTEN - 1).flatmap(lambda k: rare if k == OFTEN - 1 else usual)


@st.composite
def models(draw):
    """Return models, of which most can be exported; with the names of the constructs in them."""
    names = draw(st.lists(st.sampled_from(COLLIDING), min_size=2, max_size=2, unique=True))
    words = dict(zip("vu", names, strict=True))
    refractory = draw(st.sampled_from(["", "", "time", "wait", "(0.3 + 0.1*(i % 3))*ms", "{u} > 0.3"])).format(**words)
    usual = [item for item in EXPRESSIONS if item[0] not in REFUSED and (refractory or "lastspike" not in item[1])]
    rare = [
        item for item in EXPRESSIONS if item[0] in ("linked", "age on the grid") and (refractory or item[0] == "linked")
    ]
    chosen = mostly(st.sampled_from(usual), st.sampled_from(rare))
    terms = draw(st.lists(chosen if draw(st.booleans()) else st.sampled_from(usual), min_size=1, max_size=3))
    of_u = draw(st.sampled_from([item for item in usual if "{u}" not in item[1] and "drive" not in item[1]]))
    of_drive = draw(st.sampled_from([item for item in usual if "drive" not in item[1]]))

    def text(template):
        parts = {
            "a": draw(number(0.1, 1.5)), "b": draw(number(-0.7, 0.9)),
            "small": draw(number(0.01, 0.5)), "low": draw(number(-2, 0)),
            "grid": draw(st.integers(1, 30).map(lambda k: f"{k / 10:g}")),
        }  # fmt: skip
        return template.format(**words, **parts)

    method = draw(st.sampled_from(["euler", "euler", "exponential_euler", "rk2", "rk4", "heun"]))
    flag = " (unless refractory)" if refractory and draw(st.booleans()) else ""
    right = " + ".join(f"({text(template)})" for _, template in terms)
    lines = [
        f"d{words['v']}/dt = (1 + 0.1*gain + {right} - {words['v']})/({draw(number(0.5, 8))}*ms) : 1{flag}",
        f"d{words['u']}/dt = ({text(of_u[1])} - {words['u']})/({draw(number(0.5, 8))}*ms) : 1",
        f"drive = {text(of_drive[1])} : 1",
    ]
    lines += ["k : integer", "flag : boolean", "gain : 1", "level : 1 (shared)", "wait : second"]
    is_linked = any(name == "linked" for name, _ in (*terms, of_u, of_drive))
    lines += ["x : 1 (linked)"] if is_linked else []
    exponent = draw(st.integers(-18, 18))
    numbers = {"top": np.inf, "zero": 0.0, "big": 10.0**exponent, "tiny": 10.0 ** draw(st.integers(-12, 0))}
    if draw(st.integers(0, 30)) == 13:
        numbers["tiny"] = 1e-60
    connections = []
    for _ in range(draw(st.integers(0, 2))):
        template = draw(mostly(st.sampled_from(ON_PRE[:5]), st.sampled_from(ON_PRE[5:])))
        source = draw(st.sampled_from(["itself", "outside"]))
        connections.append(
            Connection(
                "w : 1",
                template.format(**words),
                draw(st.just("part")) if draw(st.integers(0, 20)) == 13 else source,
                draw(st.sampled_from(["none", "none", "one", "many"])),
                draw(st.booleans()) and source == "itself",
                draw(st.integers(0, 6)) != 5,
                "w += 0.1" if draw(st.integers(0, 20)) == 13 else "",
            )
        )
    regular, slot, inactive = "", "after_synapses", ""
    if draw(st.integers(0, 4)) == 3:
        regular, slot = (
            f"{words['u']} = clip({words['u']}, -2, 2)",
            draw(mostly(st.just("after_synapses"), st.just("start"))),
        )
    if draw(st.integers(0, 6)) == 5:
        inactive = draw(st.sampled_from(["regular", "updater", "resetter"]))
    model = Model(
        "\n".join(lines),
        method,
        draw(mostly(st.sampled_from(THRESHOLDS[:-1]), st.sampled_from(THRESHOLDS))).format(**words),
        draw(st.sampled_from(RESETS)).format(**words),
        refractory,
        numbers,
        tuple(connections),
        regular,
        slot,
        inactive,
        draw(st.sampled_from(["new", "new", "new", "ran", "other ran", "dt changed"])),
        draw(st.sampled_from([0.1, 0.05, 0.04])),
        words["u"] if is_linked else "",
        tuple(names),
    )
    constructs = [name for name, _ in (*terms, of_u)] + [method, f"history: {model.history}"]
    constructs += ["refractory"] if refractory else []
    constructs += [f"on_pre: {item.source}, delay {item.delay}" for item in connections]
    constructs += ["run_regularly"] if regular else []
    constructs += [f"inactive: {inactive}"] if inactive else []
    return model, tuple(dict.fromkeys(constructs))

"""The command line with malformed values, in this process."""

import contextlib
import io
import signal
import sys
from unittest import mock

from hypothesis import strategies as st
from rich.console import Console

from hetbrian import cli
from tests.fuzz.chunk import drawn, in_a_folder, summed
from tests.fuzz.judge import WithoutEnd, files, limited

PROTOCOL = '''
"""A protocol."""
import xarray
from brian2 import ms, pA

SMALL = {"n": 2}


def compute(seed=0, n=10, gain=100 * pA, levels=(0.0, 1.0), label="x", fast=False, times=(1, 2) * ms, kinds=("a", "b")):
    """Return what was asked for."""
    return xarray.Dataset({"level": ("point", [1.0] * min(n, 9))}, attrs={"gain": float(gain / pA), "seed": seed})
'''

MODEL = '''
"""A model."""
from brian2 import Clock, Network, NeuronGroup, ms


def model(rng, n=2, tau=10 * ms):
    """Return leaky neurons."""
    group = NeuronGroup(
        n, "dv/dt = (2 - v)/tau : 1", threshold="v > 1", reset="v = 0", method="exact", clock=Clock(1 * ms),
        namespace={"tau": tau}, name="neurons",
    )
    return Network(group)
'''

VALUES = (
    *"10**10**10 1/0 a nan inf -inf -1 0 1e400 1e300 2**1000 9**9**9 ( [1 '' 'a' None True 1j 1*mV 3*pA pA/0".split(),
    *"mV**0.5 1,2 [] () ((1,),(2,3)) (1,'a') 'a'*10**9 [1]*10**9 (1,2)*10**9 __import__('os') os.system x.y".split(),
    *"--- -- 1**-1 0**-1 1e-320 {1} {1:2} f'{1}' b'a' ... @ nowhere/x /proc/self/mem /dev/null".split(),
    *". tcp:// float32 spam".split(),
    *"((((10**63)**63)**63)**63)**63 'a'*10**10 (-8)**0.5 1*mV+1*pA (1,2)*3 (1*mV,2*mV)*2 ((1,),2)*2 10**-400".split(),
    *("lambda: 0", "1 if 1 else 2", "1 +", "\0", "ä", "1" * 5000, "(" * 300, "-" * 3000 + "1", str(2**64), "", " "),
)

NAMES = ("seed", "n", "gain", "levels", "label", "fast", "times", "kinds", "unknown", "n-", "")

COMMANDS = {
    "run": (
        ["run", "p.py", "--n", "*"], ["run", "p.py", "--small", "--*name", "*"], ["run", "*"],
        ["run", "p.py", "--set", "*"],
        ["run", "p.py", "--seed", "*"], ["run", "p.py", "--out", "*"], ["run", "p.py", "--codegen-only", "*"],
        ["run", "p.py", "--scheduler", "*"], ["run", "p.py", "--workers", "*"], ["run", "p.py", "--*name=*"],
    ),
    "compare": (
        ["compare", "*"], ["compare", "m.py:*"], ["compare", "m.py:model", "--duration", "*"],
        ["compare", "m.py:model", "--group", "*"], ["compare", "m.py:model", "--input", "*"],
        ["compare", "m.py:model", "--set", "n=*"], ["compare", "m.py:model", "--set", "tau=*"],
        ["compare", "m.py:model", "--seed", "*"], ["compare", "m.py:model", "--precision", "*"],
    ),
    "train": (
        ["train", "*"], ["train", "shd", "--preset", "*"], ["train", "shd", "--het", "*"],
        ["train", "shd", "--data-root", "*"],
        ["train", "shd", "--trainable", "*"], ["train", "shd", "--n_hidden", "*"], ["train", "shd", "--rate", "*"],
        ["train", "shd", "--tau_s", "*"], ["train", "shd", "--*name", "*"], ["train", "shd", "--held-out", "*"],
        ["train", "shd", "--test-speakers", "*"],
        ["train", "shd", "--precision", "*"], ["train", "shd", "--bin_width", "*"],
    ),
    "figure": (["figure", "*"], ["figure", "fig1", "--data", "*"], ["figure", "p.py", "--data", "*"]),
    "new": (["new", "*"], ["new", "mine", "--from", "*"]),
    "report": (["report", "*"], ["report", ".", "--out", "*"], ["report", ".", "--protocols", "*"]),
    "data make": (
        ["data", "make", "*", "--out", "d"], ["data", "make", "nmnist", "--out", "d", "--train", "*", "--test", "1"],
        ["data", "make", "nmnist", "--out", "d", "--train", "1", "--seed", "*", "--test", "1"],
        ["data", "make", "nmnist", "--out", "d", "--train", "1", "--jobs", "*", "--test", "1"],
        ["data", "make", "speech", "--out", "d", "--wav", "*"],
        ["data", "make", "gestures", "--out", "d", "--clips", "*"],
        ["data", "make", "gestures", "--out", "d", "--clips", ".", "--part", "*"],
        ["data", "make", "speech", "--out", "d", "--wav", ".", "--pattern", "*"],
        ["data", "make", "speech", "--out", "d", "--wav", ".", "--layout", "*"],
        ["data", "make", "speech", "--out", "d", "--wav", ".", "--high", "*"],
    ),
    "data check": (
        ["data", "check", "*"], ["data", "check", "--data-root", "*"], ["data", "check", "shd", "--data-root", "*"],
    ),
    "devices": (["devices", "*"],),
    "cache": (["cache", "*"],),
}  # fmt: skip
"""Lines of each command; ``*`` stands for a malformed value, ``*name`` for the name of an option."""


def run(arguments):
    """Run a line; return its exit status, what it said, and an error that came out of it."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    said = io.StringIO()
    try:
        with (
            limited(),
            mock.patch.object(sys, "argv", ["hetbrian", *arguments]),
            mock.patch.object(cli, "console", Console(file=said)),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            cli.main()
    except SystemExit as stop:
        return stop.code, said.getvalue(), None
    except (Exception, WithoutEnd) as error:
        return None, said.getvalue(), error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 0, said.getvalue(), None


def judged(arguments):
    """Return what came of a line, and what was said."""
    before = files()
    status, said, error = run(arguments)
    if isinstance(error, WithoutEnd):
        return "without end", said
    if error is not None or "Traceback" in said:
        return "raw", f"{type(error).__name__}: {error} {said}"
    left = [name for name in files().keys() - before.keys() if name.rpartition("/")[2].startswith(("tmp", ".tmp"))]
    if left:
        return "wrong", f"left {left}"
    if not status:
        return "correct", said
    is_usage = status == 2 and ("Usage:" in said or "Error" in said)
    sentence = said.partition("Error:")[2].strip()
    is_one = status == 1 and "expected" in sentence and "\n" not in sentence
    return ("sentence" if is_one or is_usage else "raw"), f"status {status}: {said}"


def check_command(name: str, number: int, count: int) -> dict:
    """Run lines of a command with malformed values; see `tests.fuzz.chunk.check_call`."""
    found: list = []

    def check(chosen):
        line, value, option = chosen
        arguments = [part.replace("*name", option).replace("*", value) for part in line]
        with in_a_folder():
            for file, text in (("p.py", PROTOCOL), ("m.py", MODEL)):
                with open(file, "w") as opened:
                    opened.write(text)
            outcome, said = judged(arguments)
        found.append((outcome, name, [part[:60] for part in arguments], said[:600]))

    values = st.one_of(st.sampled_from(VALUES), st.text(max_size=8))
    drawn(lambda: st.tuples(st.sampled_from(COMMANDS[name]), values, st.sampled_from(NAMES)), number, count, check)
    return summed(number, found)

"""Thousands of malformed inputs: ``python -m tests.fuzz --inputs 5000 --folder out/fuzz``, which goes on."""

import argparse
import json
import os
from collections import Counter
from pathlib import Path

from tests.fuzz.chunk import check_call
from tests.fuzz.commands import COMMANDS, check_command
from tests.fuzz.entries import CALLS
from tests.fuzz.formats import FORMATS, check_format
from tests.fuzz.judge import OUTCOMES

KINDS = {"call": (CALLS, check_call, 1), "file": (FORMATS, check_format, 3), "command": (COMMANDS, check_command, 5)}
"""Names of each kind of input, what checks them, and how many of them weigh as much as one call."""


def chunks(n_inputs: int) -> list[tuple[str, str, int]]:
    """Return kind, name and number of inputs of each chunk, together at least so many inputs."""
    weights = [(kind, name, weight) for kind, (names, _, weight) in KINDS.items() for name in names]
    total = sum(weight for *_, weight in weights)
    return [(kind, name, -(-n_inputs * weight // total)) for kind, name, weight in weights]


def summary(done: dict[str, dict]) -> str:
    """Return how often each outcome came, and what failed, as text."""
    outcomes = sum((Counter(item["outcomes"]) for item in done.values()), Counter())
    lines = [f"{outcomes.total()} malformed inputs", *(f"  {name}: {outcomes[name]}" for name in OUTCOMES)]
    for name, item in done.items():
        lines += [f"{name}, seed {item['seed']}: {failure}" for failure in item["failures"]]
    return "\n".join(lines)


def main():
    """Check the chunks that are not kept yet, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="Another seed draws other inputs.")
    parser.add_argument("--only", default="", help="Part of a name, as analysis.mse or command run.")
    parser.add_argument("--folder", type=Path, default=Path("out/fuzz"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = options.folder.resolve()
    os.environ["HETBRIAN_CACHE"] = str(folder / "cache")
    done = {}
    for kind, name, count in chunks(options.inputs):
        title = f"{kind} {name}"
        if options.only not in title:
            continue
        path = folder / f"{kind}-{name}-{options.seed}-{count}.json"
        if not path.exists():
            found = KINDS[kind][1](name, options.seed, count)
            new = path.with_suffix(".new")
            new.write_text(json.dumps(found))
            new.replace(path)
            print(f"{title}, seed {options.seed}: {dict(found['outcomes'])}", flush=True)
        done[title] = json.loads(path.read_text())
    print(summary(done))
    raise SystemExit(any(item["failures"] for item in done.values()))


if __name__ == "__main__":
    main()

"""Thousands of models, in chunks that are kept: ``python -m tests.differential --models 10000 --folder out/differential``."""

import argparse
import json
import warnings
from collections import Counter
from pathlib import Path

from brian2 import BrianLogger, prefs, start_scope
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.differential.checks import check
from tests.differential.models import models

CHUNK = 50
"""Models of one seed; one in fifty is compiled for the fused cell too."""


def chunk(number: int) -> dict:
    """
    Check the models of a seed.

    Parameters
    ----------
    number : int
        The seed.

    Returns
    -------
    dict
        ``outcomes`` of all models, those of each construct in ``constructs``, and the ``failure``, made as small as
        it gets, if there is one.
    """
    outcomes: Counter = Counter()
    constructs: dict[str, Counter] = {}
    first: list = []

    @seed(number)
    @settings(
        max_examples=CHUNK,
        phases=[Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(models())
    def equal_or_refused(drawn):
        model, names = drawn
        first[:] = [model]
        start_scope()
        outcome = check(model, fused=outcomes.total() == CHUNK // 2)
        if outcomes.total() < CHUNK:
            outcomes[outcome] += 1
            for name in names:
                constructs.setdefault(name, Counter())[outcome] += 1

    failure = ""
    try:
        equal_or_refused()
    except Exception as error:  # the smallest failing model is the last that ran
        failure = f"{type(error).__name__}: {error}\n{first[0]!r}"
    return {"seed": number, "outcomes": outcomes, "constructs": constructs, "failure": failure}


def summary(done: list[dict]) -> str:
    """Return accepted and refused models by construct, and the failures, as text."""
    outcomes, constructs = Counter(), {}
    for item in done:
        outcomes.update(item["outcomes"])
        for name, counts in item["constructs"].items():
            constructs.setdefault(name, Counter()).update(counts)
    valid = outcomes.total() - outcomes["invalid"]
    accepted = sum(count for name, count in outcomes.items() if name.startswith("accepted"))
    lines = [f"{outcomes.total()} models, {valid} run in Brian2: {accepted} accepted ({100 * accepted / max(1, valid):.1f} %)"]
    lines += [f"  refused: {name} {count}" for name, count in outcomes.most_common() if not name.startswith(("accepted", "invalid"))]
    for name, counts in sorted(constructs.items()):
        good = sum(count for outcome, count in counts.items() if outcome.startswith("accepted"))
        lines.append(f"  {name}: {good} accepted, {counts.total() - good - counts['invalid']} refused, {counts['invalid']} invalid")
    failures = [item for item in done if item["failure"]]
    lines += [f"{len(failures)} chunks with a difference"]
    lines += [f"seed {item['seed']}: {item['failure']}" for item in failures]
    return "\n".join(lines)


def main():
    """Check the chunks that are not kept yet, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path("out/differential"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    BrianLogger.suppress_hierarchy("brian2")
    prefs.codegen.target = "numpy"
    warnings.simplefilter("ignore")
    done = []
    for number in range(options.models // CHUNK):
        path = options.folder / f"{number}.json"
        if not path.exists():
            found = chunk(number)
            new = path.with_suffix(".new")
            new.write_text(json.dumps(found))
            new.replace(path)
            print(f"seed {number}: {dict(found['outcomes'])} {found['failure']}", flush=True)
        done.append(json.loads(path.read_text()))
    print(summary(done))
    raise SystemExit(any(item["failure"] for item in done))


if __name__ == "__main__":
    main()

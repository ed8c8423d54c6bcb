"""Thousands of models: ``python -m tests.differential --models 10000 --folder out/differential``, which goes on."""

import argparse
import json
from collections import Counter
from pathlib import Path

from tests.differential.chunk import check_models

CHUNK = 50
"""Models of one seed, which are kept together."""


def summary(done: list[dict]) -> str:
    """Return accepted and refused models by construct, and the failures, as text."""
    outcomes: Counter = Counter()
    constructs: dict[str, Counter] = {}
    for item in done:
        outcomes.update(item["outcomes"])
        for name, counts in item["constructs"].items():
            constructs.setdefault(name, Counter()).update(counts)
    valid = outcomes.total() - outcomes["invalid"]
    share = 100 * _accepted(outcomes) / max(1, valid)
    lines = [f"{outcomes.total()} models, {valid} run in Brian2, of which {share:.1f} % are accepted"]
    lines += [f"  {name}: {count}" for name, count in outcomes.most_common()]
    for name, counts in sorted(constructs.items()):
        refused = counts.total() - _accepted(counts) - counts["invalid"]
        lines.append(f"  {name}: {_accepted(counts)} accepted, {refused} refused, {counts['invalid']} invalid")
    failures = [item for item in done if item["failure"]]
    lines += [f"{len(failures)} chunks with a difference"]
    lines += [f"seed {item['seed']}: {item['failure']}" for item in failures]
    return "\n".join(lines)


def _accepted(counts):
    return sum(count for name, count in counts.items() if name.startswith("accepted"))


def main():
    """Check the chunks that are not kept yet, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path("out/differential"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    done = []
    for number in range(options.models // CHUNK):
        path = options.folder / f"{number}.json"
        if not path.exists():
            found = check_models(number, CHUNK, n_fused=2)
            new = path.with_suffix(".new")
            new.write_text(json.dumps(found))
            new.replace(path)
            print(f"seed {number}: {dict(found['outcomes'])} {found['failure']}", flush=True)
        done.append(json.loads(path.read_text()))
    print(summary(done))
    raise SystemExit(any(item["failure"] for item in done))


if __name__ == "__main__":
    main()

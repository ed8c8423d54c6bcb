"""Print the tables of docs/training.md from the archived data of both tables 1, of figure 5 and of layers and delays.

python docs/training.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import hetbrian as hb  # noqa: E402
from hetbrian.published.protocols import speech  # noqa: E402
from hetbrian.published.protocols.common import classification  # noqa: E402
from hetbrian.study.figure import archived  # noqa: E402

NAMES = ("table1", "fig5")

ENDS = {"holds": ", holds", "fails": ", fails", "open": ""}


def evidence(dataset):
    """Return a row for every quantity that decides S1 to S3, and a column for every data set, as Markdown."""
    names = [str(name) for name in dataset.dataset.values]
    lines = [f"| claim | points | {' | '.join(names)} |", "|" + "---|" * (2 + len(names))]
    rows = {}
    for claim in classification.claims(dataset):
        for item in claim.evidence:
            name, _, text = item.quantity.rpartition(": ")
            low, high = item.interval
            mean = round(item.mean, 2) + 0.0  # accuracies are float32, and equal ones may differ by -2e-6
            cell = f"{mean:.2f} ({low:.2f} to {high:.2f}){ENDS[item.outcome]}"
            row = rows.setdefault((f"{claim.name}: {claim.verdict}", text.removesuffix(" (points)")), {})
            row[name or names[0]] = cell
    for (claim, text), cells in rows.items():
        lines.append(f"| {claim} | {text} | {' | '.join(cells.get(name, '') for name in names)} |")
    return "\n".join(lines)


def trainings(dataset):
    """Return the test accuracy of each training of the published procedure in %, or when it ended, as Markdown."""
    seeds = [int(seed) for seed in dataset.seed.values]
    lines = [f"| heterogeneity | {' | '.join(f'seed {seed}' for seed in seeds)} |", "|" + "---|" * (1 + len(seeds))]
    for condition in dataset.condition.values:
        there = dataset.squeeze("dataset").sel(condition=condition)
        cells = []
        for seed in seeds:
            error, accuracy = str(there.error.sel(seed=seed).item()), 100 * there.test_accuracy.sel(seed=seed).item()
            cells.append(error.partition(" in ")[2].partition(",")[0] if error else f"{accuracy:.1f}")
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tables():
    """Return the tables of what is archived, by their heading."""
    found = {}
    for name in NAMES:
        dataset = hb.load(archived(name))
        found[f"{name}: accuracies"] = classification.markdown_accuracies(dataset)
        found[f"{name}: what decides"] = evidence(dataset)
    found["speech: accuracies"] = speech.summary(hb.load(archived("speech")))
    found["table1_published: each training"] = trainings(hb.load(archived("table1_published")))
    return found


if __name__ == "__main__":
    for heading, table in tables().items():
        print(f"\n{heading}\n\n{table}")

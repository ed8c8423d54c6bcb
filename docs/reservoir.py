"""Print the tables of docs/reservoir.md from the archived data of figures 1b, c, 2 and the ablation.

python docs/reservoir.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import hetbrian as hb  # noqa: E402
from hetbrian.published.protocols import ablation, fig1bc, fig2  # noqa: E402
from hetbrian.study.claims import markdown  # noqa: E402

PROTOCOLS = {"fig1bc": fig1bc, "fig2": fig2, "ablation": ablation}


def errors(dataset):
    """Return mean and standard deviation over seeds of every procedure and condition as Markdown."""
    head = ["procedure", "condition", "training y1", "test y1", "training y2", "test y2", "rate (Hz)", "synchrony"]
    head += ["d.o.f."]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for procedure in dataset.procedure.values:
        for condition in dataset.condition.values:
            row = dataset.sel(procedure=procedure, condition=condition)
            cells = [str(procedure), str(condition)]
            for target in dataset.target.values:
                cells += [_spread(row[f"mse_{part}"].sel(target=target)) for part in ("train", "test")]
            cells += [_spread(row[name]) for name in ("rate", "synchrony", "degrees_of_freedom")]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values):
    return f"{float(values.mean('seed')):.3g} ({float(values.std('seed', ddof=1)):.2g})"


def verdicts(dataset):
    """Return one row per setting of the ablation: the verdict of each claim."""
    found = {(item.name, item.setting): item.verdict for item in ablation.claims(dataset)}
    names = ("R2", "R3", "R4", "R5")
    lines = ["| repaired | " + " | ".join(names) + " |", "|" + "---|" * 5]
    lines += [f"| {row} | " + " | ".join(found[name, row] for name in names) + " |" for row in ablation.ROWS]
    return "\n".join(lines)


def tables(folder=ROOT / "hetbrian" / "published" / "figures" / "data"):
    """Return the tables of what is archived, by their heading."""
    found = {}
    for name, protocol in PROTOCOLS.items():
        if not (Path(folder) / f"{name}.nc").exists():
            continue
        dataset = hb.load(Path(folder) / f"{name}.nc")
        found[f"{name}: errors"] = verdicts(dataset) if name == "ablation" else errors(dataset)
        found[f"{name}: what decides"] = markdown(protocol.claims(dataset))
    return found


if __name__ == "__main__":
    for heading, table in tables(*sys.argv[1:]).items():
        print(f"\n## {heading}\n\n{table}")

"""Draw docs/reservoir.png from the Dataset that `hetbrian run reservoir_table` leaves, and print its tables.

python docs/reservoir.py out/reservoir_table/reservoir_table.nc
"""

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import hetbrian as hb  # noqa: E402
from figures import COLOURS  # noqa: E402
from hetbrian.study.claims import markdown  # noqa: E402
from protocols.reservoir_table import claims  # noqa: E402

KINDS = {"eta": "eta", "g": "g", "theta": "theta", "regime": "eta", "homogeneous": "homogeneous"}


def table(dataset):
    """Return mean and standard deviation over seeds of every condition as Markdown."""
    presets = dataset.preset.values.tolist()
    head = ["condition", *(f"{preset}, {part}" for preset in presets for part in ("training", "test"))]
    head += ["rate (Hz)", "synchrony", "participation ratio", "d.o.f."]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for condition in dataset.condition.values:
        row = dataset.sel(condition=condition)
        cells = [str(condition)]
        for preset in presets:
            for part in ("train", "test"):
                errors = row[f"mse_{part}"].sel(preset=preset)
                cells.append(", ".join(_spread(errors.sel(target=target)) for target in dataset.target.values))
        cells += [_spread(row[name]) for name in ("rate", "synchrony", "dimensionality", "degrees_of_freedom")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values):
    return f"{float(values.mean('seed')):.3g} ({float(values.std('seed', ddof=1)):.2g})"


def draw(dataset):
    """Return a figure: relative errors of every condition, training and test, one panel per preset."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(9.0, 4.2), sharey=True, width_ratios=(2, 2, 1))
    rows = np.arange(dataset.sizes["condition"])[::-1]
    for axis, preset in zip(axes, dataset.preset.values, strict=False):
        for row, condition in zip(rows, dataset.condition.values, strict=True):
            colour = COLOURS[KINDS[str(condition).split()[0].rstrip(",")]]
            for part, marker, shift in (("train", "o", 0.12), ("test", "s", -0.12)):
                values = dataset[f"relative_{part}"].sel(condition=condition, preset=preset)
                low, middle, high = values.quantile([0.05, 0.5, 0.95], "seed").values
                face = colour if part == "train" else "white"
                axis.plot([low, high], [row + shift] * 2, color=colour, lw=1.0)
                axis.plot(middle, row + shift, marker, color=colour, mfc=face)
        axis.axvline(1.0, color="0.6", lw=0.8, ls=":")
        axis.set(xscale="log", xlabel="relative error (best constant = 1)", title=str(preset))
    axes[0].plot([], [], "o", color="black", label="training")
    axes[0].plot([], [], "s", color="black", mfc="white", label="test")
    axes[0].legend(loc="lower left")
    freedom = dataset.degrees_of_freedom
    for row, condition in zip(rows, dataset.condition.values, strict=True):
        colour = COLOURS[KINDS[str(condition).split()[0].rstrip(",")]]
        axes[2].barh(row, float(freedom.sel(condition=condition).mean()), height=0.6, color=colour)
    axes[2].set(xlabel="degrees of freedom", title="why")
    axes[0].set(yticks=rows, yticklabels=dataset.condition.values)
    return figure


def main(path):
    """Print the tables and write the figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    dataset = hb.load(path)
    print("\n## Errors\n\nMean (standard deviation) over seeds; mean square errors of y1, y2.\n")
    print(table(dataset))
    found = claims(dataset)
    print("\n## Verdicts\n\n| claim | setting | verdict |\n|---|---|---|")
    for claim in found:
        print(f"| {claim.name} | {claim.setting} | {claim.verdict} |")
    print("\n## What decides them\n\nMean +- standard deviation over seeds.\n\n" + markdown(found))
    with pyplot.style.context(str(ROOT / "figures" / "hetbrian.mplstyle")):
        draw(dataset).savefig(Path(__file__).with_suffix(".png"))


if __name__ == "__main__":
    main(sys.argv[1])

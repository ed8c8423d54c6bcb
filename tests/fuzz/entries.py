"""Everything public, with its call, or why it has none."""

import re

from tests.fuzz.calls import Call
from tests.fuzz.of_learning import ANALYSIS, DATA, DATA_WORDS, STUDY, TORCH, TRAINING
from tests.fuzz.of_networks import NETWORK, READOUT, SIMULATION
from tests.fuzz.of_plots import PLOT
from tests.fuzz.of_published import PUBLISHED

CALLS = {
    f"{room}.{name}": make
    for room, calls in {
        "analysis": ANALYSIS,
        "network": NETWORK,
        "plot": PLOT,
        "published": PUBLISHED,
        "readout": READOUT,
        "simulation": SIMULATION,
        "study": STUDY,
        "torch": TORCH,
        "training": TRAINING,
        "training.data": DATA,
    }.items()
    for name, make in calls.items()
}
"""By name, what makes the `Call` anew; none keeps what another left behind."""

EXEMPT = {
    r"codegen\..*": "what hetbrian's own Brian2 objects are made of; users meet FORCE, RLS and Guard",
    r"network\.Fit|simulation\.Finding|torch\.(Comparison|Difference|Output)": "what a function returns",
    r"network\.Izhikevich\.(scales|dimensionless)|study\.Grid\.(coordinates|description)|torch\.FusedCell\.release"
    r"|torch\.Cell\.(variables|like|prepare)|training\.Preset\.described|training\.TrainedNetwork\.parameters"
    r"|training\.Batches\.loader|training\.data\.Recordings\.counts|simulation\.find_devices": "takes no argument",
    r"simulation\.Program\.generate": "compiles for a minute; `hetbrian run --codegen-only` is tested",
    r"readout\.FORCE\.(?!save|load|run_value).*|simulation\.(Guard|SampledMonitor)\..*|readout\.ReadoutOperation.*"
    r"|network\.(AllToAll|SharedAdaptation)\..*": "called while a network is built, runs or is saved",
    r"readout\.RLS\..*": "those of FORCE",
    r"analysis\.VectorField\.(columns|check_finite)|torch\.Population.*|torch\.Cell|torch\.Cell\.(step|check)"
    r"|training\.Batch(\.to)?": "called by functions of the room with what they computed",
    r"torch\.Surrogate(\.derivative)?": "an abstract base; its subclasses are called",
    r"torch\.Events\.to": "passes its argument to torch, whose devices it does not know",
    r"torch\.ExportError|training\.NonFiniteLoss|training\.data\.DamagedDataError": "an error",
    r"training\.(Training|EpochBatches|Classifier)\..*": "called by Lightning with what it computed",
    r"training\.TrainedNetwork|training\.data\.DataSet": "a table of what a function made",
}
"""Patterns of what is not called, with the reason."""


def reason(name):
    """Return why something public is not called, None if there is no reason."""
    return next((why for pattern, why in EXEMPT.items() if re.fullmatch(pattern, name)), None)


def call(name) -> Call:
    """Return the call of an entry."""
    found = CALLS[name]()
    if name.startswith("training"):
        found.says.update({key: words for key, words in DATA_WORDS.items() if key not in found.says})
    return found

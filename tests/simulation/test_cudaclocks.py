"""The clocks that a CUDA project reads are those of its network."""

import re

import pytest
from brian2 import Clock, Network, NeuronGroup, Synapses, ms

from hetbrian.simulation import cudaclocks
from hetbrian.simulation.sampling import SampledMonitor
from tests.codegen.test_cuda_code import cuda_device, generate, source_of  # noqa: F401  - a fixture

pytest.importorskip("brian2cuda", reason="brian2cuda is not installed: pip install 'hetbrian[cuda]'")
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # brian2cuda leaves closing to Python
]


def test_each_code_object_reads_the_clock_that_it_runs_on(cuda_device):  # noqa: F811
    network = Network()
    for name, dt in (("clock", 0.1 * ms), ("slow", 0.2 * ms)):  # one that Brian2 renames, and one that it does not
        clock = Clock(dt, name=name)
        options = {"clock": clock, "namespace": {"ms": ms}, "order": 0}
        group = NeuronGroup(3, "dv/dt = 1/ms : 1", threshold="v > 1", reset="v = 0", name=f"group_{name}", **options)
        path = Synapses(group, group, on_pre="v += 0.1", name=f"path_{name}", namespace={}, clock=clock)
        path.connect(i=[0, 1], j=[1, 2])
        monitor = SampledMonitor(group, "v", True, every=1 * ms, name=f"monitor_{name}")
        network.add(group, path, monitor)
    generate(cuda_device, network)
    declared = set(re.findall(r"^extern Clock (\w+);", (cuda_device / "objects.h").read_text(), re.MULTILINE))
    assert declared == {"_clock", "slow"}

    def read():
        sources = {path.name: path.read_text() for path in (cuda_device / "code_objects").glob("*.cu")}
        return {name: set(re.findall(r"(\w+)\.(?:timestep|t|i_end)\b", source)) for name, source in sources.items()}

    assert set().union(*read().values()) == {"clock", "defaultclock", "slow"}  # as Brian2CUDA writes it
    cudaclocks.mend(cuda_device)
    found = read()
    for name, clock in (("clock", "_clock"), ("slow", "slow")):
        for kind in ("monitor_{}", "path_{}_pre"):
            assert found[source_of(cuda_device, kind.format(name)).name] == {clock}
    assert set().union(*found.values()) == declared

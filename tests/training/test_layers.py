import numpy as np
import pytest

import hetbrian as hb
from hetbrian.training.layers import heterogeneity
from hetbrian.training.preset import KINDS, Preset


@pytest.mark.parametrize("het", [(), ("eta",), ("g", "theta"), KINDS])
def test_only_what_the_preset_names_differs_between_neurons(het):
    preset = Preset.STRONG.replace(het=het)
    laws = heterogeneity(preset)
    assert laws.differing == het
    drawn = laws.draw(400, np.random.default_rng(1))
    for name, centre in (("eta", 0.0), ("g", 1.0), ("theta", 0.2)):
        assert (np.ptp(drawn[name]) > 0) == (name in het)
        assert np.abs(drawn[name] - centre).max() <= 4 * getattr(preset, f"{name}_half_width")
    assert drawn["g"].min() > 0 and drawn["theta"].min() >= 0 and drawn["theta"].max() <= preset.theta_limit


def test_each_parameter_is_drawn_from_a_stream_of_its_own():
    preset = Preset.STRONG.replace(het=KINDS)
    drawn = heterogeneity(preset).draw(50, np.random.default_rng(2))
    expected = {"eta": (0.0, 0.1, -0.4, 0.4), "g": (1.0, 0.2, 1 - 4 * 0.2, 1.8), "theta": (0.2, 0.2, 0.0, 0.95)}
    for (name, (centre, width, *bounds)), stream in zip(
        expected.items(), np.random.default_rng(2).spawn(3), strict=True
    ):
        assert np.array_equal(drawn[name], hb.Lorentzian(centre, width).truncated(*bounds).draw(50, stream))

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


def test_a_gaussian_eta_has_the_same_half_width_and_is_cut_to_twice_its_mean():
    preset = Preset.PAPER.replace(het=("eta", "g"), eta_half_width=0.5)
    laws = heterogeneity(preset)
    bell = laws.eta.distribution
    assert isinstance(bell, hb.Gaussian) and (laws.eta.low, laws.eta.high) == (0.0, 2.0)
    density = np.diff(bell._cdf(np.array([1 - 1e-6, 1 + 1e-6, 1.5 - 1e-6, 1.5 + 1e-6])))[::2]
    assert density[1] / density[0] == pytest.approx(0.5, rel=1e-3)  # half the maximum at the half width
    drawn = laws.draw(2000, np.random.default_rng(1))["eta"]
    assert 0 < drawn.min() < 0.1 and 1.9 < drawn.max() <= 2
    assert laws.differing == ("eta", "g") and isinstance(laws.g.distribution, hb.Lorentzian)
    lorentzian = heterogeneity(preset.replace(eta_law="lorentzian"))
    assert isinstance(lorentzian.eta.distribution, hb.Lorentzian)


def test_a_gaussian_around_zero_is_refused_only_if_it_is_drawn():
    with pytest.raises(ValueError, match=r"eta_law is 'gaussian' with eta = 0\.0, expected eta above 0"):
        Preset.STRONG.replace(het=("eta",), eta_law="gaussian")
    assert heterogeneity(Preset.STRONG.replace(het=("g",), eta_law="gaussian")).differing == ("g",)


def test_each_parameter_is_drawn_from_a_stream_of_its_own():
    preset = Preset.STRONG.replace(het=KINDS)
    drawn = heterogeneity(preset).draw(50, np.random.default_rng(2))
    expected = {"eta": (0.0, 0.1, -0.4, 0.4), "g": (1.0, 0.2, 1 - 4 * 0.2, 1.8), "theta": (0.2, 0.2, 0.0, 0.95)}
    for (name, (centre, width, *bounds)), stream in zip(
        expected.items(), np.random.default_rng(2).spawn(3), strict=True
    ):
        assert np.array_equal(drawn[name], hb.Lorentzian(centre, width).truncated(*bounds).draw(50, stream))

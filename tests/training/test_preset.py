import pytest
from brian2 import DimensionMismatchError, ms, mV, second

import hetbrian as hb
from hetbrian.training.data.binning import BINNINGS
from hetbrian.training.preset import PRESETS, Preset

STRONG = Preset.STRONG


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"theta": 1.0}, "theta is 1.0, expected at least 0 and below 1: choose another value"),
        ({"dropout": -0.1}, "dropout is -0.1, expected at least 0 and below 1"),
        ({"synapse": "none"}, "synapse is 'none', expected conductance, current: choose one of them"),
        ({"reset": "mirror"}, "reset is 'mirror', expected residual, capped, retain"),
        ({"het": ("tau",)}, "an entry of het is 'tau', expected eta, g, theta: "),
        ({"trainable": ("v",)}, "an entry of trainable is 'v', expected eta, g, theta, C, tau_w"),
        ({"tau_out": -1 * ms}, "tau_out is -1. ms, expected 0 or more: give no negative value"),
        ({"neuron": hb.Izhikevich.FORCE}, "neuron has units, expected a dimensionless set"),
        ({"n_hidden": 0}, "n_hidden"),
        ({"rate": 0.0}, "rate"),
        (
            {"trainable": ("delay",), "longest_delay": 0 * ms},
            "trainable has 'delay' and longest_delay is 0 s, expected",
        ),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        STRONG.replace(**changes)


def test_times_need_their_unit():
    with pytest.raises(DimensionMismatchError, match="tau_s"):
        STRONG.replace(tau_s=5 * mV)


def test_paper_is_what_was_published():
    paper, ca3 = Preset.PAPER, hb.Izhikevich.CA3.dimensionless()
    assert (paper.n_hidden, paper.batch_size, paper.epochs, paper.rate) == (64, 64, 100, 1e-3)
    assert (paper.slope, paper.neuron.v_peak, paper.neuron.v_reset, paper.neuron.eta) == (100, 1, 0, 1)
    assert paper.neuron.v_t == ca3.v_t and paper.neuron.beta == ca3.beta and paper.neuron.g == ca3.g
    assert paper.neuron.tau_w / paper.neuron.C == pytest.approx(130)
    binning = BINNINGS["paper"]["shd"]
    assert binning.n_bins * binning.bin_width / paper.neuron.C == pytest.approx(1)  # one unit of time in all
    assert 1 - binning.bin_width / paper.tau_s == pytest.approx(0.995)
    assert (paper.eta_law, paper.readout_filters) == ("gaussian", 2)  # of the scripts, both filters by 0.995 a step
    assert 1 - binning.bin_width / paper.tau_out == pytest.approx(0.995)
    assert paper.rate_strength == 0 and paper.tau_out < 1 * second


def test_every_preset_has_a_binning_for_every_data_set():
    assert all(set(BINNINGS[name]) == {"nmnist", "dvs128", "shd", "ssc"} for name in PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_scales_and_bounds_are_in_the_units_of_the_module(name):
    preset, (dt, *_) = PRESETS[name], {item.bin_width / ms for item in BINNINGS[name].values()}
    for parameter, (scale, low, high) in preset.scales(dt * ms).items():
        assert scale > 0 and low < high and (low == dt if parameter in ("C", "tau_w", "tau_s") else low <= 0), parameter
    assert preset.scales(dt * ms)["C"][0] == float(preset.neuron.C / ms)

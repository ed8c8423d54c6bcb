"""The reservoir: its network against a plain loop, its trials, its evaluation, and the figures drawn from it."""

import matplotlib
import numpy as np
import pytest
import xarray

import hetbrian as hb
from hetbrian.published.models.gating import own_gating
from hetbrian.published.models.reservoir import PARAMETERS, TIME_UNIT, reservoir
from hetbrian.published.protocols import fig1bc, fig2
from hetbrian.published.protocols.common import reservoir as protocol
from hetbrian.published.protocols.common.procedure import PROCEDURES, Procedure
from hetbrian.published.protocols.common.reservoir import SCORES, TARGETS, evaluate, point
from hetbrian.study.figure import find_figure

matplotlib.use("Agg")

TINY = {"n_neurons": 30, "settle": 10.0, "record": 30.0, "n_training": 2, "n_test": 1, "dt": 4e-3, "device": "numpy"}


def build(seed=0, **parameters):
    return reservoir(np.random.default_rng(seed), **{"n_neurons": 6, "dt": 4e-3, **parameters})


def test_the_network_is_the_published_one():
    """Against a loop in plain numbers, two trials long, with all three kinds of heterogeneity."""
    n, dt, onsets, length = 6, 4e-3, (5.0, 8.0), 30.0
    spread = {"eta_half_width": 0.1, "g_half_width": 0.2, "theta": 0.5, "theta_half_width": 0.1}
    network = build(onsets=onsets, trial_length=length, pulse_length=10.0, **spread)
    neurons, gating = network["neurons"], network["gating"]
    starts = neurons.namespace["v_start"].values
    eta, g, theta = (np.array(getattr(neurons, f"{name}_")) for name in ("eta", "g", "theta"))
    pulse = neurons.namespace["pulses"].values
    network.run(2 * length * TIME_UNIT, namespace={})
    a, b, alpha = 1.5384615e-3 / 0.2, -0.0061538462, 0.6215384615
    per_table = round(0.5 / dt)
    n_spikes, n_steps = 0, round(length / dt)
    for step in range(2 * n_steps):
        if step % n_steps == 0:
            v, w, s = starts[step // n_steps].copy(), np.zeros(n), 0.0
        current = eta + pulse[step // per_table] + g * s * (1 - v)
        dv, dw = v * (v - alpha) - w + current, a * (b * v - w)
        v, w, s = v + dt * dv, w + dt * dw, s * (1 - dt / 2.6)
        fired = v >= 200
        v[fired], w[fired] = -200 + theta[fired] * (v[fired] - 200), w[fired] + 0.018934911
        s, n_spikes = min(1.0, s + 1.2307692 / n * fired.sum()), n_spikes + fired.sum()
    assert n_spikes > 20
    # parameters above are given to 8 digits, and the potentials between spikes amplify them by some 1e3
    np.testing.assert_allclose(neurons.v_, v, rtol=1e-3)
    np.testing.assert_allclose(neurons.w_, w, rtol=1e-5)
    np.testing.assert_allclose(gating.s_, s, rtol=1e-4)


def test_pulses_begin_at_the_onsets():
    network = build(onsets=(10.0, 30.0), trial_length=60.0)
    table = network["neurons"].namespace["pulses"].values  # every half time unit
    rising = 0.5 * np.flatnonzero((table[:-1] < 0.6215 / 2) & (table[1:] >= 0.6215 / 2))
    assert np.abs(rising - [10.0, 90.0]).max() <= 0.5
    assert abs(table.max() - 0.6215) < 1e-5  # 5 sigma from either edge


def test_networks_share_all_random_numbers_but_those_of_a_heterogeneity():
    given = {"onsets": (1.0,), "trial_length": 30.0}
    plain, spread = build(**given)["neurons"], build(**given, eta_half_width=0.1)["neurons"]
    assert (plain.eta_ == 0.12).all() and np.ptp(spread.eta_) > 0
    for name in ("g_", "theta_"):
        assert np.array_equal(getattr(plain, name), getattr(spread, name))
    assert np.array_equal(plain.v_, spread.v_) and len(np.unique(plain.v_)) == 6


def test_more_trials_leave_the_first_ones_alone():
    few, many = (build(onsets=(1.0,) * k, trial_length=30.0)["neurons"].namespace["v_start"].values for k in (2, 4))
    assert np.array_equal(few, many[:2])
    assert len(np.unique(many)) == many.size and np.abs(many).max() <= 200


def test_a_spread_of_theta_stays_where_the_rule_is_stable():
    for reset, highest in (("residual", 1.0), ("retain", 0.50155)):
        theta = build(n_neurons=500, onsets=(1.0,), trial_length=30.0, theta=0.4, theta_half_width=0.2, reset=reset)
        theta = theta["neurons"].theta_[:]
        assert theta.min() >= 0 and highest - 0.05 < theta.max() <= highest
    reset_to = PARAMETERS.v_reset + highest * (PARAMETERS.v_peak - PARAMETERS.v_reset)
    assert reset_to == pytest.approx(PARAMETERS.v_t, abs=0.01)  # `highest` has five digits, times 400


@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_test_trials_start_from_other_network_states_than_training_trials(spread, monkeypatch):
    """The states at the pulse are compared neuron by neuron in the run that the readout is fitted to."""
    kept = {}
    simulate = hb.simulate

    def recording(model, duration, **options):
        run = simulate(model, duration, **{**options, "record": ("v", "w", "s", "spikes")}, record_dt=step)
        kept.update(run=run, onsets=options["onsets"], length=options["trial_length"])
        return run

    step = reservoir(np.random.default_rng(0), onsets=(0.0,), trial_length=30.0, dt=TINY["dt"])["neurons"].clock.dt
    monkeypatch.setattr(protocol.hb, "simulate", recording)
    point(seed=3, eta_half_width=spread, **TINY)
    run, time = kept["run"], kept["run"].time.values / float(TIME_UNIT)
    starts = [k * kept["length"] + onset for k, onset in enumerate(kept["onsets"])]
    states = [run.isel(time=int(np.argmin(np.abs(time - start)))) for start in starts]
    *training, test = states
    for other in training:
        for name in ("v", "w"):
            # a state that were reached again would agree to rounding
            assert (np.abs(other[name] - test[name]) > 1e-9 * np.abs(test[name])).all()
        assert float(np.abs(other.s - test.s)) > 1e-9
        assert np.corrcoef(other.w, test.w)[0, 1] < 0.999
    trains = []
    for start in starts:
        since = run.spike_time.values / float(TIME_UNIT) - start
        inside = (since >= 0) & (since < TINY["record"])
        trains.append(set(zip(since[inside].round(2), run.spike_neuron.values[inside], strict=True)))
    assert all(len(train) > 20 for train in trains)
    assert all(len(trains[-1] & train) < 0.5 * len(trains[-1]) for train in trains[:-1])


@pytest.mark.parametrize("procedure", PROCEDURES)
def test_a_point_has_every_score_and_fits_as_the_closed_form(procedure):
    data = point(seed=1, procedure=procedure, eta_half_width=0.05, **{**TINY, "n_training": 1})
    assert set(SCORES) <= set(data.data_vars) and data.sizes["time"] == 30
    assert data.target.values.tolist() == list(TARGETS)
    assert np.isclose(float(data.gamma), Procedure.of(procedure).gamma, rtol=1e-12).any()
    for name in ("rate", "synchrony", "degrees_of_freedom", "dimensionality"):
        assert data[name] > 0 and data[name].attrs["long_name"]
    # the scores are those of the traces
    for part in ("train", "test"):
        np.testing.assert_allclose(((data[f"z_{part}"] - data.y) ** 2).mean("time"), data[f"mse_{part}"], rtol=1e-12)
    assert (data.mse_test != data.mse_train).any()


def test_points_lie_over_conditions_and_seeds():
    conditions = {"homogeneous": {}, "eta": {"eta_half_width": 0.05}}
    first = evaluate(conditions, (1, 2), "corrected", lambda dataset: dataset.assign(mine=1), **TINY)
    assert (first.status == 1).all() and first.mine == 1
    alone = point(seed=1, eta_half_width=0.05, **TINY)
    chosen = first.sel(procedure="corrected", condition="eta", seed=1)
    assert all(np.array_equal(chosen[name], alone[name]) for name in alone.data_vars)
    assert first.mse_test.dims == ("procedure", "condition", "seed", "target") and np.isfinite(first.mse_test).all()
    assert first.z_test.dims == ("procedure", "condition", "time", "target") and first.y.dims == ("time", "target")


def test_both_procedures_are_an_axis(monkeypatch):
    monkeypatch.setattr(protocol, "point", made_up)
    found = evaluate({"homogeneous": {}}, (1, 2), "both")
    assert found.procedure.values.tolist() == ["as_published", "corrected"] and found.y.dims == ("time", "target")
    with pytest.raises(ValueError, match="procedure is 'published', expected one of as_published, corrected: choose"):
        evaluate({"homogeneous": {}}, (1, 2), "published")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_training": -1}, "n_training is -1, expected at least 1: the readout is fitted to trials and tested"),
        ({"n_test": 0}, "n_test is 0, expected at least 1"),
        ({"record": 0.5}, "record is 0.5, expected at least 1"),
        (
            {"record": 10.0},
            r"onsets run from 10 to 10, expected pulses within trials, of pulse_length = 20 and trial_length = 20",
        ),
        ({"settle": -1.0}, "onsets run from -1 to -1, expected pulses within trials, of pulse_length = 20"),
        ({"dt": 0.02}, "dt is 0.02, expected more than 0 and at most 0.005 time units"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        point(seed=1, **{**TINY, **changes})


@pytest.mark.parametrize(("name", "value"), [("start", "rest"), ("gating", "none")])
def test_the_model_refuses_an_unknown_start_or_gating(name, value):
    with pytest.raises(ValueError, match=f"{name} is '{value}', expected"):
        build(onsets=(1.0,), trial_length=30.0, **{name: value})


def made_up(traced=None, **arguments):
    """Return a point as `hetbrian.published.protocols.common.reservoir.point` does, with random numbers."""
    rng = np.random.default_rng(abs(hash(str(sorted(arguments.items())))))
    data = {name: rng.uniform(0.1, 0.5) for name in SCORES}
    data |= {name: ("target", rng.uniform(0.1, 0.5, 2)) for name in ("mse_train", "mse_test")}
    y = np.column_stack([target((np.arange(30) + 0.5) / 60) for target in TARGETS.values()])
    data |= {name: (("time", "target"), rng.normal(size=(30, 2))) for name in ("z_train", "z_test")}
    data["y"] = (("time", "target"), y)
    found = xarray.Dataset(data, {"target": list(TARGETS), "time": np.arange(30.0)})
    return found if traced in (None, arguments["seed"]) else found.drop_dims("time")


@pytest.mark.parametrize("module", [fig1bc, fig2], ids=lambda module: module.__name__)
def test_figures_show_the_dataset_and_change_nothing(module, here, monkeypatch, tmp_path):
    monkeypatch.setattr(protocol, "point", made_up)
    dataset = module.compute(**module.SMALL)
    hb.save(dataset, tmp_path / "d.nc")
    kept = hb.load(tmp_path / "d.nc")
    before = kept.copy(deep=True)
    axes = np.ravel(find_figure(module)(kept))
    axes[0].figure.savefig(tmp_path / "d.png")
    assert kept.identical(before)
    assert all(axis.lines for axis in axes) and axes[-1].get_xlabel()
    assert module.summary(kept).renderables[0].row_count == 2 * kept.sizes["condition"]
    # the first error curve is the mean over seeds, in order of its strength
    axis, shown = (axes[0], kept) if module is fig1bc else (axes[2], fig2.curve(kept, "eta"))
    expected = shown.mse_train.sel(procedure="as_published", target="y1").mean("seed")
    np.testing.assert_allclose(axis.lines[0].get_ydata(), expected)
    np.testing.assert_allclose(axis.lines[0].get_xdata(), np.sort(shown.strength))
    matplotlib.pyplot.close(axes[0].figure)


def test_figure_2_has_every_curve_and_every_network_once(monkeypatch):
    monkeypatch.setattr(protocol, "point", made_up)
    dataset = fig2.compute(n_seeds=2)
    names = dataset.condition.values.tolist()
    assert len(set(names)) == len(names) and set(fig2.NEEDED) <= set(names)
    strengths = {name: fig2.curve(dataset, name).strength.values.tolist() for name in fig2.CURVES}
    assert strengths["eta"] == [0, 0.002, 0.02, 0.1, 0.5] and strengths["g"] == [0, 0.02, 0.2, 0.5, 1]
    assert strengths["theta"] == [0, 0.2, 0.5, 0.9] and strengths["theta, spread"] == [0.2, 0.5, 0.9]
    assert strengths["spread of theta"] == [0, 0.02, 0.1, 0.5]
    assert fig2.curve(dataset, "spread of theta").condition[0] == "theta 0.5"


def test_claims_of_figures_1b_and_1c_are_decided_by_the_errors(monkeypatch):
    monkeypatch.setattr(protocol, "point", made_up)
    dataset = fig1bc.compute("both", n_seeds=6, etas=(0.04, 0.12, 0.25))
    dataset.mse_train[:], dataset.mse_test[:] = 0.01, 0.5
    quiet = {"condition": "eta = 0.04"}
    dataset.mse_train.loc[quiet], dataset.mse_test.loc[quiet] = 0.1, 0.4
    verdicts = {(claim.name, claim.setting): claim.verdict for claim in fig1bc.claims(dataset)}
    assert verdicts["R1", "mean field"] == "reproduced" and len(verdicts) == 5
    assert verdicts["R2", "as_published, training"] == "reproduced" and verdicts["R2", "corrected, test"] == "not"
    assert len(fig1bc.claims(dataset.isel(condition=[0, 1]))) == 1


def test_claims_of_figure_2_are_decided_by_the_errors(monkeypatch):
    monkeypatch.setattr(protocol, "point", made_up)
    dataset = fig2.compute("both", n_seeds=6)
    assert not fig2.claims(dataset.isel(condition=slice(3)))
    for part in ("train", "test"):
        dataset[f"mse_{part}"][:] = 0.05
        dataset[f"mse_{part}"].loc[{"condition": "homogeneous"}] = 0.5
    dataset.mse_train.loc[{"condition": "theta 0.5"}] = 0.5  # alike, theta does nothing
    dataset.mse_test.loc[{"condition": "g 0.2"}] = 0.45
    found = {(claim.name, claim.setting): claim.verdict for claim in fig2.claims(dataset)}
    assert found["R3", "as_published, training"] == "reproduced"
    assert found["R4", "corrected, test"] == "not"  # g 0.2 does not fit
    assert found["R5", "as_published, training"] == "not" and found["R5", "as_published, test"] == "reproduced"
    assert found["R6", "corrected"] == "not"  # eta gains alike


@pytest.mark.slow
@pytest.mark.standalone
def test_time_step_and_mirror_reset_leave_the_statistics_alone():
    """dt = 1e-3 against 2e-3 and against the authors' reset, over five networks each."""
    given = {"n_neurons": 200, "settle": 50.0, "record": 250.0, "n_training": 2, "eta_half_width": 0.02}
    variants = {"reference": {"dt": 1e-3}, "coarse": {"dt": 2e-3}, "mirror": {"dt": 1e-3, "reset": "mirror"}}
    found = evaluate(variants, range(1, 6), "corrected", **given).sel(procedure="corrected")
    reference = found.sel(condition="reference")
    for name in ("coarse", "mirror"):
        other = found.sel(condition=name)
        # the same networks and potentials, seed by seed; measured: within 0.4 % and 0.0012
        np.testing.assert_allclose(other.rate, reference.rate, rtol=0.01)
        np.testing.assert_allclose(other.synchrony, reference.synchrony, atol=0.01)
        # errors scatter between trials: their means over seeds agree within three standard errors
        for part in ("mse_train", "mse_test"):
            difference = (other[part] - reference[part]).sel(target="y1")
            assert abs(difference.mean()) < 3 * difference.std(ddof=1) / np.sqrt(5) + 0.02


def test_own_gating_needs_a_parameter_set_with_gating():
    with pytest.raises(
        ValueError, match=r"the parameter set has no tau_s and s_jump, expected both: use Izhikevich.CA3"
    ):
        own_gating(hb.Izhikevich.FORCE, 10)

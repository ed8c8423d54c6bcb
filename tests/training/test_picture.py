import matplotlib.pyplot
import numpy as np
import pytest
import xarray

from hetbrian.training import build, fit
from hetbrian.training.picture import draw
from tests.training.test_module import BINNING, TINY, sets


@pytest.fixture(scope="module")
def trained():
    training, test = sets()
    return fit(TINY, BINNING, training, validation=test, test=test, progress=False)


def test_decisions_are_counted_by_class_and_agree_with_the_accuracy(trained):
    _, test = sets()
    counts = trained.confusion
    assert counts.dims == ("label", "decision") and counts.label.values.tolist() == list(test.classes)
    np.testing.assert_array_equal(counts.sum("decision"), np.bincount(test.labels, minlength=len(test.classes)))
    assert np.trace(counts.values) / len(test) == pytest.approx(float(trained.test_accuracy))


def test_the_spikes_are_those_of_the_layer_in_the_first_sample(tmp_path):
    training, test = sets()
    result = fit(TINY, BINNING, training, test=test, progress=False, folder=tmp_path)
    network = build(TINY, BINNING, training, 0)
    network.restore(tmp_path / "last.ckpt")
    outputs, spikes = network.classifier(BINNING.events(test, [0]))
    step, neuron = np.nonzero(spikes[:, 0].detach().numpy())
    np.testing.assert_allclose(result.spike_time, step * float(BINNING.bin_width))
    np.testing.assert_array_equal(result.spike_neuron, neuron)
    assert result.attrs["sample_label"] == test.classes[test.labels[0]]
    assert result.attrs["sample_decision"] == test.classes[int(outputs.argmax())]


def test_the_picture_shows_curves_decisions_spikes_and_parameters(trained):
    axes = draw(trained)
    assert len(axes) == 7
    assert [text.get_text() for text in axes[1].get_legend().get_texts()] == ["training", "validation"]
    assert axes[2].get_title(loc="left") + axes[2].get_title() == f"test accuracy {float(trained.test_accuracy):.1%}"
    assert len(axes[3].lines[0].get_xdata()) == trained.sizes["spike"]
    assert [axis.get_xlabel() for axis in axes[4:]] == ["eta", "g", "theta"]
    matplotlib.pyplot.close(axes[0].figure)


def test_without_a_test_the_picture_says_so():
    training, _ = sets()
    axes = draw(fit(TINY.replace(epochs=1), BINNING, training, progress=False))
    assert [text.get_text() for text in axes[2].texts] == ["no test samples"]
    matplotlib.pyplot.close(axes[0].figure)


def test_what_is_no_training_is_refused(trained):
    with pytest.raises(ValueError, match=r"dataset has no .loss., expected what hetbrian\.training\.fit returns"):
        draw(xarray.Dataset({"x": 1.0}))
    _, axes = matplotlib.pyplot.subplots(2)
    with pytest.raises(ValueError, match="axes has 2 of them, expected 7"):
        draw(trained, axes)
    matplotlib.pyplot.close("all")

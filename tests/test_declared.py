"""Everything public that takes arguments declares what they may be, or says where else that is checked."""

import importlib
import inspect
import pkgutil
import re

from hetbrian._support.arguments import checked
from hetbrian.published import models
from tests.fuzz.calls import public
from tests.fuzz.entries import EXEMPT

ELSEWHERE = {
    r"analysis\.MeanField\.hopf_points": "passes its arguments to equilibria",
    r"(analysis\.MeanField|network\.Izhikevich|training\.Preset)\.replace|analysis\.VectorField\.with_parameters"
    r"|network\.Distribution\.truncated|network\.Reset\.of": "passes its arguments to a constructor",
    r"analysis\.VectorField\..*": "parameters by keyword, which are known to the field; states are arrays of its size",
    r"analysis\.(correlation|dimensionality|log_mse|mean_reset|mse|synchrony)": "checked in what functions share",
    r"network\.(Constant|Gamma|Gaussian|LogNormal|Lorentzian|Uniform)": "Distribution declares and checks for all laws",
    r"network\.Distribution\.fit": "any numbers in any unit, which it makes an array of",
    r"network\.Heterogeneity": "laws, or what Constant takes",
    r"network\.Reset\.check": "the limits of theta, which are declared as Allowed",
    r"readout\.FORCE\.run_value": "shapes and limits of the variables, which are declared as Allowed",
    r"readout\.RecursiveLeastSquares\.(predict|update)": "arrays whose shapes the constructor determines",
    r"study\.Grid|study\.Grid\.(point|text)": "axes of any name and kind; indices of them",
    r"torch\.Stack(\.write_back)?": "any number of layers, or of objects of Brian2, each of which it checks",
    r"training\.layer_stack": "passes its arguments to layer",
    r"training\.Preset": "its table of rules, one a setting",
    r"training\.data\.Recordings\.(slices|select)": "indices of samples, which numpy takes",
}
"""Patterns of what does not, with the reason."""


def rules(item):
    """Return what a function, or the constructor of a class, declares."""
    return getattr(item.__init__ if inspect.isclass(item) else item, "rules", None)


def found(name):
    """Return what has a public name."""
    room = "training.data" if name.startswith("training.data.") else name.partition(".")[0]
    item = importlib.import_module(f"hetbrian.{room}")
    for part in name.removeprefix(f"{room}.").split("."):
        item = getattr(item, part)
    return item


def takes_arguments(item):
    """Return whether something takes arguments; errors are made with any."""
    if inspect.isclass(item) and issubclass(item, Exception):
        return False
    return bool(inspect.signature(item).parameters.keys() - {"self", "cls"})


def test_a_declaration_is_seen():
    @checked(n=lambda value, name: None)
    def declared(n):
        return n

    assert list(rules(declared)) == ["n"] and rules(lambda n: n) is None and takes_arguments(declared)


def test_everything_public_declares_its_arguments_or_says_where_they_are_checked():
    undeclared = [name for name in public() if rules(found(name)) is None and takes_arguments(found(name))]
    reasons = {**EXEMPT, **ELSEWHERE}
    assert not [name for name in undeclared if not any(re.fullmatch(pattern, name) for pattern in reasons)]
    assert not [pattern for pattern in ELSEWHERE if not any(re.fullmatch(pattern, name) for name in undeclared)]


def test_every_model_declares_its_arguments():
    for module in pkgutil.iter_modules(models.__path__):
        place = f"hetbrian.published.models.{module.name}"
        for name, item in vars(importlib.import_module(place)).items():
            is_model = inspect.isfunction(item) and item.__module__ == place and not name.startswith("_")
            if is_model and module.name != "rules":  # what they are checked by
                assert rules(item), f"{module.name}.{name}"

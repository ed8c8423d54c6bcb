import sysconfig
from pathlib import Path

import numpy as np

import hetbrian
from hetbrian._support.lines import owner, raised_by, traceback_of_user, user_lines
from hetbrian.network.laws import Lorentzian

ROOT = Path(hetbrian.__file__).parents[1]


def caught(function):
    try:
        function()
    except Exception as error:
        return error


def test_files_belong_to_somebody():
    for file in (hetbrian.__file__, ROOT / "hetbrian" / "published" / "protocols" / "fig3.py"):
        assert owner(str(file)) == "hetbrian"
    for file in (np.__file__, Path(sysconfig.get_path("stdlib")) / "json" / "decoder.py", "<string>", "<frozen runpy>"):
        assert owner(str(file)) == ""
    for file in (__file__, "/home/me/swept.py", "<mine.swept, sent by the sweep>"):
        assert owner(str(file)) == "user"


def test_who_raised_an_error_is_the_innermost_that_is_no_other_package():
    assert raised_by(caught(lambda: np.zeros(3).reshape(2, 2))) == "user"
    assert raised_by(caught(lambda: Lorentzian(1, -1))) == "hetbrian"
    assert raised_by(ValueError("never raised")) == "" == traceback_of_user(ValueError("never raised"))


def test_lines_are_those_of_the_user():
    error = caught(lambda: Lorentzian(1, -1))
    assert [line.partition(": ")[2] for line in user_lines(error)] == [
        "function()",
        "error = caught(lambda: Lorentzian(1, -1))",
    ]
    assert traceback_of_user(error).count("File ") == 2 and "laws.py" not in traceback_of_user(error)

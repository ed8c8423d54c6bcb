"""What Brian2 would leave among temporary files if its process is killed: logs, a copy of the script, trial flags."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable

from brian2 import BrianLogger
from brian2.codegen import cpp_prefs
from brian2.utils.logger import std_silent

from hetbrian._support.scratch import temporary_files_of_others


def leave_nothing() -> None:
    """
    Remove what Brian2 keeps for reports of its own errors, and keep the rest of its files where they are removed.

    The command line does not ask for such reports. What compilers say goes to files without names, and their flags are
    tried in a folder of ours.
    """
    if BrianLogger.file_handler is not None:
        logging.getLogger("brian2").removeHandler(BrianLogger.file_handler)
        BrianLogger.file_handler.close()
        BrianLogger.file_handler = None
    log, script = BrianLogger.tmp_log, BrianLogger.tmp_script
    BrianLogger.tmp_log = BrianLogger.tmp_script = None
    for path in (log, f"{log}.1", script):
        with contextlib.suppress(OSError):  # there is none
            os.unlink(str(path))
    if std_silent.dest_stdout is None and os.path.isdir("/proc/self/fd"):  # of Linux
        for name in ("stdout", "stderr"):
            file = tempfile.TemporaryFile("w")  # noqa: SIM115  - open until this process ends
            setattr(std_silent, f"dest_{name}", file)
            setattr(std_silent, f"dest_fname_{name}", f"/proc/self/fd/{file.fileno()}")
    if cpp_prefs._determine_flag_compatibility.__module__ == cpp_prefs.__name__:
        cpp_prefs._determine_flag_compatibility = _in_folder_of_ours(cpp_prefs._determine_flag_compatibility)


def _in_folder_of_ours(trial: Callable[..., bool]) -> Callable[..., bool]:
    """Return a function that does the same with temporary files in a folder that the next start removes."""

    def tried(*arguments):
        with temporary_files_of_others():
            return trial(*arguments)

    return tried

"""Brian2's logs and its copy of the script, which a process that is killed would leave among temporary files."""

import contextlib
import logging
import os
import tempfile

from brian2 import BrianLogger
from brian2.utils.logger import std_silent


def leave_no_logs() -> None:
    """
    Remove what Brian2 keeps for reports of its own errors, and let it keep what compilers say in files without names.

    The command line does not ask for such reports.
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

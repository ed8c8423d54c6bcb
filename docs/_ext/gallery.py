"""How a tutorial finds Brian2 when the site is built."""

import brian2


def as_it_was(gallery_conf, path):
    """Give each tutorial Brian2 as a new Python has it, but with numpy: compiling would take longer."""
    brian2.set_device("runtime")
    brian2.prefs.codegen.target = "numpy"
    brian2.defaultclock.dt = 0.1 * brian2.ms
    brian2.start_scope()

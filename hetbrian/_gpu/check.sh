#!/bin/sh
# Install what lies beside this file into a folder beside it, without a network, and check hetbrian on this machine's
# GPU. It needs Python 3.12 with pip and torch, nvcc and a C++ compiler. Arguments: --minutes 10 --out FOLDER.
# PYTHON is the Python that has torch, python3 if it is not set.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
if [ ! -e "$here/site/complete" ]; then
    rm -rf "$here/site" "$here/wheels"
    "$python" -m venv --without-pip --system-site-packages "$here/site"
    # that Python may be an environment of its own, which the line above does not look into
    "$python" - "$here" <<'END'
import pathlib, site, sys, sysconfig, tarfile

here = pathlib.Path(sys.argv[1])
packages = sysconfig.get_path("purelib", "venv", {"base": str(here / "site")})
pathlib.Path(packages, "machine.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
with tarfile.open(here / "wheels.tar.xz") as together:
    together.extractall(here / "wheels", filter="data")
END
    "$here/site/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-cache-dir \
        --ignore-installed "$here"/wheels/*.whl
    rm -rf "$here/wheels"
    touch "$here/site/complete"
fi
exec "$here/site/bin/python" -m hetbrian._gpu --out "$here/out" "$@"

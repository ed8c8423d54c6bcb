import os
import platform
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("distributed")

from hetbrian._support.optional import dask
from hetbrian.study.cluster import MEMORY, TRIM, _connected

ATTACK = textwrap.dedent(
    """
    import asyncio, os, sys
    import distributed, distributed.protocol  # whose files may be root's alone
    from distributed.protocol.pickle import dumps
    os.setgroups([]); os.setgid(65534); os.setuid(65534)

    async def command(address):
        comm = await distributed.core.connect(address, timeout=3)
        function = {"function": dumps(os.getuid), "args": dumps(()), "kwargs": dumps({})}
        await comm.write({"op": "run", "reply": True, **function})
        return await asyncio.wait_for(comm.read(), 3)

    for address in sys.argv[1:]:
        for scheme in ("tls", "tcp"):
            target = address.replace("tls", scheme, 1)
            try:
                print("ran", target, asyncio.run(command(target)))
            except Exception as error:
                print("refused", target, type(error).__name__)
    """
)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_cannot_command_the_processes_of_a_sweep(tmp_path):
    with _connected(None, 1) as client:
        assert client.submit(os.getuid, pure=False).result(timeout=60) == 0
        (worker,) = client.scheduler_info()["workers"].values()
        addresses = [client.scheduler.address, worker["nanny"], next(iter(client.scheduler_info()["workers"]))]
        assert all(address.startswith("tls://127.0.0.1:") for address in addresses) and len(set(addresses)) == 3
        command = [sys.executable, "-c", ATTACK, *addresses]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=180)
        said = done.stdout.splitlines()
        assert len(said) == 6 and all(line.startswith("refused") for line in said), (done.stdout, done.stderr)


def pages():
    import resource

    import numpy as np

    faults = []
    for _ in range(10):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        kept = [np.ones(2**17) for _ in range(20)]  # 1 MiB each, as tensors of a training step
        del kept
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return faults


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc's malloc")
@pytest.mark.parametrize("is_first", [True, False])
def test_memory_of_a_point_is_not_asked_for_again_in_every_step(monkeypatch, is_first):
    for name in MEMORY:
        monkeypatch.delenv(name, raising=False)
    if not is_first:  # which Dask leaves in the environment
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", str(TRIM))
    before = dict(os.environ)
    with _connected(None, 1) as client:
        faults = client.submit(pages, pure=False).result(timeout=60)
    assert sum(faults[1:]) < 9 * 20 * 2**20 // os.sysconf("SC_PAGE_SIZE") // 10, faults
    assert {name: os.environ.get(name) for name in MEMORY} == {name: before.get(name) for name in MEMORY}


def test_memory_that_the_user_chose_is_kept(monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "123456")
    key = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
    with dask.config.set({key: 654321}), _connected(None, 1) as client:
        found = client.submit(lambda names: [os.environ[name] for name in names], [*MEMORY]).result(timeout=60)
    assert found == ["654321", "123456"]

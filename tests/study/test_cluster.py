import os
import platform
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("distributed")

from hetbrian.study.cluster import _connected

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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc's malloc")
def test_memory_of_a_point_is_not_asked_for_again_in_every_step():
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

    with _connected(None, 1) as client:
        faults = client.submit(pages, pure=False).result(timeout=60)
    assert sum(faults[1:]) < 9 * 20 * 2**20 // os.sysconf("SC_PAGE_SIZE") // 10, faults

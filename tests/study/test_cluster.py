import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("distributed")

from hetbrian.study.cluster import _connected

ATTACK = textwrap.dedent(
    """
    import os, sys
    import distributed, distributed.protocol  # whose files may be root's alone
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    try:
        client = distributed.Client(sys.argv[1], timeout=5)
        print("ran as", client.submit(os.getuid, pure=False).result(timeout=5))
    except Exception as error:
        print("refused", type(error).__name__)
    """
)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_cannot_command_the_processes_of_a_sweep(tmp_path):
    with _connected(None, 1) as client:
        assert client.submit(os.getuid, pure=False).result(timeout=60) == 0
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        for scheme in ("tls", "tcp"):
            target = address.replace("tls", scheme, 1)
            command = [sys.executable, "-c", ATTACK, target]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=120)
            assert "refused" in done.stdout, (scheme, done.stdout, done.stderr)

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checks.containers import debian_root
from checks.containers.container_errors import UnavailableError

WITHOUT_KEYS = 'mount -t tmpfs none /usr/share/keyrings && exec "$@"'
MAKE = """\
from checks.containers import debian_root
try:
    with debian_root.root():
        print("made")
except debian_root.UnavailableError as error:
    print(error)
"""


def test_no_root_is_made_where_debians_keys_are_not_installed(tmp_path: Path) -> None:
    try:
        debian_root.check()
    except UnavailableError as error:
        pytest.skip(str(error))
    run = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", WITHOUT_KEYS, "sh", sys.executable, "-c", MAKE],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert "Keyring-based check was requested" in run.stdout
    assert "made" not in run.stdout.split()

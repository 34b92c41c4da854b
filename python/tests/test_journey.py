"""How far a reader must go: the files that `dm-dns push --flake . --via kiwi` leads through.

A reader opens a file for a function or a class that another file calls, and reads that definition
to its end, with what it uses of its own file and the data classes it returns. They come back when
another file calls a definition that they have not read yet.
"""

import os
import sys
from collections import Counter
from dataclasses import is_dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType

import pytest

import dm_dns
from dm_dns import cli
from dm_dns.push import keys
from dm_dns.zone import conf

PACKAGE = Path(dm_dns.__file__).parent
KEY = keys.private_pem(bytes(range(32)))
PUBLIC = keys.public_pem(keys.public_from_seed(bytes(range(32))))

# Runs what is to run on the other machine here. The last argument is the command there.
SSH = """\
for last; do :; done
case " $* " in *" -O forward "*) exit 0 ;; esac
exec sh -c "$last"
"""
DATA_MESHER = """\
cp "$3" mesh
"""


def program(name: str, script: str) -> None:
    path = Path("bin") / name
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)


def var(name: str, text: str) -> None:
    path = Path("vars/shared") / name / "value"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a checkout of a clan whose mesh has an older zone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    # Whether data-mesher answers is for real servers: checks/ has them.
    monkeypatch.setattr(
        "dm_dns.push.data_mesher.wait_until_answering", lambda *_args, **_options: None
    )
    Path("bin").mkdir()
    program("ssh", SSH)
    program("data-mesher", DATA_MESHER)
    program("clan", f"printf '%s' '{KEY}'")
    zone = conf.Zone("pin", 7, {"irc.pin": "kiwi.pin"}, {"kiwi.pin": ("fd00::1",)})
    var("dm-dns/zone.conf", conf.render(zone))
    var("data-mesher-network/network.pub", PUBLIC)
    var("dm-dns-signing-key/signing.pub", PUBLIC)
    Path("mesh").write_text(conf.render(zone._replace(serial=6, cnames={})))


def place(frame: FrameType) -> tuple[str, str]:
    """Return the file of the package, empty if it is another's, and the top-level definition."""
    path = Path(frame.f_code.co_filename)
    inside = path.is_relative_to(PACKAGE)
    name = frame.f_code.co_qualname.partition(".")[0]
    return path.relative_to(PACKAGE).as_posix() if inside else "", name


def caller(frame: FrameType) -> str:
    """Return the file of the package that called, whatever is in between, such as contextlib."""
    before = frame.f_back
    while before and not place(before)[0]:
        before = before.f_back
    return place(before)[0] if before else ""


def is_data(file: str, name: str) -> bool:
    """Tell whether a definition is a data class."""
    module = sys.modules["dm_dns." + file.removesuffix(".py").replace("/", ".")]
    defined = getattr(module, name, None)
    return isinstance(defined, type) and (issubclass(defined, tuple) or is_dataclass(defined))


def opened(argv: list[str]) -> list[str]:
    """Return the files of the package in the order in which a command leads through them."""
    entered: dict[tuple[str, str], None] = {}

    def call(frame: FrameType, event: str, _argument: object) -> None:
        file, name = place(frame)
        if event == "call" and file and file != caller(frame) and not is_data(file, name):
            entered.setdefault((file, name))

    args = cli.build_parser().parse_args(argv)
    sys.setprofile(call)
    try:
        status = cli.load("push").run(args)
    finally:
        sys.setprofile(None)
    assert status == 0
    return ["cli.py", *(file for file, _ in groupby(file for file, _name in entered))]


def test_a_push_from_a_checkout_leads_through_few_files() -> None:
    visits = opened(
        ["push", "--flake", ".", "--via", "kiwi", "--machine", "kiwi", "--mesh-file", "mesh"]
    )
    assert conf.read(Path("mesh"), "pin").serial == 7
    assert {"commands/push.py", "access/ssh.py", "push/key_source.py"} < set(visits)
    assert len(set(visits)) <= 14, sorted(set(visits))
    assert max(Counter(visits).values()) <= 2, visits

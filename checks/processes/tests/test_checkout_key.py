"""Where the private key goes in a push from a checkout: every system call that could tell is read.

The whole push runs in strace: `dm-dns`, the command that prints the key and all that it runs,
`data-mesher` and ssh.
"""

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from dm_dns.push import keys

from checks.processes import sshd, unbound
from checks.processes.tests import stores
from checks.processes.tests.admin import HOST, Admin
from checks.processes.tests.helpers import zone_conf

_WRITES: Final = (
    "write pwrite64 writev pwritev pwritev2 sendto sendmsg sendmmsg vmsplice process_vm_writev"
)
_READS: Final = "read pread64 readv preadv preadv2 recvfrom recvmsg"
_OPENS: Final = "open openat openat2 creat"
# Between two files, with no data to see: the files are read afterwards.
_COPIES: Final = "sendfile splice tee copy_file_range"
_EXECS: Final = "execve execveat"

# With -xx every string is \x.., so quotes and braces are strace's own.
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_CALL: Final = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)")
_DESCRIPTOR: Final = re.compile(r"\d+<([^>]*)>")
_FOR_WRITING: Final = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")


def texts_of(pem: str) -> list[bytes]:
    """Return what tells a private key: parts of the forms it could be written in."""
    body = pem.split("\n")[1]
    seed = keys.parse_private(pem.encode(), "key", "")
    forms = [seed, body[24:].encode(), base64.b64encode(seed)[:-4]]
    forms += [seed.hex().encode(), seed.hex().upper().encode()]
    # The whole file in base64 once more, as `pass` has it on its way: at any offset in it.
    for start in range(3):
        forms.append(base64.b64encode(pem[start + 60 : start + 90].encode()))
    return forms


@dataclass
class Traced:
    """What a run did with the key."""

    key: list[bytes]
    execs: int = 0
    written: list[Path] = field(default_factory=list)
    """Files that were opened for writing."""
    places: set[str] = field(default_factory=set)
    """Where the key was written to: kinds of descriptors, or paths."""
    programs: dict[str, str] = field(default_factory=dict)
    """What a process ran last, by its number."""
    readers: set[str] = field(default_factory=set)
    """The programs that read the key."""
    leaks: list[str] = field(default_factory=list)

    def has_key(self, data: bytes) -> bool:
        return any(form in data for form in self.key)

    def read(self, log: Path) -> None:
        """Read what strace wrote."""
        for line in log.read_text().splitlines():
            if match := _CALL.match(line):
                strings = [_decoded(found) for found in _STRING.finditer(match[3])]
                self._call(match[1], match[2], match[3], strings)

    def _call(self, process: str, call: str, rest: str, strings: list[bytes]) -> None:
        if call in _EXECS.split():
            if strings:
                self.execs += 1
                self.programs[process] = Path(strings[0].decode()).name
            self.leaks += [f"{call} of {strings[0]!r}" for text in strings if self.has_key(text)]
        elif call in _OPENS.split():
            if strings and (call == "creat" or _FOR_WRITING.search(rest)):
                self.written.append(Path(strings[0].decode()))
        elif self.has_key(b"".join(strings)):
            if call in _READS.split():
                self.readers.add(self.programs.get(process, "a process that ran no program"))
            else:
                descriptor = _DESCRIPTOR.match(rest)
                self.places.add(_place(descriptor[1] if descriptor else rest))

    def read_files(self) -> None:
        """Look into all files that were opened for writing and are still there."""
        for path in self.written:
            if path.is_file() and self.has_key(path.read_bytes()):
                self.places.add(str(path))
        self.leaks += [place for place in self.places if place not in {"pipe", "memfd"}]
        # What ssh sends cannot be seen: it is encrypted. So it must not have the key at all.
        self.leaks += [program for program in self.readers if program.startswith("ssh")]


def _decoded(found: re.Match[str]) -> bytes:
    assert found[2] is None, "strace cut a string short"
    return bytes.fromhex(found[1].replace("\\x", ""))


def _place(path: str) -> str:
    """Return the kind of an open file that no path leads to, or its path.

    strace with -xx has paths in hexadecimal as well.
    """
    if path.startswith("\\x"):
        path = bytes.fromhex(path.replace("\\x", "")).decode()
    for kind, start in (("pipe", "pipe:["), ("memfd", "/memfd:")):
        if path.startswith(start):
            return kind
    return path


def traced(admin: Admin, *arguments: str) -> Traced:
    """Run a push, which must succeed, and return what it did."""
    log = admin.directory / "strace"
    calls = ",".join(f"{_EXECS} {_OPENS} {_READS} {_WRITES} {_COPIES}".split())
    before = ["strace", "-f", "-qq", "-y", "-v", "-xx", "-s", "1000000", "-o", str(log)]
    done = admin.run(
        "push", *arguments, before=[*before, "-e", f"trace=?{calls.replace(',', ',?')}"]
    )
    assert done.returncode == 0, done.stderr
    found = Traced(texts_of(admin.key))
    found.read(log)
    found.read_files()
    return found


@pytest.fixture(scope="module")
def admin() -> Iterator[Admin]:
    """An admin whose clan runs; what one test pushed the next one pushes again."""
    if unbound.find() is None:
        pytest.skip(unbound.MISSING)
    if sshd.find() is None:
        pytest.skip(sshd.MISSING)
    if shutil.which("strace") is None:
        pytest.skip("needs strace (Debian: strace)")
    tried = subprocess.run(["strace", "-f", "true"], check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"this machine allows no strace: {tried.stderr.splitlines()[0]}")
    with Admin() as admin:
        admin.zone(zone_conf(5))
        admin.start()
        yield admin


@pytest.mark.parametrize("store", stores.STORES, ids=lambda store: store.__name__)
def test_the_key_is_in_pipes_and_in_memory_only(admin: Admin, store: stores.Fill) -> None:
    admin.store(store)
    machine = [] if store in {stores.sops, stores.age} else ["--machine", HOST]
    found = traced(admin, "--force", *machine)
    assert found.leaks == []
    # What the check saw: the key on its way, all commands, and files that were written.
    assert found.places == {"pipe", "memfd"}
    assert found.execs >= 6
    assert len(found.readers) >= 2
    assert any(path.is_relative_to(admin.temporary) for path in found.written)


def leak(admin: Admin, program: str, script: str) -> None:
    """Replace a program by a script that can run the real one as $real."""
    path = admin.bin / program
    real = shutil.which(program, path=admin.environment["PATH"])
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/bash\nreal={real}\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('/bin/true "$key"', "execve of "),
        ('KEY="$key" /bin/true', "execve of "),
        ('printf %s "$key" >"$TMPDIR/leak"; rm "$TMPDIR/leak"', "leak"),
        ('cp /dev/fd/"$number" "$TMPDIR/leak"', "leak"),
        ('printf %s "$key" >/dev/tcp/${server/://}', "socket:["),
        (f'printf %s "$key" | ssh {HOST} "cat >/dev/null"', "ssh"),
    ],
    ids=["argument", "environment", "deleted file", "copied file", "server", "ssh"],
)
def test_the_check_sees_a_key_that_goes_elsewhere(admin: Admin, script: str, expected: str) -> None:
    leak(
        admin,
        "data-mesher",
        "for argument; do\ncase $argument in\n"
        "/dev/fd/*) number=${argument#/dev/fd/} ;;\nhttp://*) server=${argument#http://} ;;\nesac\n"
        "done\n"
        f'key=$(cat /dev/fd/$number)\n{script}\nexec $real "$@"',
    )
    try:
        found = traced(admin, "--force", "--key-command", f"cat {admin.network.signing_key}")
    finally:
        (admin.bin / "data-mesher").unlink()
        (admin.temporary / "leak").unlink(missing_ok=True)
    assert any(expected in leak for leak in found.leaks)

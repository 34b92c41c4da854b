import os
from pathlib import Path

import pytest

from dm_dns.push import keys
from dm_dns.push.key_source import KeyCommand, key_from_command

PEM = keys.private_pem(bytes(range(32)))


@pytest.fixture
def command(tmp_path: Path) -> KeyCommand:
    """A command that prints a key."""
    path = tmp_path / "key"
    path.write_text(PEM)
    return KeyCommand(command=["cat", str(path)], label="`cat`", remedy="")


def test_the_key_is_in_a_memory_file_that_no_program_inherits(command: KeyCommand) -> None:
    with key_from_command(command, None) as file:
        (descriptor,) = file.descriptors
        assert file.path.read_text() == PEM
        assert str(file.path.readlink()).startswith("/memfd:")
        assert not os.get_inheritable(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_memory_file_of_a_key_cannot_be_changed(command: KeyCommand) -> None:
    with key_from_command(command, None) as file:
        (descriptor,) = file.descriptors
        for change in (
            lambda: os.pwrite(descriptor, b"-", 0),
            lambda: os.pwrite(descriptor, b"-", len(PEM)),
            lambda: os.truncate(descriptor, 0),
        ):
            with pytest.raises(PermissionError):
                change()

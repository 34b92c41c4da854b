"""Text on its way to a terminal or a journal, much of which others wrote."""

import io
from typing import Final, TextIO

_ERASE_LINE: Final = "\r\033[K"
"""A carriage return, and what erases the rest of the line (ECMA-48, EL)."""


_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def lasting(seconds: float) -> str:
    """Return how long something lasts, in its largest unit, such as ``3 h``; at least 0 s."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def printable(text: str) -> str:
    r"""Return ``text`` with all characters escaped that are not printable, except for newlines.

    Those are control characters (C0, DEL, C1), which a terminal obeys; format characters, such as
    those that reverse the direction of what follows (UAX #9); separators other than the blank; and
    what Unicode has not assigned. ``\x1b`` stands for ESC, and so on as in Python.
    """
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else _escaped(character)
        for character in text
    )


def one_line(text: str) -> str:
    r"""Return ``text`` as `printable` does, with newlines escaped too: ``\n``."""
    return printable(text).replace("\n", r"\n")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


class Printable(io.TextIOBase):
    """Passes on text to a stream that may be a terminal or a journal, as `printable` returns it."""

    def __init__(self, stream: TextIO, name: str) -> None:
        """Take the stream to pass text on to, and what to call it in a message."""
        self._stream = stream
        self._name = name

    def write(self, text: str) -> int:
        """Pass on ``text``; return how many characters it has.

        Raises:
            OSError: the stream takes nothing, such as a file on a full disk.

        """
        try:
            self._stream.write(printable(text))
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._name) from None
        return len(text)

    def replace_line(self, text: str) -> None:
        """Show ``text`` in place of the line that a terminal's cursor is in.

        Nothing is shown if the stream is not a terminal.
        """
        if self._stream.isatty():
            self._stream.write(_ERASE_LINE + one_line(text))
            self._stream.flush()

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

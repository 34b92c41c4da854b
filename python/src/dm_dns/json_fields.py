"""The fields of JSON objects, each read as the type that it must have."""

import json
import re
from collections.abc import Callable, Collection
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from dm_dns.errors import Error

Json: TypeAlias = object
"""Any value that ``json.loads`` returns."""

_T = TypeVar("_T")
_SHOWN: Final = 80
"""The number of characters of a wrong value that a message shows."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_PLAIN_KEY: Final = re.compile(r"[\w.~/-]+", re.ASCII)


class JsonFields:
    """One JSON object; messages name the place of a field, such as ``endpoints[3].host``."""

    __slots__ = ("_prefix", "_values", "where")

    def __init__(self, where: str, value: Json, *, place: str = "") -> None:
        """Take the object ``value``.

        Args:
            where: what messages begin with, such as the path of the file.
            value: what ``json.loads`` returned, or a part of that.
            place: the place of ``value`` in the file; empty if it is the whole.

        Raises:
            Error: ``value`` is not an object.

        """
        if not isinstance(value, dict):
            raise _wrong(where, place or "the top level", "an object", value)
        self.where = where
        self._prefix = f"{place}." if place else ""
        self._values: dict[str, Json] = value

    def has(self, key: str) -> bool:
        """Return whether there is a field ``key`` that is not null."""
        return self._values.get(key) is not None

    def value(self, key: str) -> Json:
        """Return the value ``key``, which may be of any type; None if it is missing."""
        return self._values.get(key)

    def check_keys(self, keys: Collection[str], *, optional: Collection[str] = ()) -> None:
        """Check that the object has these keys, and no others than ``optional`` ones.

        Raises:
            Error: a key is missing, or there is another one.

        """
        if self._values.keys() - set(optional) != set(keys):
            place = self._prefix.removesuffix(".") or "the top level"
            expected, possible, found = (
                ", ".join(map(_key, sorted(some))) for some in (keys, optional, self._values)
            )
            may = f" (and may have {possible})" if optional else ""
            raise Error(
                f"{self.where}: {place} must have the keys {expected}{may}, and no others;"
                f" it has {found or 'none'}"
            )

    def text(self, key: str) -> str:
        """Return the string ``key``.

        Raises:
            Error: it is missing, or is not a string.

        """
        value = self._values.get(key)
        if not isinstance(value, str) or not _is_text(value):
            raise self.error(key, "a string")
        return value

    def path(self, key: str) -> str:
        """Return the absolute path ``key``.

        Raises:
            Error: it is missing, or is not an absolute path.

        """
        text = self.text(key)
        if not text.startswith("/") or "\0" in text:
            raise self.error(key, "an absolute path")
        return text

    def port(self, key: str) -> int:
        """Return the port ``key``, from 1 to 65535.

        Raises:
            Error: it is missing, or is not a port number.

        """
        value = self._values.get(key)
        # True is an int as well.
        if type(value) is not int or not 0 < value < 2**16:
            raise self.error(key, "a port number")
        return value

    def boolean(self, key: str) -> bool:
        """Return the boolean ``key``.

        Raises:
            Error: it is missing, or is not a boolean.

        """
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise self.error(key, "true or false")
        return value

    def integer(self, key: str) -> int:
        """Return the integer ``key``, which is not negative.

        Raises:
            Error: it is missing, or is not such a number.

        """
        value = self._values.get(key)
        if type(value) is not int or value < 0:
            raise self.error(key, "a number from 0")
        return value

    def integers(self, key: str) -> list[int]:
        """Return the list of integers ``key``.

        Raises:
            Error: it is missing, is not a list, or one of its values is not an integer.

        """
        integers = []
        for index, value in enumerate(self.array(key)):
            if type(value) is not int:
                raise _wrong(self.where, f"{self._place(key)}[{index}]", "a number", value)
            integers.append(value)
        return integers

    def array(self, key: str) -> list[Json]:
        """Return the list ``key``.

        Raises:
            Error: it is missing, or is not a list.

        """
        value = self._values.get(key)
        if not isinstance(value, list):
            raise self.error(key, "a list")
        return value

    def texts(self, key: str) -> list[str]:
        """Return the list of strings ``key``.

        Raises:
            Error: it is missing, is not a list, or one of its values is not a string.

        """
        texts = []
        for index, value in enumerate(self.array(key)):
            if not isinstance(value, str) or not _is_text(value):
                raise _wrong(self.where, f"{self._place(key)}[{index}]", "a string", value)
            texts.append(value)
        return texts

    def object(self, key: str) -> "JsonFields":
        """Return the object ``key``.

        Raises:
            Error: it is missing, or is not an object.

        """
        return JsonFields(self.where, self._values.get(key), place=self._place(key))

    def objects(self, key: str) -> list["JsonFields"]:
        """Return the list of objects ``key``.

        Raises:
            Error: it is missing, is not a list, or one of its values is not an object.

        """
        place = self._place(key)
        return [
            JsonFields(self.where, value, place=f"{place}[{index}]")
            for index, value in enumerate(self.array(key))
        ]

    def members(self, read: "Callable[[JsonFields, str], _T]") -> dict[str, _T]:
        """Return ``read(self, key)`` for each key, as in ``fields.members(JsonFields.object)``.

        Raises:
            Error: ``read`` raised it.

        """
        return {key: read(self, key) for key in self._values}

    def error(self, key: str, expected: str) -> Error:
        """Return the error for a field that must be ``expected``, such as "a port number"."""
        return _wrong(self.where, self._place(key), expected, self._values.get(key))

    def _place(self, key: str) -> str:
        return self._prefix + _key(key)


def _is_text(value: str) -> bool:
    """Tell whether a string has no lone surrogate, which is not a character of any file or name."""
    return value.isascii() or not _SURROGATE.search(value)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else json.dumps(key)


def _wrong(where: str, place: str, expected: str, value: Json) -> Error:
    # Pieces: the value may be large, or nested deeper than json.dumps can go.
    shown = "".join(islice(json.JSONEncoder().iterencode(value), _SHOWN))[:_SHOWN]
    return Error(f"{where}: {place} must be {expected}, not {shown}")

"""What the strings in Nix files say."""

import re
from typing import Final

# What may come next in code, which is in braces (also where it is interpolated), and in strings.
_NEXT: Final = {
    "{": re.compile(r"""#[^\n]*|/\*.*?\*/|''|.""", re.DOTALL),
    '"': re.compile(r"""\\.|\$\{|.""", re.DOTALL),
    "''": re.compile(r"""''[$']|''\\.|''|\$\{|.""", re.DOTALL),
}


def literals(nix: str) -> list[str]:
    """Return the text of each string of a file, in pieces between what is interpolated.

    All blanks, also escaped newlines, are single spaces. Other escapes are left as they are.
    """
    pieces = [""]
    enclosing = ["{"]
    position = 0
    while found := _NEXT[enclosing[-1]].match(nix, position):
        position = found.end()
        part = found[0]
        is_code = enclosing[-1] == "{"
        is_start = part in ("{", '"', "''") if is_code else part == "${"
        if is_start:
            enclosing.append(part.removeprefix("$"))
            pieces.append("")
        elif part == ("}" if is_code else enclosing[-1]):
            enclosing.pop()
            pieces.append("")
        elif not is_code:
            pieces[-1] += " " if part == r"\n" else part
    return [" ".join(piece.split()) for piece in pieces if piece.strip()]

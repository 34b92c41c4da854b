"""That the next evaluation accepts what the messages of the module propose.

The rows are those of `checks/module/remedies`.
"""

import re
from typing import Any

import pytest

from checks.module.nix_strings import literals
from checks.module.snapshot import read
from checks.module.sources import ROOT

ROWS: dict[str, Any] = {
    title: row for rows in read("remedies").values() for title, row in rows.items()
}
TRIED = [(title, words) for title, row in ROWS.items() for words in row["remedies"]]

DESCRIPTION = re.compile(r"\bdescription = (\"[^\"]*\"|''.*?'';)", re.DOTALL)

# Literal text of the module that is several words, and in no message for which a row is needed.
NO_MESSAGES = {
    "# Who answers for the clan's names (dm-dns)": "a file",
    "' and deploy it again.": "dm-send-dns prints it on a machine",
    "' was deployed, the zone was not generated yet. Run 'clan vars generate": "the same",
    "/bin/dm-dns apply": "a command",
    "/bin/dm-dns hook": "a command",
    "/bin/dm-dns hook --check": "a command",
    'dm-dns keygen "$out"': "a command",
    "dm-dns of this flake, built with the machine's `pkgs`": "an option's default",
    "dm-dns render": "a command",
    "exec dm-dns push": "a command",
    "machines, such as '": "whose setting it is, where that is of more than 5 machines",
}  # fmt: skip


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def texts(said: dict[str, Any]) -> set[str]:
    """The messages of an evaluation, each on one line."""
    found: set[str] = set()
    for value in said.values():
        found.update(value if isinstance(value, list) else [value["throws"]])
    return {on_one_line(text) for text in found}


def message_of(title: str) -> str:
    row = ROWS[title]
    (message,) = (text for text in texts(row["mistake"]) if on_one_line(row["message"]) in text)
    return message


@pytest.mark.parametrize("title", ROWS)
def test_the_table_has_all_that_a_message_proposes(title: str) -> None:
    message = message_of(title)
    assert ROWS[title]["remedies"]
    starts = []
    rest = message
    for words in map(on_one_line, ROWS[title]["remedies"]):
        assert words in message
        starts.append(message.index(words))
        rest = rest.replace(words, "\0")
    # From the first remedy on, nothing is left but what connects them.
    assert re.fullmatch(r"\0(,? or \0|, and \0|[.;,]? \0)*[.;]?", rest[min(starts) :]) is not None


@pytest.mark.parametrize(("title", "words"), TRIED)
def test_the_next_evaluation_accepts_the_remedy(title: str, words: str) -> None:
    row = ROWS[title]
    outcome = row["remedies"][words]
    if isinstance(outcome, str):
        # Why evaluation cannot tell.
        assert outcome
        return
    assert texts(outcome) <= texts(row["mistake"]) - {message_of(title)}


def test_every_message_of_the_module_is_in_the_table() -> None:
    messages = [text for row in ROWS.values() for text in texts(row["mistake"])]
    missing = set()
    for path in sorted((ROOT / "modules").rglob("*.nix")):
        for text in literals(DESCRIPTION.sub("", path.read_text())):
            piece = text.replace(r"\"", '"')
            is_prose = re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", piece) is not None
            if is_prose and not any(piece in message for message in messages):
                missing.add(piece)
    assert missing == NO_MESSAGES.keys()

import re

import pytest
from inline_snapshot import snapshot

from dm_dns.zone import names

LABEL_63 = "a" * 63
NAME_253 = ".".join([LABEL_63, LABEL_63, LABEL_63, "b" * 57, "pin"])


@pytest.mark.parametrize(
    "name",
    [
        "pin",
        "irc.pin",
        "*.pin",
        "*",
        "_acme-challenge.irc.pin",
        "0.1",
        "a--b.pin",
        f"{LABEL_63}.pin",
        NAME_253,
    ],
)
def test_a_canonical_name_stays_as_it_is(name: str) -> None:
    names.check(name)
    assert names.canonical(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IRC.Pin", "irc.pin"),
        ("irc.pin.", "irc.pin"),
        ("*.", "*"),
        (f"{NAME_253}.", NAME_253),
        ("b\u00fccher.pin", "xn--bcher-kva.pin"),
        ("B\u00dcCHER.pin", "xn--bcher-kva.pin"),
        ("XN--BCHER-KVA.pin", "xn--bcher-kva.pin"),
        ("stra\u00dfe.pin", "xn--strae-oqa.pin"),
        ("irc\uff0epin\u3002", "irc.pin"),
        ("*.b\u00fccher.pin", "*.xn--bcher-kva.pin"),
    ],
)
def test_another_spelling_becomes_the_canonical_name(name: str, expected: str) -> None:
    assert names.canonical(name) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", snapshot("it has an empty label (two dots in a row, or one at its start)")),
        (".", snapshot("it has an empty label (two dots in a row, or one at its start)")),
        ("..", snapshot("it has an empty label (two dots in a row, or one at its start)")),
        (".pin", snapshot("it has an empty label (two dots in a row, or one at its start)")),
        ("irc..pin", snapshot("it has an empty label (two dots in a row, or one at its start)")),
        ("irc.pin..", snapshot("it has an empty label (two dots in a row, or one at its start)")),
        ("**", snapshot("'*' is allowed only as the whole first label")),
        ("*irc.pin", snapshot("'*' is allowed only as the whole first label")),
        ("irc.*.pin", snapshot("'*' is allowed only as the whole first label")),
        ("*.*.pin", snapshot("'*' is allowed only as the whole first label")),
        ("irc-.pin", snapshot("label 'irc-' starts or ends with '-'")),
        ("-irc.pin", snapshot("label '-irc' starts or ends with '-'")),
        ("-", snapshot("label '-' starts or ends with '-'")),
        ("a b.pin", snapshot("' ' is not allowed in a name; use letters, digits, '-' and '_'")),
        ('a".pin', snapshot("'\"' is not allowed in a name; use letters, digits, '-' and '_'")),
        ("a'.pin", snapshot("\"'\" is not allowed in a name; use letters, digits, '-' and '_'")),
        ("a\n.pin", snapshot("'\\n' is not allowed in a name; use letters, digits, '-' and '_'")),
        ("a\0.pin", snapshot("'\\x00' is not allowed in a name; use letters, digits, '-' and '_'")),
        (
            "a\x7f.pin",
            snapshot("'\\x7f' is not allowed in a name; use letters, digits, '-' and '_'"),
        ),
        (f"{LABEL_63}a.pin", snapshot("a label of it has 64 characters; a label has at most 63")),
        (f"-{LABEL_63}.pin", snapshot("a label of it has 64 characters; a label has at most 63")),
        (f"b{NAME_253}", snapshot("it has 254 characters; a name has at most 253")),
        ("\u00fc..pin", snapshot("it has an empty label (two dots in a row, or one at its start)")),
    ],
)
def test_a_name_that_breaks_a_rule_is_refused_with_the_rule(name: str, message: str) -> None:
    with pytest.raises(names.InvalidNameError) as caught:
        names.canonical(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "name",
    [
        "\u2603.pin",
        "a\u200db.pin",
        "\u05d0a.pin",
        "_\u00fc.pin",
        "-\u00fc.pin",
        "\u00fc" * 60,
        "\ud800.pin",
    ],
    ids=ascii,
)
def test_a_name_that_is_not_an_internationalized_name_is_refused_as_that(name: str) -> None:
    with pytest.raises(names.InvalidNameError) as caught:
        names.canonical(name)
    assert re.fullmatch(
        r"it is not a valid internationalized name \(IDNA 2008\): .+", str(caught.value)
    )


@pytest.mark.parametrize("name", ["IRC.pin", "irc.pin.", "b\u00fccher.pin", "\u212a.pin", ""])
def test_check_takes_only_the_canonical_form(name: str) -> None:
    with pytest.raises(names.InvalidNameError):
        names.check(name)


@pytest.mark.parametrize("label", ["kfbox", "my_box-2", "_", "0", LABEL_63])
def test_a_label_is_accepted(label: str) -> None:
    assert names.canonical_label(label.upper()) == label


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("", snapshot("it has an empty label (two dots in a row, or one at its start)")),
        ("kf.box", snapshot("it has a '.'; it must be a single label")),
        (".", snapshot("it has a '.'; it must be a single label")),
        ("*", snapshot("'*' is allowed only as the whole first label")),
        ("-kfbox", snapshot("label '-kfbox' starts or ends with '-'")),
        (
            "\u212afbox",  # the Kelvin sign, whose lower case is k
            snapshot("'\\u212a' is not allowed in a name; use letters, digits, '-' and '_'"),
        ),
        (
            "b\u00fccher",
            snapshot("'\\xfc' is not allowed in a name; use letters, digits, '-' and '_'"),
        ),
        (f"{LABEL_63}a", snapshot("a label of it has 64 characters; a label has at most 63")),
        ("kfbox\n", snapshot("'\\n' is not allowed in a name; use letters, digits, '-' and '_'")),
    ],
)
def test_what_is_not_a_label_is_refused_with_the_rule(label: str, message: str) -> None:
    with pytest.raises(names.InvalidNameError) as caught:
        names.canonical_label(label)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("irc.pin", True),
        ("a.b.pin", True),
        ("*.pin", True),
        ("pin", False),
        ("mypin", False),
        ("irc.pin.example", False),
        ("pin.irc", False),
    ],
)
def test_only_names_with_a_label_before_the_domain_are_below_it(name: str, *, below: bool) -> None:
    assert names.is_below(name, "pin") is below

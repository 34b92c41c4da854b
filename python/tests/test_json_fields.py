from collections.abc import Callable
from typing import Any

import pytest

from dm_dns.errors import Error
from dm_dns.json_fields import JsonFields


def fields(**values: object) -> JsonFields:
    return JsonFields("a.json", values)


def test_fields_are_read() -> None:
    found = fields(
        name="kiwi",
        file="/etc/hosts",
        port=53,
        yes=True,
        no=False,
        any=[1, None],
        names=["a", ""],
        inner={"name": "b"},
        list=[{"name": "c"}, {"name": "d"}],
        nothing=None,
    )
    assert found.text("name") == "kiwi"
    assert found.path("file") == "/etc/hosts"
    assert found.port("port") == 53
    assert found.boolean("yes") is True
    assert found.boolean("no") is False
    assert found.array("any") == found.value("any") == [1, None]
    assert found.value("none") is None
    assert found.texts("names") == ["a", ""]
    assert found.object("inner").text("name") == "b"
    assert [inner.text("name") for inner in found.objects("list")] == ["c", "d"]
    assert [found.has(key) for key in ("name", "nothing", "none")] == [True, False, False]


def test_the_members_of_an_object_are_read_by_one_function() -> None:
    assert fields(a="1", b="2").members(JsonFields.text) == {"a": "1", "b": "2"}
    machines = fields(kiwi={"addresses": ["::1"]}, fig={"addresses": []})
    assert {
        name: machine.texts("addresses")
        for name, machine in machines.members(JsonFields.object).items()
    } == {"kiwi": ["::1"], "fig": []}


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (lambda found: found.text("x"), "x must be a string, not null"),
        (lambda found: found.text("number"), "number must be a string, not 1"),
        (lambda found: found.path("text"), 'text must be an absolute path, not "a"'),
        (lambda found: found.path("nul"), 'nul must be an absolute path, not "/\\u0000"'),
        (lambda found: found.path("number"), "number must be a string, not 1"),
        (lambda found: found.port("text"), 'text must be a port number, not "a"'),
        (lambda found: found.port("zero"), "zero must be a port number, not 0"),
        (lambda found: found.port("high"), "high must be a port number, not 65536"),
        (lambda found: found.port("true"), "true must be a port number, not true"),
        (lambda found: found.port("real"), "real must be a port number, not 53.0"),
        (lambda found: found.boolean("x"), "x must be true or false, not null"),
        (lambda found: found.boolean("number"), "number must be true or false, not 1"),
        (lambda found: found.array("text"), 'text must be a list, not "a"'),
        (lambda found: found.texts("mixed"), "mixed[1] must be a string, not {}"),
        (lambda found: found.texts("true"), "true must be a list, not true"),
        (lambda found: found.object("text"), 'text must be an object, not "a"'),
        (lambda found: found.object("x"), "x must be an object, not null"),
        (lambda found: found.objects("mixed"), 'mixed[0] must be an object, not "a"'),
        (
            lambda found: found.objects("objects")[1].text("y"),
            "objects[1].y must be a string, not 2",
        ),
        (
            lambda found: found.object("inner").object("inner").texts("z"),
            "inner.inner.z[0] must be a string, not null",
        ),
        (
            lambda found: found.object("odd").members(JsonFields.text),
            r'odd."b\n\ud83d\ude00" must be a string, not 3',
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_place_and_value(
    read: Callable[[JsonFields], Any], reason: str
) -> None:
    found = fields(
        number=1,
        text="a",
        nul="/\0",
        zero=0,
        high=65536,
        true=True,
        real=53.0,
        mixed=["a", {}],
        objects=[{}, {"y": 2}],
        inner={"inner": {"z": [None]}},
        odd={"b\n\N{GRINNING FACE}": 3},
    )
    with pytest.raises(Error) as caught:
        read(found)
    assert str(caught.value) == f"a.json: {reason}"


@pytest.mark.parametrize(("value", "shown"), [([], "[]"), (None, "null"), ("{}", '"{}"')])
def test_what_is_not_an_object_is_refused(value: object, shown: str) -> None:
    with pytest.raises(Error) as caught:
        JsonFields("a.json", value)
    assert str(caught.value) == f"a.json: the top level must be an object, not {shown}"


def test_the_keys_may_have_to_be_exact() -> None:
    found = fields(b=1, a={"c": 1})
    found.check_keys({"a", "b"})
    for keys, reason in (
        ({"a"}, "the top level must have the keys a, and no others; it has a, b"),
        ({"a", "b", "c"}, "the top level must have the keys a, b, c, and no others; it has a, b"),
    ):
        with pytest.raises(Error) as caught:
            found.check_keys(keys)
        assert str(caught.value) == f"a.json: {reason}"
    with pytest.raises(Error) as caught:
        found.object("a").check_keys({"d"})
    assert str(caught.value) == "a.json: a must have the keys d, and no others; it has c"


def test_a_message_shows_only_the_start_of_a_value() -> None:
    deep: list[Any] = []
    for _ in range(100_000):  # json.dumps raises RecursionError
        deep = [deep]
    for value, shown in ((deep, "[" * 80), (["x" * 100], '["' + "x" * 78)):
        with pytest.raises(Error) as caught:
            fields(a=value).text("a")
        assert str(caught.value) == f"a.json: a must be a string, not {shown}"

"""That the module's README lists its options as they are."""

import copy

import pytest

from checks.module import options
from checks.module.options import HEADINGS, README, Option
from checks.module.snapshot import read

RECORDED: dict[str, list[Option]] = read("options")
MISTAKES = [
    (role, mistake, found)
    for role, all_ in read("types").items()
    for mistake, found in all_.items()
]
OPTIONS = [
    (group, position) for group, recorded in RECORDED.items() for position in range(len(recorded))
]


@pytest.mark.parametrize("group", HEADINGS)
def test_the_readme_lists_the_options(group: str) -> None:
    listed = options.section(README.read_text(), group)
    assert listed == options.markdown(RECORDED[group]), "run `make record`: checks/README.md"


def test_each_group_of_options_has_a_heading() -> None:
    assert RECORDED.keys() == HEADINGS.keys()


@pytest.mark.parametrize(("group", "position"), OPTIONS)
def test_each_option_has_a_type_a_default_an_example_and_a_description(
    group: str, position: int
) -> None:
    assert [key for key, value in RECORDED[group][position].items() if not value] == []


@pytest.mark.parametrize(("group", "position"), OPTIONS)
def test_a_readme_without_an_option_or_with_another_default_differs(
    group: str, position: int
) -> None:
    others = [*RECORDED[group]]
    del others[position]
    changed = copy.deepcopy(RECORDED[group])
    changed[position]["default"] = {"_type": "literalExpression", "text": "other"}
    listed = options.section(README.read_text(), group)
    assert options.markdown(others) != listed
    assert options.markdown(changed) != listed


@pytest.mark.parametrize(("role", "mistake", "found"), MISTAKES)
def test_a_value_of_another_type_stops_the_evaluation_with_the_option(
    role: str, mistake: str, found: dict[str, str]
) -> None:
    assert found.keys() == {"throws"}, role
    assert f"`{mistake.partition(':')[0]}" in found["throws"]


def test_each_setting_has_a_value_of_another_type() -> None:
    tried = {(role, mistake.partition(":")[0]) for role, mistake, _ in MISTAKES}
    settings = {(role, option["name"]) for role in ("default", "push") for option in RECORDED[role]}
    named = {"devices.<name>": "devices.printer", "localNetworks.<name>": "localNetworks.home"}
    for pattern, name in named.items():
        settings = {(role, option.replace(pattern, name)) for role, option in settings}
    assert settings - tried == set()


def test_a_list_is_written_below_its_heading_and_nothing_else_changes() -> None:
    option: Option = {
        "name": "port",
        "type": "integer",
        "default": {"_type": "literalMD", "text": "the usual"},
        "example": {"_type": "literalExpression", "text": "[\n  2\n]"},
        "description": "A port.\n",
    }
    readme = "Before\n\n### Role `push`\n\n- old\n\n## After\n\n### Last\n"
    written = options.with_lists(readme, {"push": [option]})
    assert written == (
        "Before\n\n### Role `push`\n\n"
        "- `port` (integer): A port. Default: the usual. Example: `[ 2 ]`.\n\n"
        "## After\n\n### Last\n"
    )
    assert options.section(written, "push") == options.markdown([option])


def test_a_readme_without_a_heading_is_an_error() -> None:
    with pytest.raises(ValueError, match="must have the heading '### Role `default`' once"):
        options.section("# Nothing\n", "default")

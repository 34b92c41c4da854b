"""That the module's README lists its options as they are."""

import copy

import pytest

from checks.eval import options
from checks.eval.options import HEADINGS, README, Option
from checks.eval.record import read

RECORDED: dict[str, list[Option]] = read("options")
OPTIONS = [
    (group, position) for group, recorded in RECORDED.items() for position in range(len(recorded))
]


@pytest.mark.parametrize("group", HEADINGS)
def test_the_readme_lists_the_options(group: str) -> None:
    listed = options.section(README.read_text(), group)
    assert listed == options.markdown(RECORDED[group]), "run `make record`: checks/eval/README.md"


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

"""The page: what is in it, and that nothing in it is obeyed that others wrote."""

import base64
import hashlib
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dm_dns.inspect import overview, page

from .clans import SERIAL, SPEC, edition, facts, with_endpoints

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
VOID = {"meta", "input"}


class Page(HTMLParser):
    """The elements of a page, with their attributes and all the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"an attribute is repeated: {attrs}"
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag in {"td", "th"}:
            self.handle_data(" ")
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for number in self.open:
            self.texts[number] += data

    def all(self, tag: str, **wanted: str) -> list[str]:
        """Return the texts of the elements with these attributes."""
        return [
            " ".join(text.split())
            for (found, attributes), text in zip(self.elements, self.texts, strict=True)
            if found == tag and wanted.items() <= attributes.items()
        ]


def rendered(values: dict[str, Any] = SPEC, **more: Any) -> Page:  # noqa: ANN401 - of Facts
    return Page(page.render(facts(values)._replace(**more), NOW))


def test_it_has_every_name_with_its_machines_addresses_and_exports() -> None:
    found = rendered()
    rows = found.all("tr")
    assert len(rows) == 1 + 6
    assert (
        "mirror.pin kiwi, pear 192.0.2.1 fd00::1 fd00::2 attic, instance cache, role server"
        " 2026-11-25 06:54 or before"
    ) in rows
    assert found.all("h1") == ["pin"]
    assert found.all("p", **{"class": "lede"}) == [
        f"3 names on 3 machines. Zone {SERIAL} from the mesh, since 2026-11-25 06:54 UTC."
    ]


def test_it_has_a_card_for_each_machine_with_its_names() -> None:
    cards = rendered().all("article")
    assert [card.split()[0] for card in cards] == ["kiwi", "pear", "fig"]
    assert cards[2] == "fig 0 no address is known no names but its own"
    assert "mirror.pin attic shared by 2" in cards[0]
    assert "mirror.pin attic shared by 2" in cards[1]


WITH_DEVICES: dict[str, Any] = {
    **SPEC,
    "devices": {
        "NAS": {"addresses": ["192.0.2.30"], "names": ["mirror.pin"]},
        "left": {"addresses": ["192.0.2.21"], "names": ["print.pin", "left.pin"]},
        "right": {"addresses": ["192.0.2.22"], "names": ["print.pin"]},
        "scanner": {"addresses": ["fd00::40"], "names": ["*.scans.pin"]},
    },
}


def test_devices_have_cards_of_their_own_and_rows() -> None:
    found = rendered(WITH_DEVICES)
    assert found.all("p", **{"class": "lede"})[0].startswith(
        "5 names on 3 machines and 4 devices. Zone"
    )
    assert found.all("article")[3:] == [
        "NAS 1 192.0.2.30 mirror.pin attic shared by 3",
        "left 1 192.0.2.21 print.pin shared by 2",
        "right 1 192.0.2.22 print.pin shared by 2",
        "scanner 1 fd00::40 *.scans.pin",
    ]
    rows = {row.split()[0]: row for row in found.all("tr")}
    since = "2026-11-25 06:54 or before"
    of_role = "setting devices of the role default"
    assert rows["nas.pin"] == f"nas.pin NAS 192.0.2.30 {of_role} {since}"
    assert rows["print.pin"] == f"print.pin left, right 192.0.2.21 192.0.2.22 {of_role} {since}"
    assert rows["mirror.pin"] == (
        "mirror.pin kiwi, pear, NAS 192.0.2.1 192.0.2.30 fd00::1 fd00::2"
        f" attic, instance cache, role server{of_role} {since}"
    )


def test_devices_are_not_in_the_picture() -> None:
    found = rendered(WITH_DEVICES)
    assert found.all("text", **{"class": "machine"}) == ["kiwi", "pear", "fig"]
    dots = [title for title in found.all("title") if "scans" in title or "print" in title]
    assert dots == []
    assert found.all("figcaption") == rendered().all("figcaption")


def test_links_lead_to_what_is_on_the_page() -> None:
    found = rendered(WITH_DEVICES)
    targets = {f"#{attributes['id']}" for _tag, attributes in found.elements if "id" in attributes}
    links = [attributes["href"] for tag, attributes in found.elements if tag == "a"]
    assert links
    assert targets >= set(links)


def test_it_tells_what_changed_lately_and_leaves_out_what_would_be_too_much() -> None:
    many = [{**SPEC["endpoints"][0], "host": f"n{number}.pin"} for number in range(15)]
    past = [edition(with_endpoints([]), days_ago=2)]
    found = Page(page.render(facts(with_endpoints(many), past), NOW))
    (news,) = found.all("section", **{"class": "news"})
    assert "15 added" in news
    assert "+n0.pin on kiwi" in news
    assert news.endswith("and 3 more")
    assert "Lately" not in rendered().all("h2")


def test_it_tells_what_is_not_known() -> None:
    assert rendered(notes=["<it> broke"]).all("p", **{"class": "note"}) == ["<it> broke"]


def test_the_same_facts_make_the_same_page() -> None:
    assert page.render(facts(), NOW) == page.render(facts(), NOW)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</title></style></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "\u202egnp.exe",
    "\x00\x1b[31m",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_is_text_and_nothing_else(text: str) -> None:
    hostile = {
        "domain": "pin",
        "machines": {"kiwi": {"addresses": ["fd00::1"]}},
        "endpoints": [
            {
                "host": "git.pin",
                "machine": "kiwi",
                "service": text,
                "instance": f"{text}2",
                "role": text,
            }
        ],
    }
    plain = {
        **hostile,
        "endpoints": [
            {
                "host": "git.pin",
                "machine": "kiwi",
                "service": "service",
                "instance": "instance",
                "role": "role",
            }
        ],
    }
    found = rendered(hostile, place=text, notes=[text])
    expected = rendered(plain, place="place", notes=["note"])
    # The same elements, with the same attributes: what differs is text.
    assert found.elements == expected.elements
    assert text in "".join(found.texts).replace("\ufffd", "\x00")


def test_a_machine_with_a_hostile_name_is_text() -> None:
    name = '"><script>alert(1)</script>'
    made = facts()
    names = [each._replace(machines=(name,)) for each in made.names]
    found = Page(page.render(made._replace(names=names), NOW))
    assert found.all("script") == rendered().all("script")
    assert not any("onerror" in attributes for _tag, attributes in found.elements)
    assert found.all("article")[0].startswith(name)


def policy(found: Page) -> str:
    (content,) = [
        attributes["content"]
        for tag, attributes in found.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert content
    return content


def test_the_policy_allows_the_one_style_and_the_one_script_and_nothing_from_elsewhere() -> None:
    text = page.render(facts(), NOW)
    found = Page(text)
    assert policy(found).startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy(found)
    for _tag, attributes in found.elements:
        assert not attributes.keys() & {"src", "style", "onclick", "onload", "action"}
        assert (attributes.get("href") or "#").startswith("#")
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text


def test_other_commands_do_not_wait_for_jinja2() -> None:
    program = "import sys; import dm_dns.commands.show; print('jinja2' in sys.modules)"
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def circles(counts: list[int], shared: int = 0) -> overview.Overview:
    machines = {
        f"m{number}": [f"n{number}-{index}" for index in range(count)]
        + [f"shared{index}" for index in range(shared)]
        for number, count in enumerate(counts)
    }
    return overview.draw(machines)


@pytest.mark.parametrize(
    "counts", [[], [0], [1], [3, 2], [6], [7], [20] * 7, [300, 100, 50, *[25] * 37], [1000]]
)
def test_in_the_picture_dots_lie_in_their_circles_and_nothing_overlaps(counts: list[int]) -> None:
    drawn = circles(counts)
    assert [len(circle.dots) for circle in drawn.circles] == sorted(counts, reverse=True)
    right, bottom = drawn.left + drawn.width, drawn.height
    for number, circle in enumerate(drawn.circles):
        assert drawn.left <= circle.x - circle.radius
        assert circle.x + circle.radius <= right
        assert circle.y - circle.radius >= 0
        assert circle.y + circle.radius <= bottom
        for other in drawn.circles[:number]:
            apart = ((circle.x - other.x) ** 2 + (circle.y - other.y) ** 2) ** 0.5
            assert apart >= circle.radius + other.radius
        for index, dot in enumerate(circle.dots):
            from_centre = ((dot.x - circle.x) ** 2 + (dot.y - circle.y) ** 2) ** 0.5
            assert from_centre + drawn.dot <= circle.radius
            for second in circle.dots[:index][-60:]:
                assert (dot.x - second.x) ** 2 + (dot.y - second.y) ** 2 >= (2 * drawn.dot) ** 2


def test_in_the_picture_machines_that_share_names_are_linked_unless_it_would_be_a_tangle() -> None:
    assert [link.names for link in circles([1, 1], shared=2).links] == [2]
    assert len(circles([1, 1, 1], shared=1).links) == 3
    assert len(circles([1] * 10, shared=1).links) == 9
    assert circles([1] * 30, shared=1).links == ()


def test_the_templates_are_in_the_package() -> None:
    folder = Path(page.__file__).parent / "templates"
    assert {path.name for path in folder.iterdir()} == {"page.css", "page.html", "page.js"}

"""The page in a real browser: as people see it, search it and print it, on any device."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dm_dns.inspect import page
from dm_dns.inspect.facts import Facts

from checks.page import sample
from checks.page.browser import MISSING, Browser, find

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCHEMES = ("light", "dark")
PHONE, DESK = 375, 1280

# WCAG 2.1, success criterion 1.4.3: the contrast of text with what is behind it.
CONTRAST = """
(() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).slice(0, 3).map((value) => {
      value /= 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest("svg, script") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const values = [light(style.color), light(behind(element))].sort((a, b) => b - a);
    const ratio = (values[0] + 0.05) / (values[1] + 0.05);
    if (ratio < 4.5) low.push(`${element.className}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(low)];
})()
"""
# The cards below the heading "Devices".
DEVICES = """
[...document.querySelectorAll("h2")].find((found) => found.textContent === "Devices")
  .parentElement.querySelectorAll("h3").values().map((found) => found.firstChild.data.trim())
  .toArray()
"""
VISIBLE = "[...document.querySelectorAll('{0}')].filter((found) => found.checkVisibility()).length"


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    if find() is None:
        pytest.skip(MISSING)
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(running: Browser) -> Browser:
    running.call("Emulation.setScriptExecutionDisabled", value=False)
    running.look()
    return running


def show(browser: Browser, folder: Path, facts: Facts) -> None:
    path = folder / "page.html"
    path.write_text(page.render(facts, NOW))
    browser.open(path)


def visible(browser: Browser, selector: str) -> int:
    found: int = browser.evaluate(VISIBLE.format(selector))
    return found


@pytest.mark.parametrize("names", [5, 60, 1000])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_can_be_read_on_a_desk_and_on_a_phone(
    browser: Browser, tmp_path: Path, names: int, scheme: str
) -> None:
    for width in (DESK, PHONE):
        browser.look(scheme=scheme, width=width)
        show(browser, tmp_path, sample.of_size(names))
        assert browser.complaints() == []
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert visible(browser, "tbody tr") == names
        assert visible(browser, ".dot") >= names - visible(browser, ".card")
        assert browser.evaluate(CONTRAST) == []


def test_the_schemes_differ(browser: Browser, tmp_path: Path) -> None:
    colours = []
    for scheme in SCHEMES:
        browser.look(scheme=scheme)
        show(browser, tmp_path, sample.made_up())
        colours.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(250, 248, 244)", "rgb(21, 23, 26)"]


def test_the_search_shows_what_has_all_words(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path, sample.made_up())
    everything = visible(browser, "tbody tr")
    browser.evaluate("document.getElementById('find').focus()")
    browser.call("Input.insertText", text="forgejo Kiwi")
    assert visible(browser, "tbody tr") == 2
    assert visible(browser, ".card") == 1
    assert browser.evaluate("document.getElementById('found').textContent") == "2 names"
    browser.call("Input.insertText", text=" nothing")
    assert visible(browser, "tbody tr") == visible(browser, ".card") == 0
    browser.evaluate(
        "document.getElementById('find').value = '';"
        " document.getElementById('find').dispatchEvent(new Event('input'))"
    )
    assert visible(browser, "tbody tr") == everything
    assert visible(browser, "figure") == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_devices_have_a_place_of_their_own(browser: Browser, tmp_path: Path, scheme: str) -> None:
    for width in (DESK, PHONE):
        browser.look(scheme=scheme, width=width)
        show(browser, tmp_path, sample.made_up())
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.evaluate(CONTRAST) == []
        assert browser.evaluate(DEVICES) == ["nas", "phone", "printer"]
        assert browser.evaluate(
            "[...document.querySelectorAll('.machine')].map((found) => found.textContent).sort()"
        ) == ["fig", "kiwi", "lime", "pear", "plum"]
    browser.look(width=DESK)
    show(browser, tmp_path, sample.made_up())
    browser.evaluate("document.getElementById('find').focus()")
    browser.call("Input.insertText", text="printer")
    assert visible(browser, "tbody tr") == 3
    assert visible(browser, ".card") == 1


def test_without_script_everything_but_the_search_is_there(
    browser: Browser, tmp_path: Path
) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    show(browser, tmp_path, sample.made_up())
    assert visible(browser, "#search") == 0
    assert visible(browser, "tbody tr") == 29 + 5 + 3
    assert visible(browser, ".card") == 5 + 3


def test_a_dot_and_a_machine_in_the_picture_lead_to_what_they_stand_for(
    browser: Browser, tmp_path: Path
) -> None:
    show(browser, tmp_path, sample.made_up())
    targets = []
    for selector in (".dot", ".disc"):
        place = browser.evaluate(
            f"(() => {{ const box = document.querySelector('{selector}').getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + 4] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            browser.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )
        targets.append(browser.evaluate("document.querySelector(':target').tagName"))
        browser.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    assert targets == ["TR", "ARTICLE"]


def test_printed_it_is_dark_on_white_whatever_the_screen_is(
    browser: Browser, tmp_path: Path
) -> None:
    browser.look(scheme="dark", media="print")
    show(browser, tmp_path, sample.of_size(60))
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert visible(browser, "#search") == 0
    assert visible(browser, "tbody tr") == 60
    assert browser.evaluate(CONTRAST) == []
    printed = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF")


@pytest.mark.parametrize(
    "text",
    [
        "<script>document.title = 'owned'</script>",
        '"><img src=x onerror="document.title = \'owned\'">',
        "</title></style></script><script>document.title = 'owned'</script>",
        "</style><style>* { display: none }</style>",
        "<svg onload=\"document.title = 'owned'\">",
        "<iframe srcdoc=\"<script>parent.document.title = 'owned'</script>\"></iframe>",
        "<meta http-equiv=refresh content='0;url=about:blank'>",
    ],
)
def test_what_others_wrote_is_shown_and_not_obeyed(
    browser: Browser, tmp_path: Path, text: str
) -> None:
    facts = sample.made_up()
    names = [
        name._replace(
            machines=tuple(f"{machine}{text}" for machine in name.machines),
            exports=tuple(export._replace(service=text, role=text) for export in name.exports),
            devices=tuple(device._replace(machines=(text,)) for device in name.devices),
        )
        for name in facts.names
    ]
    show(browser, tmp_path, facts._replace(names=names, notes=[text], place=text))
    assert browser.complaints() == []
    assert browser.evaluate("document.title") == "clan.lol: 29 names"
    assert browser.evaluate("document.querySelector('.note').textContent") == text
    assert visible(browser, "tbody tr") == 37


def test_a_script_that_did_get_in_would_not_run(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    text = page.render(sample.made_up(), NOW)
    script = "<script>document.title = 'owned'</script>"
    image = "<img src='https://192.0.2.1/x' onerror=\"document.title = 'owned'\">"
    path.write_text(text.replace("<main>", f"<main>{script}{image}"))
    browser.open(path)
    assert browser.evaluate("document.title") == "clan.lol: 29 names"
    assert "Content Security Policy" in "".join(browser.complaints())

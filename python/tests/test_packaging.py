"""The wheel has a manual page and completions, of every command, which their programs take."""

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dm_dns.cli import COMMANDS

PROJECT = Path(__file__).parent.parent
MANUAL = "man/man1/dm-dns.1"
COMPLETIONS = {
    "bash": "bash-completion/completions/dm-dns",
    "zsh": "zsh/site-functions/_dm-dns",
    "fish": "fish/vendor_completions.d/dm-dns.fish",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, below a folder."""
    if not (PROJECT / "setup.py").is_file():
        pytest.skip("the sources of the package are not here")
    for module in ("argparse_manpage", "pip", "setuptools", "shtab"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs the Python package {module}")
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because a build writes into the folder of its sources.
    sources = folder / "sources"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(PROJECT / "src", sources / "src", ignore=ignore)
    for name in ("pyproject.toml", "setup.py"):
        shutil.copy(PROJECT / name, sources)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*build, "--wheel-dir", str(folder), str(sources)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "content")
    return folder / "content"


def share(wheel: Path, name: str) -> Path:
    (path,) = wheel.glob(f"*.data/data/share/{name}")
    return path


def accepted(program: str, *arguments: str) -> str:
    """Run a program that must be content; return what it prints."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("shell", "name"), COMPLETIONS.items())
def test_a_shell_can_read_its_completions(wheel: Path, shell: str, name: str) -> None:
    path = share(wheel, name)
    accepted(shell, "-n", str(path))
    text = path.read_text()
    for word in [*COMMANDS, "--rollback", "--html"]:
        assert word.lstrip("-") in text, word


def complete(script: Path, *words: str) -> list[str]:
    """Return what bash proposes for the last of some words."""
    line = " ".join(f"'{word}'" for word in words)
    program = (
        f"source '{script}'; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
        'eval "$(complete -p dm-dns | sed -E "s/.*-F ([^ ]+).*/\\1/")"; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return accepted("bash", "--norc", "-c", program).split()


def test_bash_proposes_commands_and_options(wheel: Path) -> None:
    script = share(wheel, COMPLETIONS["bash"])
    assert complete(script, "dm-dns", "st") == ["status"]
    assert complete(script, "dm-dns", "show", "--h") == ["--help", "--html"]


def test_the_manual_page_has_every_command_with_its_example(wheel: Path) -> None:
    text = accepted("groff", "-man", "-Tascii", "-P-cbou", "-ww", str(share(wheel, MANUAL)))
    assert text.startswith("DM-DNS(1)")
    words = " ".join(text.split())
    for command in COMMANDS:
        assert f"COMMAND 'dm-dns {command}'" in words
    assert "Example: dm-dns status --all" in words
    assert "Example: dm-dns push --flake . --via kiwi" in words


def test_the_manual_page_has_no_mistake(wheel: Path) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("needs mandoc")
    done = subprocess.run(
        ["mandoc", "-Tlint", "-W", "warning", str(share(wheel, MANUAL))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_wheel_has_the_page(wheel: Path) -> None:
    templates = wheel / "dm_dns/inspect/templates"
    assert {path.name for path in templates.iterdir()} == {"page.css", "page.html", "page.js"}

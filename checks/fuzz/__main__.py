"""`python -m checks.fuzz`, which is `make fuzz`: fuzz each target in turn until the time is over.

With atheris, if it is installed, which is led by the code that an input reaches; without it, with
`loop`. An input on which a target fails is written to .cache/fuzz, and the exit status is 1.
"""

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from checks.fuzz import loop
from checks.fuzz.targets import TARGETS, seeds

FOLDER: Final = Path(".cache/fuzz")


def main(argv: list[str] | None = None) -> int:
    """Fuzz as the command line ``argv`` says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m checks.fuzz", description="Fuzz the parsers.")
    parser.add_argument(
        "--seconds", type=float, default=3600.0, help="how long, in all (default: %(default)g)"
    )
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one")
    parser.add_argument("--own", action="store_true", help="do not use atheris")
    arguments = parser.parse_args(argv)
    targets = arguments.target or list(TARGETS)
    has_atheris = not arguments.own and importlib.util.find_spec("atheris") is not None
    print(f"with {'atheris' if has_atheris else 'our own fuzzer'}", flush=True)
    failed = False
    for name in targets:
        seconds = arguments.seconds / len(targets)
        print(f"{name}: {seconds:.0f} s", flush=True)
        fuzz = _with_atheris if has_atheris else _with_loop
        failed |= not fuzz(name, seconds)
    return 1 if failed else 0


def _with_loop(name: str, seconds: float) -> bool:
    """Tell whether the target held."""
    try:
        tried = loop.run(TARGETS[name], seeds(name), seed=time.time_ns(), seconds=seconds)
    except loop.Found as found:
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{name}-{hashlib.sha256(found.content).hexdigest()[:12]}"
        path.write_bytes(found.content)
        print(f"{name}: FAILED on {path}: {found.__cause__!r}", flush=True)
        return False
    print(f"{name}: held for {tried} inputs", flush=True)
    return True


def _with_atheris(name: str, seconds: float) -> bool:
    """Tell whether the target held, in a process of its own: libFuzzer ends it."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for content in seeds(name):
        (folder / hashlib.sha256(content).hexdigest()).write_bytes(content)
    options = [f"-max_total_time={int(seconds)}", "-max_len=20000", f"-artifact_prefix={folder}-"]
    options += ["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]
    command = [sys.executable, "-m", "checks.fuzz.instrumented", name, *options, str(folder)]
    held = subprocess.run(command, check=False).returncode == 0
    print(f"{name}: {'held' if held else f'FAILED: see {folder}-*'}", flush=True)
    return held


if __name__ == "__main__":
    sys.exit(main())

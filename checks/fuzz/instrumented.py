"""`python -m checks.fuzz.instrumented TARGET [OPTION...]`: libFuzzer, through atheris."""

import sys
from importlib import import_module
from typing import Any


def main() -> None:
    """Fuzz; libFuzzer ends the process."""
    atheris: Any = import_module("atheris")  # it is not installed everywhere
    with atheris.instrument_imports(include=["dm_dns"]):
        targets = import_module("checks.fuzz.targets").TARGETS
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, targets[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()

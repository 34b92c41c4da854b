"""`make record`: make the snapshots, and the list of options in the module's README, again."""

import json
import sys

from checks.module import options, sources
from checks.module.evaluator import EvaluationError, Evaluator
from checks.module.snapshot import case_text, read, text


def main() -> int:
    """Evaluate all cases and write the snapshots; return the exit code."""
    try:
        files = _evaluate(Evaluator())
    except EvaluationError as error:
        print(f"checks.module: {error}", file=sys.stderr)
        return 1
    sources.SNAPSHOTS.mkdir(exist_ok=True)
    for path in sources.SNAPSHOTS.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (sources.SNAPSHOTS / name).write_text(content)
    options.README.write_text(options.with_lists(options.README.read_text(), read("options")))
    return 0


def _evaluate(nix: Evaluator) -> dict[str, str]:
    read = {"clan-core": sources.clan_core(), "files": sources.hashes()}
    files = {"sources.json": text(read)}
    for case in nix.evaluate("caseNames"):
        print(case, flush=True)
        attributes = f"cases.{json.dumps(case)}"
        files[f"{case}.json"] = case_text(nix.with_messages(attributes, nix.evaluate(attributes)))
    print("remedies", flush=True)
    files["remedies.json"] = text(nix.with_messages("remedies", nix.evaluate("remedies")))
    print("network-rules", flush=True)
    files["network-rules.json"] = text(nix.evaluate("network-rules"))
    print("vm", flush=True)
    files["vm.json"] = text(nix.evaluate("vm"))
    print("packages", flush=True)
    files["packages.json"] = text(nix.evaluate("packages"))
    print("options", flush=True)
    files["options.json"] = text(nix.evaluate("options"))
    print("types", flush=True)
    files["types.json"] = text(nix.with_messages("types", nix.evaluate("types")))
    print("naming", flush=True)
    # A case a line: the snapshot of one is short.
    cases = (
        f"{json.dumps(title)}: {json.dumps(result, ensure_ascii=False, sort_keys=True)}"
        for title, result in sorted(nix.evaluate("naming").items())
    )
    files["naming.json"] = "{\n" + ",\n".join(cases) + "\n}\n"
    return files


if __name__ == "__main__":
    sys.exit(main())

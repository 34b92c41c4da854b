"""A headless Chromium, controlled through pipes with the Chrome DevTools Protocol."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

MISSING: Final = "needs Chromium (Debian: chromium)"

_OPTIONS: Final = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_END_SECONDS: Final = 10.0


def find() -> str | None:
    """Return the path of Chromium; None where there is none."""
    return shutil.which("chromium")


class Browser:
    """A browser with one page: a context manager.

    It has a new profile, and no network is needed.
    """

    def __init__(self) -> None:
        """Describe it; nothing runs yet."""
        self.events: list[dict[str, Any]] = []
        """What the page has reported: what it logs, exceptions, dialogs."""
        self._stack = ExitStack()
        self._number = 0
        self._session = ""
        self._commands: BinaryIO
        self._answers: BinaryIO

    def __enter__(self) -> Self:
        """Start the browser.

        Raises:
            RuntimeError: there is none, or it ends.

        """
        program = find()
        if program is None:
            raise RuntimeError(MISSING)
        with ExitStack() as stack:
            profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            theirs_in, ours_out = os.pipe()
            ours_in, theirs_out = os.pipe()
            self._commands = stack.enter_context(os.fdopen(ours_out, "wb", buffering=0))
            self._answers = stack.enter_context(os.fdopen(ours_in, "rb"))
            # It reads commands from descriptor 3, and writes answers to 4.
            process = subprocess.Popen(
                [
                    "bash",
                    "-c",
                    f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}',
                    "bash",
                    program,
                    *_OPTIONS,
                    f"--user-data-dir={profile}",
                    "about:blank",
                ],
                pass_fds=(theirs_in, theirs_out),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            os.close(theirs_in)
            os.close(theirs_out)
            stack.callback(_end, process)
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                self.call(f"{domain}.enable")
            self.call("Page.setLifecycleEventsEnabled", enabled=True)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the browser, and remove its profile."""
        self._stack.close()

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the protocol; return its result.

        Raises:
            RuntimeError: the browser has ended, or refuses.

        """
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                result: dict[str, Any] = answer["result"]
                return result

    def _read(self) -> dict[str, Any]:
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("Chromium has ended")
            message += byte
        answer: dict[str, Any] = json.loads(message)
        return answer

    def open(self, path: Path) -> None:
        """Open a file, and return when it is loaded."""
        self.events.clear()
        # The page before may be reported to be loaded only now.
        loader = self.call("Page.navigate", url=path.as_uri())["loaderId"]
        while not any(map(partial(_is_loaded, loader), self.events)):
            self.events.append(self._read())

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value of an expression on the page.

        Raises:
            RuntimeError: it throws.

        """
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Return what went wrong on the page: what it logged, threw, or asked the user."""
        kinds = {
            "Log.entryAdded",
            "Page.javascriptDialogOpening",
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
        }
        return [json.dumps(event) for event in self.events if event.get("method") in kinds]

    def look(self, *, scheme: str = "light", width: int = 1280, media: str = "screen") -> None:
        """Show pages as a device would that has a colour scheme, a width and a medium."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )

    def screenshot(self, path: Path, *, width: int, height: int | None = None) -> None:
        """Write a PNG of the top of the page, or, without a height, of all of it."""
        if height is None:
            height = self.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        answer = self.call(
            "Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True
        )
        path.write_bytes(base64.b64decode(answer["data"]))


def _is_loaded(loader: str, event: dict[str, Any]) -> bool:
    """Tell whether an event says that what this loader loads is there, with all that it needs."""
    about = event.get("params", {})
    is_load = (event.get("method"), about.get("name")) == ("Page.lifecycleEvent", "load")
    return is_load and about["loaderId"] == loader


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

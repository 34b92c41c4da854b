"""data-mesher: its command, and the HTTP side of the daemon behind it."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from dm_dns.errors import Error, TransientError
from dm_dns.push.key_source import KeyFile

_FIRST_PAUSE: Final = 0.1  # seconds, as all below
_LONGEST_PAUSE: Final = 5.0
_ANSWER_SECONDS: Final = 5.0
_RUN_SECONDS: Final = 60.0

# What data-mesher may say of a refused signer: its exact words are not documented.
_NOT_ALLOWED: Final = re.compile(r"not (allowed|authori[sz]ed)|unauthori[sz]ed", re.IGNORECASE)


def pauses(seconds: float) -> Iterator[float]:
    """Yield the seconds to sleep after each failed try, growing, ``seconds`` in all.

    The last is 0: the try before it was the last one.
    """
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(2 * pause, _LONGEST_PAUSE)
    yield 0


def wait_until_answering(
    url: str, *, seconds: float, report: Callable[[str], None], host: str | None = None
) -> None:
    """Wait until data-mesher answers on ``url``, with whatever HTTP status.

    Its unit counts as started before its HTTP side is there. A try takes up to 5 s; the last may
    end 10 s after ``seconds``.

    Args:
        url: an HTTP URL on this machine.
        seconds: how long to wait.
        report: takes a line for each try that failed.
        host: the machine that ``url`` is forwarded to, as ssh takes it; None for this one.

    Raises:
        TransientError: nothing answered within ``seconds``.
        Error: ``url`` is not an HTTP URL.

    """
    import requests

    reason = ""
    with requests.Session() as session:
        session.trust_env = False  # a proxy cannot reach this machine's loopback
        for pause in pauses(seconds):
            try:
                session.get(
                    url, timeout=_ANSWER_SECONDS, allow_redirects=False, stream=True
                ).close()
            except ValueError as error:  # what requests raises for a URL it cannot use
                raise Error(f"{error}. Give an address such as http://localhost:7331.") from None
            except requests.RequestException as error:
                reason = _reason(error)
            else:
                return
            if pause:
                report(f"{url} does not answer ({reason}); retrying in {pause:.1f} s")
                time.sleep(pause)
    where = "See `systemctl status data-mesher`."
    if host is not None:
        where = (
            f"See `systemctl status data-mesher` on {host}, and check that its sshd has"
            " AllowTcpForwarding."
        )
    raise TransientError(f"{url} did not answer within {seconds:g} s ({reason}). {where}")


def _reason(error: BaseException) -> str:
    """Return the system's own message, without those of the HTTP library around it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def update(
    path: Path,
    *,
    name: str,
    key: KeyFile,
    network_id: Path,
    url: str,
) -> None:
    """Sign the file at ``path`` with ``key`` and hand it to the daemon on ``url`` as ``name``.

    Args:
        path: the content to send.
        name: the mesh file's name, such as ``dns/cnames``.
        key: the private key; only its file's path is passed on.
        network_id: the file with the network's public key.
        url: the daemon's HTTP address.

    Raises:
        TransientError: data-mesher failed; its own message is included.
        Error: it cannot be run, or says that the key may not sign.

    """
    arguments = ["update", str(path), "--url", url]
    arguments += ["--key", str(key.path), "--network-id", str(network_id), "--name", name]
    done = _run(arguments, key)
    if done.returncode != 0:
        raise _failure(done, f"did not take {path} as {name}", name, key, network_id)


def delete(name: str, *, key: KeyFile, network_id: Path, url: str) -> None:
    """Take the file ``name`` out of the mesh, with a deletion signed with ``key``.

    Args:
        name: as in `update`, as all others are.
        key: the private key.
        network_id: the file with the network's public key.
        url: the daemon's HTTP address.

    Raises:
        TransientError: data-mesher failed; its own message is included.
        Error: it cannot be run, or says that the key may not sign.

    """
    arguments = ["delete", name, "--url", url]
    done = _run([*arguments, "--key", str(key.path), "--network-id", str(network_id)], key)
    if done.returncode != 0:
        raise _failure(done, f"did not delete {name}", name, key, network_id)


def _run(arguments: list[str], key: KeyFile) -> subprocess.CompletedProcess[str]:
    """Run ``data-mesher file`` to its end."""
    try:
        return subprocess.run(
            ["data-mesher", "file", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_RUN_SECONDS,
            check=False,
            pass_fds=key.descriptors,
        )
    except OSError as error:
        raise Error(
            f"data-mesher cannot be run: {error.strerror}. Push from a machine of the clan's"
            " data-mesher service, or put the command on PATH."
        ) from None
    except subprocess.TimeoutExpired:
        raise TransientError(
            f"data-mesher did not finish within {_RUN_SECONDS:g} s."
            " See `journalctl -u data-mesher`."
        ) from None


def _failure(
    done: subprocess.CompletedProcess[str], what: str, name: str, key: KeyFile, network_id: Path
) -> Error:
    said = done.stderr.strip() or "it printed nothing"
    failed = f"data-mesher {what} (exit code {done.returncode}): {said}\n"
    if _NOT_ALLOWED.search(said):
        return Error(
            f"{failed}data-mesher does not list the key {key.label} among those that may sign"
            f" {name}: the key was generated anew, or its machine was deployed before there was a"
            " push machine. Deploy all machines with the same signing.pub, then push again."
        )
    return TransientError(
        f"{failed}Check that data-mesher's settings allow the key {key.label} to sign {name},"
        f" that {network_id} is this network's, and that the clocks are right (`timedatectl`): the"
        " signature must be later than that of the mesh's copy, and not in the future."
    )

"""HTTP requests, of the CLI to its daemon and of a daemon to its peers."""

import requests

from checks.fake_data_mesher.mesh_errors import UnreachableError

_TIMEOUT = (3, 30)  # seconds to connect, and between two bytes
_CHUNK = 2**16


def call(method: str, url: str, body: bytes | None = None, *, limit: int) -> tuple[int, bytes]:
    """Return status and body of the answer. Raises UnreachableError, also over `limit` bytes."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # neither a proxy nor ~/.netrc concerns the mesh
            with session.request(
                method, url, data=body, timeout=_TIMEOUT, stream=True, allow_redirects=False
            ) as response:
                answer = bytearray()
                for chunk in response.iter_content(_CHUNK):
                    answer += chunk
                    if len(answer) > limit:
                        raise UnreachableError(f"{url}: the answer is over {limit} bytes")
                return response.status_code, bytes(answer)
    except requests.ConnectionError:
        raise UnreachableError(f"{url}: cannot connect: is the daemon running?") from None
    except (requests.RequestException, UnicodeError) as e:
        raise UnreachableError(f"{url}: {e}") from None

"""A DNS server for the rest of the world: `python -m checks.world ADDRESS`.

It knows the name of checks/scenarios/foreign.py, and public names in domains of clans.
"""

import socketserver
import sys
import threading
from typing import TYPE_CHECKING, Final, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from checks.scenarios.foreign import ADDRESS, NAME

COMPARED: Final = "www.pin"
"""The public name in the domain of checks/compare."""
_KNOWN: Final = (NAME, COMPARED, "www.spell")

if TYPE_CHECKING:
    from socket import socket


def start(address: str) -> None:
    """Answer queries at an address, port 53, UDP, until this process ends."""
    threading.Thread(target=_server(address).serve_forever, daemon=True).start()


def _server(address: str) -> socketserver.ThreadingUDPServer:
    return socketserver.ThreadingUDPServer((address, 53), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        content, sender = cast("tuple[bytes, socket]", self.request)
        sender.sendto(_answer(content), self.client_address)


def _answer(content: bytes) -> bytes:
    query = dns.message.from_wire(content)
    response = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    if question.name.to_text(omit_final_dot=True).lower() not in _KNOWN:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", ADDRESS))
    return response.to_wire()


if __name__ == "__main__":
    _server(sys.argv[1]).serve_forever()

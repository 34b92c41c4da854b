"""A DNS server for the rest of the world: the one that the link of each node has."""

import socketserver
import threading
from typing import TYPE_CHECKING, Final, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from socket import socket

NAME: Final = "www.example.org"
ADDRESS: Final = "192.0.2.80"
"""What exists in the world. Every other name is NXDOMAIN."""


def start(address: str) -> None:
    """Answer queries at an address, port 53, UDP, until this process ends."""
    server = socketserver.ThreadingUDPServer((address, 53), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        content, sender = cast("tuple[bytes, socket]", self.request)
        sender.sendto(_answer(content), self.client_address)


def _answer(content: bytes) -> bytes:
    query = dns.message.from_wire(content)
    response = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    if question.name.to_text(omit_final_dot=True).lower() != NAME:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", ADDRESS))
    return response.to_wire()

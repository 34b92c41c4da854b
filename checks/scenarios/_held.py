"""Ask systemd-resolved for a name while it is stopped, so that it notices late what happened.

It runs on a machine: `python3 _held.py NAME COMMAND`. resolved gets several queries at once on
127.0.0.53 and answers them. Then it is stopped (SIGSTOP), gets as many again, the command runs, and
resolved goes on. The number of queries that it answers then with an address is printed.
"""

import socket
import struct
import subprocess
import sys

STUB = ("127.0.0.53", 53)
QUERIES = 5
"""resolved keeps that many connections to a hook."""
SECONDS = 4
A, IN = 1, 1


def query(name: str, number: int) -> bytes:
    """Return a DNS query."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    header = struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0)
    return header + labels + b"\0" + struct.pack(">HH", A, IN)


def ask(stub: socket.socket, name: str) -> None:
    """Send the queries."""
    for number in range(QUERIES):
        stub.send(query(name, number))


def found(stub: socket.socket) -> int:
    """Return how many of the queries are answered with an address, in time."""
    number = 0
    for _ in range(QUERIES):
        try:
            answer = stub.recv(4096)
        except TimeoutError:
            break
        number += answer[3] & 15 == 0 and answer[7] > 0
    return number


def main() -> None:
    """Ask, and print the result."""
    name, command = sys.argv[1:]
    signal = ["systemctl", "kill", "systemd-resolved"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stub:
        stub.settimeout(SECONDS)
        stub.connect(STUB)
        ask(stub, name)
        if found(stub) != QUERIES:
            sys.exit("resolved does not answer")
        subprocess.run([*signal, "--signal=STOP"], check=True)
        try:
            ask(stub, name)
            subprocess.run(["/bin/sh", "-c", command], check=True)
        finally:
            subprocess.run([*signal, "--signal=CONT"], check=True)
        print(found(stub))


if __name__ == "__main__":
    main()

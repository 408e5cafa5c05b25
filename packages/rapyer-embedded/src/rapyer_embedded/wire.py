"""The small part of Redis's protocol that is needed without a client: a command, and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["ask"]

_END = b"\r\n"


def ask(connection: socket.socket, *words: str) -> str:
    """Send a command whose reply is one text.

    Returns:
        The text of a bulk string; any other reply as it stands in the protocol, such as `+OK`.

    Raises:
        ConnectionResetError: The server closed the connection.
    """
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    connection.sendall(b"".join(parts))
    reply = bytearray()
    _read_until(connection, reply, lambda: _END in reply)
    head, _, rest = bytes(reply).partition(_END)
    if not head.startswith(b"$") or head == b"$-1":
        return head.decode(errors="replace")
    size = int(head[1:]) + len(_END)
    body = bytearray(rest)
    _read_until(connection, body, lambda: len(body) >= size)
    return body.decode(errors="replace").removesuffix("\r\n")


def _read_until(connection: socket.socket, read: bytearray, is_enough: Callable[[], bool]) -> None:
    while not is_enough():
        chunk = connection.recv(4096)
        if not chunk:
            raise ConnectionResetError("the server closed the connection")
        read += chunk

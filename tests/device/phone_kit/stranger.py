"""A device that has not accepted this computer's key: it answers every message with a challenge.

Debian's adbd asks for no key, so the few messages of adb's protocol that come before one is
accepted are spoken here (AOSP, packages/modules/adb/protocol.txt): a header of six little-endian
words (command, two arguments, length and sum of the data, inverted command), then the data. adb
signs the challenge with its keys, is challenged again, offers its public key, and waits.
"""

from __future__ import annotations

import secrets
import socket
import struct
import threading

from phone_kit.phone import listen

HEADER = struct.Struct("<6I")
AUTH = int.from_bytes(b"AUTH", "little")
TOKEN, PUBLIC_KEY = 1, 3


class Stranger:
    """Listens on loopback as ``serial``; ``offered`` is set once adb has offered its public key."""

    def __init__(self) -> None:
        self._listener = listen()
        self.serial = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.offered = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """No longer there."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._challenge, args=(connection,), daemon=True).start()

    def _challenge(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as received:
            while len(header := received.read(HEADER.size)) == HEADER.size:
                command, kind, _, length, _, _ = HEADER.unpack(header)
                received.read(length)
                if command == AUTH and kind == PUBLIC_KEY:
                    self.offered.set()  # the user looks at the screen, and does nothing
                    continue
                token = secrets.token_bytes(20)
                connection.sendall(
                    HEADER.pack(AUTH, TOKEN, 0, len(token), sum(token), AUTH ^ 0xFFFFFFFF) + token
                )

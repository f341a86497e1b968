"""The cable between the adb server and a test device: a TCP proxy that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class Cable:
    """Forwards ``port`` on loopback to ``target``, also on loopback.

    While cut, it drops its connections and refuses new ones, as a pulled cable does.
    """

    def __init__(self, target: int, listener: socket.socket) -> None:
        self.target = target
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._open: set[socket.socket] = set()
        self._up = True
        self._lock = threading.Lock()
        self._hold_after: int | None = None
        self._held = threading.Event()
        self._let_go = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Drop every connection and refuse new ones."""
        with self._lock:
            self._up = False
            self._hold_after = None
            ends, self._open = self._open, set()
        self._let_go.set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def hold_after(self, count: int) -> threading.Event:
        """Once ``count`` more bytes have gone to the device, let nothing through until cut.

        The event tells that this has happened.
        """
        with self._lock:
            self._hold_after = count
            self._held.clear()
        return self._held

    def restore(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._up = True

    @property
    def is_up(self) -> bool:
        """Whether connections get through."""
        return self._up

    def close(self) -> None:
        """Cut for good."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                if not self._up:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open.update((near, far))
            for ends in ((near, far, self._hold), (far, near)):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _hold(self, sent: int) -> None:
        with self._lock:
            if self._hold_after is None:
                return
            self._hold_after -= sent
            if self._hold_after > 0:
                return
            self._let_go.clear()
        self._held.set()
        self._let_go.wait()

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        passed: Callable[[int], None] | None = None,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
                if passed is not None:
                    passed(len(data))
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._open -= {source, sink}

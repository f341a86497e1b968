"""A test device: a real adbd in namespaces of its own, with simulated Android services."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

from phone_kit.cable import Cable

USER = 2000  # Android's shell
UNSHARE = ("unshare", "--mount", "--propagation", "private")


class Phone:
    """One device on one cable; ``serial`` is its adb serial once connected.

    Attributes:
        root: Its file system as seen from here, mounts included.
        cable: Cut and restore it.
        app_data: Where apps have their external files folders.
        emulated: Whether its processes run under qemu.
    """

    def __init__(self, root: Path, listener: socket.socket, data_size: str = "64m") -> None:
        self.emulated = root.name.startswith("arm64")
        self._port = free_port()
        self.cable = Cable(self._port, listener)
        self.serial = f"127.0.0.1:{self.cable.port}"
        script = Path(__file__).with_name("host.sh")
        self._host = subprocess.Popen(
            [*UNSHARE, "sh", "-u", str(script), str(root), str(USER), data_size],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests, which switch it off in order
        )
        self._expect("ready")
        self.root = Path(f"/proc/{self._host.pid}/root{root}")
        self.temporary = self.root / "data" / "local" / "tmp"
        self.app_data = self.root / "data" / "media" / "0" / "Android" / "data"

    def switch_on(self) -> None:
        """Boot, and wait until adbd listens."""
        self._order(f"on {self._port}")
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._host.poll() is not None:
                    raise RuntimeError("the test device's adbd does not listen") from None
                time.sleep(0.05)

    def switch_off(self) -> None:
        """End everything that runs on it at once; its files stay."""
        self._order("off")

    def reboot(self) -> None:
        """Off and on again."""
        self.switch_off()
        self.switch_on()

    def close(self) -> None:
        """Off for good; its files are gone."""
        self.cable.close()
        assert self._host.stdin is not None
        self._host.stdin.close()
        try:
            self._host.wait(10)
        except subprocess.TimeoutExpired:
            self._host.terminate()
            self._host.wait(10)

    def simulate(self, name: str, text: str | None) -> None:
        """What a stub answers from now on, see ``stubs/``; ``None``: the service is missing."""
        path = self.root / "data" / "simulated" / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text)

    def simulated(self, name: str) -> str:
        """What a stub noted down; empty if nothing."""
        path = self.root / "data" / "simulated" / name
        return path.read_text() if path.exists() else ""

    def set_sys(self, files: dict[str, str]) -> None:
        """Files below its ``/sys``, which is empty otherwise: ``{"devices/...": text}``."""
        for name, text in files.items():
            path = self.root / "sys" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def processes(self) -> dict[int, str]:
        """Command lines by process number (of this machine), without adbd and the ended."""
        children = f"/proc/{self._host.pid}/task/{self._host.pid}/children"
        starters = Path(children).read_text().split()
        if not starters:
            return {}
        adbd = Path(f"/proc/{starters[0]}/task/{starters[0]}/children").read_text().split()
        device = Path(f"/proc/{adbd[0]}/ns/pid").readlink()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "ns" / "pid").readlink() != device or folder.name in adbd:
                    continue
                if (folder / "stat").read_text().rpartition(") ")[2][0] in "ZX":
                    continue
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended meanwhile
                continue
            found[int(folder.name)] = line
        return found

    def wipe(self) -> None:
        """Remove what tests left, and all answers of the stubs."""
        simulated, sys = self.root / "data" / "simulated", self.root / "sys"
        for folder in (self.temporary, self.app_data, simulated, sys):
            for each in folder.iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()

    def _order(self, command: str) -> None:
        assert self._host.stdin is not None
        self._host.stdin.write(command + "\n")
        self._host.stdin.flush()
        self._expect(command.split()[0])

    def _expect(self, answer: str) -> None:
        assert self._host.stdout is not None
        got = self._host.stdout.readline().strip()
        if got != answer:
            raise RuntimeError(f"the test device said '{got}', not '{answer}'")


def free_port() -> int:
    """A free port on loopback, outside 5555-5585, which adb servers scan by themselves."""
    listener = listen()
    with listener:
        return int(listener.getsockname()[1])


def listen() -> socket.socket:
    """A socket that listens on a free port as above."""
    while True:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        if not 5555 <= listener.getsockname()[1] <= 5585:
            listener.listen()
            return listener
        listener.close()

"""A phone that is ours for as long as it is measured, through reboots too."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

from cdfi_runtime.files import sha256_file

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import AdbError
from cdfi_bench.adb.link import boot_id, reconnect
from cdfi_bench.adb.transfer import Upload, push_all
from cdfi_bench.adb.workspace import Workspace, workspace
from cdfi_bench.devices import DeviceOptions


class Claim:
    """A workspace on the phone, and what lies in it already.

    Args:
        adb: The phone.
        options: Patience with its link.
    """

    def __init__(self, adb: Adb, options: DeviceOptions) -> None:
        self.adb = adb
        self.options = options
        self._held = ExitStack()
        self._workspace: Workspace | None = None
        self._pushed: dict[str, str] = {}

    @property
    def workspace(self) -> Workspace:
        """Ours, after :meth:`take`."""
        assert self._workspace is not None
        return self._workspace

    def take(self) -> None:
        """Claim the phone.

        Raises:
            DeviceBusyError: another bench has it.
            AdbError: it does not answer, or lets nobody write.
        """
        # The device gives up later than we do, so that a link that returns finds its run.
        limit = self.options.reconnect_s + 60
        self._workspace = self._held.enter_context(
            workspace(self.adb, alive_limit=limit, return_limit=self.options.reconnect_s)
        )

    def renew(self) -> None:
        """Claim it again if it rebooted, or gave us up, since.

        Raises:
            LinkLostError: it does not come back in time.
            DeviceBusyError: another bench has it by now.
        """
        reconnect(self.adb, self.options.reconnect_s)
        known = self.workspace
        there = self.adb.shell(f"[ -d {known.folder} ]").code == 0
        if there and boot_id(self.adb) == known.boot:
            return
        self.release()
        self.take()

    def release(self) -> None:
        """Remove all of ours from the phone."""
        self._pushed.clear()
        self._workspace = None
        self._held.close()

    def push(self, files: dict[str, Path], *, executable: frozenset[str] = frozenset()) -> None:
        """Bring files to names in the workspace; what lies there unchanged is not sent again.

        Raises:
            DeviceFullError: there is no room.
            AdbError: the link, or what arrived.
        """
        digests = {name: sha256_file(path) for name, path in files.items()}
        missing = [name for name in files if self._pushed.get(name) != digests[name]]
        push_all(
            self.adb,
            [
                Upload(files[name], self.workspace.path(name), name in executable)
                for name in missing
            ],
            return_limit=self.options.reconnect_s,
        )
        self._pushed |= {name: digests[name] for name in missing}

    def remove(self, name: str) -> None:
        """Remove a file or folder from the workspace; a device that is gone cleans up itself."""
        for known in [each for each in self._pushed if f"{each}/".startswith(f"{name}/")]:
            del self._pushed[known]
        with suppress(AdbError):
            self.adb.shell(f"rm -rf {self.workspace.path(name)}")

"""The adb program behind one small class.

``adb shell`` exits with 0 when the device vanishes in the middle, so a call counts only if its
last line, a random word with the exit code, came back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass, replace

from cdfi_bench.adb.errors import AdbServerError, DeviceCommandError, LinkLostError, NoAdbError

PROGRAM_VARIABLE = "ADB"
NO_SERVER = ("cannot connect to daemon", "failed to start daemon", "daemon still not running")


@dataclass(frozen=True)
class Reply:
    """What a command ended with: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both outputs, for messages."""
        return "\n".join(each for each in (self.out.strip(), self.err.strip()) if each)


@dataclass(frozen=True)
class Adb:
    """Calls to one device, or to adb itself while ``serial`` is ``None``.

    The server's port follows ``ANDROID_ADB_SERVER_PORT``, as adb's own does.

    Args:
        serial: The device.
        program: adb's path; ``$ADB``, else the one in ``PATH``, if not given.
        time_limit: Seconds that a call may take unless it says otherwise.
    """

    serial: str | None = None
    program: str | None = None
    time_limit: float = 30.0

    def of(self, serial: str) -> Adb:
        """The same for the device ``serial``."""
        return replace(self, serial=serial)

    def call(self, *arguments: str, time_limit: float | None = None) -> Reply:
        """Run ``adb [-s SERIAL] arguments``; its exit code says little, see above.

        Raises:
            NoAdbError: there is no such program.
            AdbServerError: its server does not start, or does not answer in time.
            LinkLostError: the device does not answer in time.
        """
        limit = self.time_limit if time_limit is None else time_limit
        to = [] if self.serial is None else ["-s", self.serial]
        try:
            done = subprocess.run(
                [self.path(), *to, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit,
                # A Ctrl-C is for us, who tidy the device up through adb.
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as error:
            raise self._no_answer(arguments[0], limit) from error
        except OSError as error:
            raise _no_adb(self.path(), str(error.strerror or error)) from error
        reply = Reply(done.returncode, _text(done.stdout), _text(done.stderr))
        if any(each in reply.err for each in NO_SERVER):
            raise AdbServerError(
                "adb's server does not start",
                expected="a server on the port adb uses",
                got=reply.err.strip(),
                fix="run 'adb kill-server' and 'adb start-server', and read what they say; "
                "ANDROID_ADB_SERVER_PORT chooses another port",
            )
        return reply

    def shell(self, command: str, time_limit: float | None = None) -> Reply:
        """Run ``command`` in the device's shell, whatever its exit code.

        ``command`` is a line or a script of POSIX sh; quote names with ``shlex.quote``.

        Raises:
            LinkLostError: the answer is not whole.
        """
        word = uuid.uuid4().hex
        # The line break ends a comment or a here-document that ``command`` may end with.
        reply = self.call("shell", f"(\n{command}\n)\necho {word}:$?", time_limit=time_limit)
        out, found, code = reply.out.rpartition(f"{word}:")
        if not found or not code.endswith("\n"):
            raise LinkLostError(
                f"the link to the device {self.serial} was lost",
                expected="a whole answer from its shell",
                got=reply.err.strip() or "an answer cut short",
                fix="check the cable and that the device is on: adb devices -l",
            )
        return Reply(int(code), out, reply.err)

    def check(self, command: str, time_limit: float | None = None) -> str:
        """The standard output of ``command`` in the device's shell.

        Raises:
            DeviceCommandError: its exit code is not 0.
            LinkLostError: the answer is not whole.
        """
        reply = self.shell(command, time_limit)
        if reply.code:
            raise DeviceCommandError(command, reply.code, reply.text)
        return reply.out

    def path(self) -> str:
        """The program's path.

        Raises:
            NoAdbError: there is none.
        """
        wanted = self.program or os.environ.get(PROGRAM_VARIABLE) or "adb"
        found = shutil.which(wanted)
        if found is None:
            raise _no_adb(wanted, "it is not there, or may not be run")
        return found

    def _no_answer(self, what: str, limit: float) -> AdbServerError | LinkLostError:
        if self.serial is None:
            return AdbServerError(
                f"'adb {what}' gave no answer within {limit:g} s",
                fix="run 'adb kill-server', then 'adb devices'",
            )
        return LinkLostError(
            f"the device {self.serial} gave no answer to 'adb {what}' within {limit:g} s",
            fix="check the cable and that the device is on: adb devices -l",
        )


def _text(data: bytes) -> str:
    # Devices older than Android 7 send line ends as terminals do.
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _no_adb(wanted: str, why: str) -> NoAdbError:
    return NoAdbError(
        "no adb program",
        expected=f"adb in PATH, or its path in ${PROGRAM_VARIABLE}",
        got=f"{wanted}: {why}",
        fix="install Android's platform tools (Debian and Ubuntu: apt install adb)",
    )

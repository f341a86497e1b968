"""What can go wrong between this machine and a device."""

from __future__ import annotations

from cdfi_runtime.errors import CdfiError, OutputError


class AdbError(CdfiError):
    """Base of every error of adb or of a device."""


class NoAdbError(AdbError):
    """There is no adb program."""


class AdbServerError(AdbError):
    """adb's own server does not start or answer."""


class DeviceChoiceError(AdbError):
    """No device can be used, or it is unclear which."""


class LinkLostError(AdbError):
    """The device vanished in the middle of a call; what the call did there is unknown."""


class DeviceBusyError(AdbError):
    """Another bench uses the device."""


class DeviceCommandError(AdbError):
    """A command on the device failed.

    Args:
        command: What ran there.
        code: Its exit code.
        text: What it printed.
    """

    def __init__(self, command: str, code: int, text: str) -> None:
        self.command = command
        self.code = code
        self.text = text
        super().__init__(
            f"a command on the device failed: {command}",
            expected="exit code 0",
            got=f"exit code {code}: {text.strip() or 'no output'}",
        )


class TransferError(AdbError):
    """A file did not arrive as it was sent."""


class DeviceFullError(OutputError):
    """The device has no room for a file."""


class JobLostError(AdbError):
    """A job on the device ended without a result: killed, abandoned, or the device rebooted."""


class JobStoppedError(AdbError):
    """A job was stopped because its user wanted so."""

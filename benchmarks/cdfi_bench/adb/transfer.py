"""Files to a device and back: temporary names, checked by SHA-256, renamed when whole."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cdfi_runtime.errors import OutputError
from cdfi_runtime.files import atomic_path, require_file, sha256_file

from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import DeviceFullError, LinkLostError, TransferError
from cdfi_bench.adb.link import reconnect

ATTEMPTS = 4
BASE_SECONDS = 30.0
SLOWEST_BYTES_PER_SECOND = 500_000  # a bad USB hub; below it a transfer counts as stuck
NO_SPACE = "No space left on device"

Progress = Callable[[int, int], None]  # bytes that arrived, bytes in all


@dataclass(frozen=True)
class Upload:
    """One file to push: where from, where to, and whether it is a program."""

    local: Path
    remote: str
    executable: bool = False


def push_all(
    adb: Adb,
    uploads: Iterable[Upload],
    *,
    progress: Progress | None = None,
    return_limit: float = 60.0,
) -> None:
    """Push files one after another; folders on the device are made as needed.

    ``progress`` is called after each file with the bytes so far and in all. Errors as ``push``.
    """
    uploads = list(uploads)
    sizes = [require_file(each.local, "a file to push").stat().st_size for each in uploads]
    done = 0
    for each, size in zip(uploads, sizes, strict=True):
        push(adb, each.local, each.remote, executable=each.executable, return_limit=return_limit)
        done += size
        if progress is not None:
            progress(done, sum(sizes))


def push(
    adb: Adb,
    local: Path,
    remote: str,
    *,
    executable: bool = False,
    return_limit: float = 60.0,
) -> None:
    """Push ``local`` to the path ``remote``, which never holds a part of it.

    A cut transfer starts again once the device is back, ``ATTEMPTS`` times in all.

    Raises:
        InputError: ``local`` is no readable file with content.
        DeviceFullError: the device has no room for it.
        TransferError: it arrived changed, or adb refused.
        LinkLostError: the device did not come back within ``return_limit`` seconds, or was lost
            at every attempt.
    """
    require_file(local, "the file to push")
    digest = sha256_file(local)
    temporary = f"{remote}.{uuid.uuid4().hex[:8]}.part"
    quoted, target = shlex.quote(temporary), shlex.quote(remote)
    folder = shlex.quote(remote.rpartition("/")[0] or "/")
    # Some shared storage keeps modes of its own and refuses; a program without its mode is useless.
    mode = f"chmod 755 {quoted}" if executable else f"{{ chmod 644 {quoted} 2>/dev/null; true; }}"
    for left in reversed(range(ATTEMPTS)):
        try:
            free_before = _free(adb, f"mkdir -p {folder}", folder)
            try:
                _send(adb, local, digest, temporary, free_before)
                adb.check(f"{mode} && mv -f {quoted} {target}")
                return
            except BaseException:
                with suppress(LinkLostError):
                    adb.shell(f"rm -f {quoted}", 10)
                raise
        except LinkLostError:
            reconnect(adb, return_limit)
            adb.shell(f"rm -f {quoted}", 10)
            if not left:
                raise


def pull(adb: Adb, remote: str, local: Path, *, return_limit: float = 60.0) -> None:
    """Pull the file ``remote`` to the path ``local``, which never holds a part of it.

    Raises:
        TransferError: there is no such file, or it arrived changed.
        OutputError: ``local`` cannot be written.
        LinkLostError: as for ``push``.
    """
    quoted = shlex.quote(remote)
    for left in reversed(range(ATTEMPTS)):
        try:
            reply = adb.shell(f"stat -c %s {quoted} && sha256sum < {quoted}", _limit(2**28))
            if reply.code:
                raise TransferError(
                    f"no readable file {remote} on the device {adb.serial}", got=reply.text
                )
            size, digest = reply.out.split()[:2]
            with atomic_path(local) as temporary:
                sent = adb.call("pull", remote, str(temporary), time_limit=_limit(int(size)))
                if not temporary.is_file() or sha256_file(temporary) != digest:
                    adb.check("true")  # a lost link is told apart from a full disk here
                    if NO_SPACE in sent.text:
                        raise OutputError(
                            f"no room for {local.name}",
                            expected=f"{size} free bytes",
                            got=sent.text,
                            fix="free some space or choose another folder",
                        )
                    raise TransferError(
                        f"{remote} arrived changed from the device {adb.serial}",
                        expected=f"SHA-256 {digest}",
                        got=sent.text or "other content",
                        fix="try another cable or port",
                    )
            return
        except LinkLostError:
            if not left:
                raise
            reconnect(adb, return_limit)


def _send(adb: Adb, local: Path, digest: str, temporary: str, free_before: int | None) -> None:
    size = local.stat().st_size
    quoted = shlex.quote(temporary)
    sent = adb.call("push", str(local), temporary, time_limit=_limit(size))
    # adb may say 0 although the link was cut, and other than 0 for a warning: look there.
    look = f"stat -c %s {quoted} && sha256sum < {quoted}"
    arrived = adb.shell(look, _limit(size)).out.split()
    if arrived[:2] == [str(size), digest]:
        return
    if arrived[:1] == [str(size)]:
        raise TransferError(
            f"{local.name} arrived changed on the device {adb.serial}",
            expected=f"SHA-256 {digest}",
            got=" ".join(arrived[1:2]) or "no SHA-256",
            fix="try another cable or port",
        )
    if NO_SPACE in sent.text or (free_before is not None and free_before < size):
        folder = temporary.rpartition("/")[0]
        adb.shell(f"rm -f {quoted}")
        free_after = _free(adb, "true", shlex.quote(folder))
        raise DeviceFullError(
            f"no room for {local.name} on the device {adb.serial}",
            expected=f"{_megabytes(size)} free in {folder}",
            got=f"{_megabytes(free_before)} free before, {_megabytes(free_after)} after",
            fix="remove something from the device",
        )
    raise TransferError(
        f"{local.name} could not be pushed to the device {adb.serial}",
        expected=f"{size} bytes at {temporary}",
        got=sent.text or f"{' '.join(arrived[:1]) or 'no'} bytes",
    )


def _free(adb: Adb, before: str, folder: str) -> int | None:
    """Free bytes where ``folder`` lies, or ``None`` where ``df`` does not say."""
    out = adb.check(f"{before} && df -k {folder}")
    words = out.splitlines()[-1].split() if out.strip() else []
    # Device, size, used, available, use%, mount: a long device name wraps to a line of its own.
    numbers = [each for each in words if each.isdigit()]
    return int(numbers[2]) * 1024 if len(numbers) >= 3 else None


def _limit(size: int) -> float:
    return BASE_SECONDS + size / SLOWEST_BYTES_PER_SECOND


def _megabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:.1f} MB"

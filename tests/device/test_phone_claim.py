"""A claimed phone stays claimed: through a reboot, and after it gave us up."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.link import boot_id
from cdfi_bench.devices import DeviceOptions
from cdfi_bench.phone.claim import Claim

Phone = Any


@pytest.fixture
def claim(phone: Phone) -> Iterator[Claim]:
    held = Claim(Adb(phone.serial), DeviceOptions(reconnect_s=20))
    held.take()
    try:
        yield held
    finally:
        held.release()


def guarded(phone: Phone) -> bool:
    return any("guard.sh" in line for line in phone.processes().values())


def test_nothing_is_claimed_twice_without_need(claim: Claim, phone: Phone) -> None:
    before = claim.workspace
    claim.renew()
    assert claim.workspace is before and guarded(phone)


def test_a_reboot_ends_the_claim_and_it_is_renewed(
    claim: Claim, phone: Phone, tmp_path: Path
) -> None:
    """The guard died with the device, and what was pushed goes with the old folder."""
    file = tmp_path / "file"
    file.write_text("content")
    claim.push({"a/file": file})
    before = claim.workspace
    phone.reboot()
    assert not guarded(phone)
    claim.renew()
    assert claim.workspace.folder != before.folder
    assert claim.workspace.boot == boot_id(claim.adb) != before.boot
    assert guarded(phone)
    assert claim.adb.shell(f"[ -e {before.folder} ]").code == 1
    claim.push({"a/file": file})
    assert claim.adb.check(f"cat {claim.workspace.path('a/file')}") == "content"


def test_a_phone_that_gave_us_up_is_claimed_again(claim: Claim, phone: Phone) -> None:
    before = claim.workspace
    for folder in (phone.temporary / "cdfi-bench").iterdir():
        shutil.rmtree(folder)
    deadline = time.monotonic() + 30
    while guarded(phone) and time.monotonic() < deadline:
        time.sleep(0.1)  # the guard ends once it sees that there is nothing left to guard
    claim.renew()
    assert claim.workspace.folder != before.folder
    assert claim.adb.shell(f"[ -d {claim.workspace.folder} ]").code == 0


def test_files_are_sent_once_and_again_after_they_changed(
    claim: Claim, phone: Phone, tmp_path: Path
) -> None:
    file = tmp_path / "it's a file"
    file.write_text("one")
    claim.push({"program": file}, executable=frozenset({"program"}))
    (there,) = phone.temporary.glob("cdfi-bench/*/program")
    assert there.stat().st_mode & 0o777 == 0o755
    inode = there.stat().st_ino
    claim.push({"program": file})
    assert there.stat().st_ino == inode, "unchanged: not sent again"
    file.write_text("two")
    claim.push({"program": file})
    assert there.read_text() == "two"
    claim.remove("program")
    assert not there.exists()
    claim.push({"program": file})
    assert there.read_text() == "two"

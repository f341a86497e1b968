"""Files to the device and back: whole or not there."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import DeviceFullError, LinkLostError, TransferError
from cdfi_bench.adb.transfer import Upload, pull, push, push_all
from cdfi_bench.adb.workspace import Workspace, workspace
from phone_kit.phone import Phone

MIB = 1 << 20


@pytest.fixture
def space(adb: Adb) -> Workspace:
    with workspace(adb) as made:
        yield made


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big file"
    path.write_bytes(os.urandom(12 * MIB))
    return path


def on_device(phone: Phone, space: Workspace) -> Path:
    return phone.root / space.folder.lstrip("/")


def test_files_with_odd_names_arrive_and_return(
    space: Workspace, phone: Phone, tmp_path: Path
) -> None:
    names = ["plain", "with space", 'it\'s "quoted" $HOME', "größe"]
    uploads = []
    for name in names:
        (tmp_path / name).write_bytes(os.urandom(1000) + name.encode())
        uploads.append(Upload(tmp_path / name, space.path(f"in/{name}"), name == "plain"))
    seen: list[tuple[int, int]] = []
    push_all(space.adb, uploads, progress=lambda done, total: seen.append((done, total)))

    total = sum((tmp_path / name).stat().st_size for name in names)
    assert len(seen) == len(names) and seen[-1] == (total, total) and seen == sorted(seen)
    there = on_device(phone, space) / "in"
    assert sorted(each.name for each in there.iterdir()) == sorted(names)
    for name in names:
        assert (there / name).read_bytes() == (tmp_path / name).read_bytes()
        assert os.access(there / name, os.X_OK) == (name == "plain")
        pull(space.adb, space.path(f"in/{name}"), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == (tmp_path / name).read_bytes()


def test_a_push_cut_half_way_starts_again(space: Workspace, phone: Phone, big: Path) -> None:
    """Until it is whole the name does not exist; the part is removed."""
    held = phone.cable.hold_after(4 * MIB)
    seen: list[str] = []

    def pull_the_plug() -> None:
        held.wait(20)
        deadline = time.monotonic() + 5
        while not seen and time.monotonic() < deadline:
            seen[:] = [each.name for each in on_device(phone, space).glob("library*")]
        phone.cable.cut()
        phone.cable.restore()

    helper = threading.Thread(target=pull_the_plug)
    helper.start()
    push(space.adb, big, space.path("library.so"), return_limit=20)
    helper.join()
    assert len(seen) == 1 and seen[0].startswith("library.so.") and seen[0].endswith(".part")
    there = [each for each in on_device(phone, space).iterdir() if "library" in each.name]
    assert [each.name for each in there] == ["library.so"]
    digest = hashlib.sha256(big.read_bytes()).digest()
    assert hashlib.sha256(there[0].read_bytes()).digest() == digest


def test_a_push_to_a_device_that_stays_away_ends(adb: Adb, phone: Phone, big: Path) -> None:
    with (
        pytest.warns(UserWarning, match="its guard"),
        pytest.raises(LinkLostError, match="did not come back within 1 s"),
        workspace(adb, return_limit=1, alive_limit=2) as space,
    ):
        held = phone.cable.hold_after(4 * MIB)
        threading.Thread(target=lambda: held.wait(20) and phone.cable.cut()).start()
        push(adb, big, space.path("library.so"), return_limit=1)
    wait_until_bare(phone)


def test_a_full_device_says_how_much_is_free(other_phone: Phone, big: Path, tmp_path: Path) -> None:
    with workspace(Adb(other_phone.serial)) as space:
        with pytest.raises(DeviceFullError, match=r"no room for big file") as caught:
            push(space.adb, big, space.path("big"))
        text = str(caught.value)
        assert "expected: 12.6 MB free" in text and "MB free before, 8." in text, text
        folder = on_device(other_phone, space)
        assert not [each for each in folder.iterdir() if each.name.startswith("big")]
        small = tmp_path / "small"
        small.write_bytes(b"x" * 1000)
        push(space.adb, small, space.path("small"))


def test_a_file_changed_on_the_way_is_refused(
    space: Workspace, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 5000)
    real = Adb.call

    def flipping(self: Adb, *arguments: str, time_limit: float | None = None) -> object:
        reply = real(self, *arguments, time_limit=time_limit)
        if arguments[0] == "push":
            part = phone.root / arguments[2].lstrip("/")
            part.write_bytes(b"y" + part.read_bytes()[1:])
        return reply

    monkeypatch.setattr(Adb, "call", flipping)
    with pytest.raises(TransferError, match="arrived changed"):
        push(space.adb, tmp_path / "file", space.path("file"))
    assert not [each for each in on_device(phone, space).iterdir() if "file" in each.name]


def test_a_missing_file_cannot_be_pulled(space: Workspace, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="no readable file"):
        pull(space.adb, space.path("nothing"), tmp_path / "nothing")
    assert not list(tmp_path.iterdir())


def test_a_push_into_a_forbidden_folder_says_so(space: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(TransferError, match="could not be pushed") as caught:
        push(space.adb, tmp_path / "file", "/system/file")
    assert "ermission denied" in str(caught.value)


def wait_until_bare(phone: Phone) -> None:
    """Until the guard has tidied up."""
    deadline = time.monotonic() + 10
    while (phone.processes() or list(phone.temporary.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.1)

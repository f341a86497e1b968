"""Choosing a device: the usual ways in which that goes wrong, each with its fix."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import AdbServerError, DeviceChoiceError, NoAdbError
from cdfi_bench.adb.selection import DeviceEntry, choose_device, list_devices
from phone_kit.phone import Phone, free_port

FakeAdb = Callable[[str], None]


@pytest.fixture
def fake_adb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAdb:
    """An adb in PATH that prints the lines of a real one: ``fake_adb(shell_script)``."""

    def write(script: str) -> None:
        program = tmp_path / "adb"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    monkeypatch.delenv("ADB", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return write


def listing(*lines: str) -> str:
    body = "\n".join(("List of devices attached", *lines, ""))
    return f"cat <<'END'\n{body}\nEND\n"


def test_no_adb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ADB", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoAdbError, match="no adb program") as caught:
        choose_device()
    assert "fix: install Android's platform tools" in str(caught.value)


def test_an_adb_of_the_users_choice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, adb_server: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ADB", adb_server)
    assert Adb().path() == adb_server
    monkeypatch.setenv("ADB", "/nowhere/adb")
    assert Adb(program=adb_server).path() == adb_server
    with pytest.raises(NoAdbError, match="/nowhere/adb"):
        list_devices()


def test_a_program_that_cannot_be_started(fake_adb: FakeAdb, tmp_path: Path) -> None:
    fake_adb("")
    (tmp_path / "adb").write_bytes(b"\x7fELF for another machine")
    with pytest.raises(NoAdbError, match="Exec format error"):
        list_devices()


def test_the_server_does_not_start(
    adb_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A real adb whose server cannot write its log."""
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(free_port()))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with pytest.raises(AdbServerError, match="does not start") as caught:
        list_devices(Adb(program=adb_server))
    assert "ANDROID_ADB_SERVER_PORT" in str(caught.value)


def test_the_server_hangs(fake_adb: FakeAdb) -> None:
    fake_adb("exec sleep 20")
    with pytest.raises(AdbServerError, match=r"no answer within 0\.3 s"):
        list_devices(Adb(time_limit=0.3))


def test_no_device(adb_server: str) -> None:
    assert Adb(program=adb_server).call("devices").code == 0
    with pytest.raises(DeviceChoiceError, match="no device") as caught:
        choose_device()
    assert "USB debugging" in str(caught.value)


def test_the_only_device_is_chosen(phone: Phone) -> None:
    adb = choose_device()
    assert adb.serial == phone.serial
    assert adb.shell("exit 3").code == 3
    [entry] = list_devices()
    assert (entry.state, entry.facts["model"]) == ("device", "simulated")


def test_of_several_one_must_be_named(
    phone: Phone, other_phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeviceChoiceError, match="several devices") as caught:
        choose_device()
    text = str(caught.value)
    assert phone.serial in text and other_phone.serial in text
    assert "--device adb:127.0.0.1:" in text
    for each in (phone, other_phone):
        adb = choose_device(each.serial)
        adb.check("echo x > /data/local/tmp/mine")
        assert (each.temporary / "mine").exists()
        adb.check("rm /data/local/tmp/mine")
        monkeypatch.setenv("ANDROID_SERIAL", each.serial)
        assert choose_device().serial == each.serial


def test_an_address_is_connected_to(phone: Phone) -> None:
    Adb().call("disconnect", phone.serial)
    assert choose_device(phone.serial).shell("true").code == 0


def test_an_address_where_nothing_listens(adb_server: str) -> None:
    """adb's own 'connect' ends with 0 there."""
    serial = f"127.0.0.1:{free_port()}"
    with pytest.raises(DeviceChoiceError, match="adb knows no device") as caught:
        choose_device(serial, Adb(program=adb_server))
    assert "onnect" in str(caught.value)


def test_an_unknown_serial_lists_the_known(phone: Phone) -> None:
    with pytest.raises(DeviceChoiceError, match="adb knows no device 'R5CT'") as caught:
        choose_device("R5CT")
    assert f"expected: one of {phone.serial} (simulated)" in str(caught.value)


def test_a_device_whose_cable_was_pulled(phone: Phone) -> None:
    """adb lists it as offline, and keeps a network device so even when it is back."""
    phone.cable.cut()
    while any(each.state == "device" for each in list_devices()):
        time.sleep(0.02)
    with pytest.raises(DeviceChoiceError, match="cannot be used") as caught:
        choose_device()
    assert "got: offline" in str(caught.value)
    phone.cable.restore()
    for _ in range(5):
        phone.cable.cut()
        phone.cable.restore()
        assert choose_device(phone.serial).serial == phone.serial


@pytest.mark.parametrize(
    ("line", "got", "fix"),
    [
        ("0A1B2C\tunauthorized usb:1-4 transport_id:3", "unauthorized", "accept this computer's"),
        ("0A1B2C      unauthorized transport_id:3", "unauthorized", "accept this computer's"),
        ("0A1B2C                 offline transport_id:1", "offline", "adb reconnect offline"),
        (
            "0A1B2C   no permissions (user in plugdev group; are your udev rules wrong?); "
            "see [http://developer.android.com/tools/device.html] usb:1-4 transport_id:2",
            "no permissions (user in plugdev group",
            "plugdev",
        ),
        ("0A1B2C  recovery product:x model:Y device:z transport_id:4", "recovery", "adb reboot"),
        ("0A1B2C  bootloader usb:1", "bootloader", "fastboot reboot"),
        ("0A1B2C  strange", "strange", "adb devices -l"),
    ],
)
@pytest.mark.parametrize("serial", [None, "0A1B2C"])
def test_a_device_that_is_not_ready(
    fake_adb: FakeAdb, line: str, got: str, fix: str, serial: str | None
) -> None:
    fake_adb(listing(line))
    with pytest.raises(DeviceChoiceError, match="0A1B2C cannot be used") as caught:
        choose_device(serial)
    text = str(caught.value)
    assert f"got: {got}" in text and fix in text.partition("fix: ")[2]


def test_a_ready_device_beside_one_that_is_not(fake_adb: FakeAdb) -> None:
    fake_adb(
        listing(
            "0A1B2C  unauthorized usb:1-4 transport_id:3",
            "emulator-5554  device product:sdk_gphone64 model:sdk_gphone64 device:emu64x",
        )
    )
    assert choose_device().serial == "emulator-5554"


def test_a_state_that_passes_is_waited_for(fake_adb: FakeAdb, tmp_path: Path) -> None:
    fake_adb(
        f"echo x >> {tmp_path}/calls; n=$(wc -l < {tmp_path}/calls)\n"
        "echo 'List of devices attached'\n"
        "[ $n -lt 3 ] && echo '0A1B2C authorizing transport_id:1' || echo '0A1B2C device'\n"
    )
    assert choose_device().serial == "0A1B2C"


def test_notices_of_the_server_are_no_devices(fake_adb: FakeAdb) -> None:
    fake_adb(
        "echo '* daemon not running; starting now at tcp:5037'\n"
        "echo '* daemon started successfully'\n" + listing("0A1B2C\tdevice usb:1-4 model:Pixel_8")
    )
    expected = DeviceEntry("0A1B2C", "device", {"usb": "1-4", "model": "Pixel_8"})
    assert list_devices() == [expected]

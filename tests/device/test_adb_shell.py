"""The shell of a device: exit codes, quoting, and answers that were cut."""

from __future__ import annotations

import shlex
import threading
import time

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import DeviceCommandError, LinkLostError
from cdfi_bench.adb.link import boot_id, reconnect
from phone_kit.phone import Phone


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_exit_codes_and_both_outputs_come_back(adb: Adb, code: int) -> None:
    reply = adb.shell(f"echo out; echo err >&2; exit {code}")
    assert (reply.code, reply.out, reply.err) == (code, "out\n", "err\n")


def test_output_without_a_line_end_and_a_closing_comment(adb: Adb) -> None:
    assert adb.shell("printf a:b  # no line end").out == "a:b"


@pytest.mark.parametrize("name", ["with space", "it's", 'say "so"', "a$b;c`d", "größe", "-n"])
def test_names_keep_their_characters(adb: Adb, phone: Phone, name: str) -> None:
    path = shlex.quote(f"/data/local/tmp/{name}")
    adb.check(f"echo x > {path}")
    assert [each.name for each in phone.temporary.iterdir()] == [name]
    adb.check(f"rm {path}")


def test_a_failed_command_says_what_and_why(adb: Adb) -> None:
    with pytest.raises(DeviceCommandError, match="cat /nowhere") as caught:
        adb.check("cat /nowhere")
    assert "exit code 1: cat: /nowhere: No such file" in str(caught.value)


def test_a_cable_pulled_in_the_middle_is_no_success(adb: Adb, phone: Phone) -> None:
    """adb itself ends with 0 there."""
    threading.Timer(0.5, phone.cable.cut).start()
    with pytest.raises(LinkLostError, match="lost"):
        adb.shell("echo begun; sleep 2; echo ended")
    phone.cable.restore()
    reconnect(adb, 20)
    _wait_for_silence(phone)


def test_a_device_that_hangs_is_a_lost_link(adb: Adb, phone: Phone) -> None:
    with pytest.raises(LinkLostError, match="within 1 s"):
        adb.shell("sleep 2", time_limit=1)
    _wait_for_silence(phone)


def test_reconnect_gives_up_after_its_limit(adb: Adb, phone: Phone) -> None:
    phone.cable.cut()
    with pytest.raises(LinkLostError, match="did not come back within 1 s"):
        reconnect(adb, 1)


def test_a_boot_is_told_apart(adb: Adb, phone: Phone) -> None:
    before = boot_id(adb)
    phone.cable.cut()
    phone.cable.restore()
    reconnect(adb, 20)
    assert boot_id(adb) == before
    phone.reboot()
    reconnect(adb, 20)
    assert boot_id(adb) != before


def _wait_for_silence(phone: Phone) -> None:
    """Until the commands of the lost calls have ended."""
    deadline = time.monotonic() + 5
    while phone.processes() and time.monotonic() < deadline:
        time.sleep(0.1)

"""The claim on a device: one bench at a time, and nothing left behind however it ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cdfi_bench.adb.client import Adb
from cdfi_bench.adb.errors import DeviceBusyError, LinkLostError
from cdfi_bench.adb.job import Job
from cdfi_bench.adb.workspace import workspace
from phone_kit.phone import Phone

BASE = Path("cdfi-bench")


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.05)


def bare(phone: Phone) -> bool:
    return not phone.processes() and not list(phone.temporary.iterdir())


def test_a_folder_per_run_that_is_gone_afterwards(adb: Adb, phone: Phone) -> None:
    folders = []
    for _ in range(2):
        with workspace(adb) as space:
            folders.append(space.folder)
            assert adb.check(f"ls -d {space.folder}").strip() == space.folder
            adb.check(f"mkdir {space.folder}/deep && echo x > '{space.folder}/deep/a file'")
        assert bare(phone)
    assert folders[0] != folders[1]


def test_an_exception_leaves_nothing_and_passes(adb: Adb, phone: Phone) -> None:
    with pytest.raises(ZeroDivisionError), workspace(adb) as space:
        Job(space).start(["sleep", "60"])
        raise ZeroDivisionError
    until(lambda: bare(phone), 3)


def test_a_second_bench_is_told_who_is_there(adb: Adb, phone: Phone) -> None:
    with workspace(adb) as space:
        Job(space).start(["sleep", "60"])
        with pytest.raises(DeviceBusyError, match="another bench") as caught, workspace(adb):
            pytest.fail("two at once")
        text = str(caught.value)
        assert space.folder.rpartition("/")[2] in text and "process" in text
        assert "last sign of life" in text and "free again in" in text
        # The one who was there is none the worse.
        assert [each for each in phone.processes().values() if "sleep 60" in each]
        assert adb.check(f"ls {space.alive}")
        left = {each.name for each in (phone.temporary / BASE).iterdir()}
        assert left == {"lock", space.folder.rpartition("/")[2]}


@pytest.mark.parametrize("_again", range(8))
def test_one_of_many_gets_the_device(adb: Adb, _again: int) -> None:
    """Those who come too late remove their folders while the one who got it looks at them."""
    outcomes: list[str] = []
    go, done = threading.Barrier(8), threading.Barrier(8)

    def bench() -> None:
        go.wait()
        try:
            with workspace(adb):
                outcomes.append("claimed")
                done.wait(20)
        except DeviceBusyError:
            outcomes.append("busy")
            done.wait(20)

    threads = [threading.Thread(target=bench) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(outcomes) == ["busy"] * 7 + ["claimed"]


def plant(phone: Phone, *, boot: str, age: float, lock: bool = True) -> None:
    """What a bench leaves that died with the guard: folder, lock and a process."""
    moment = int(time.time() - age)
    script = f"""
        mkdir -p cdfi-bench/0123456789ab/job; cd cdfi-bench/0123456789ab
        echo somebody > owner; echo {boot} > boot; echo 60 > limit; : > alive
        touch -d @{moment} alive
        cd job; setsid sleep 60 </dev/null >/dev/null 2>&1 &
    """
    if lock:
        script += "mkdir ../../lock; echo 0123456789ab > ../../lock/owner"
    Adb(phone.serial).check(f"cd /data/local/tmp; ({script}\n)")
    until(lambda: len(phone.processes()) == 1)


BOOT = '"$(cat /proc/sys/kernel/random/boot_id)-$(cut -d" " -f22 /proc/1/stat)"'


@pytest.mark.parametrize(
    ("boot", "age", "lock"),
    [(BOOT, 90, True), ("another", 1, True), (BOOT, 90, False)],
    ids=["no sign of life", "another boot", "no lock"],
)
def test_the_dead_are_tidied_up(adb: Adb, phone: Phone, boot: str, age: float, lock: bool) -> None:
    plant(phone, boot=boot, age=age, lock=lock)
    with workspace(adb) as space:
        left = {each.name for each in (phone.temporary / BASE).iterdir()}
        assert left == {"lock", space.folder.rpartition("/")[2]}
        assert not [each for each in phone.processes().values() if "sleep 60" in each]
    assert bare(phone)


def test_the_living_are_not(adb: Adb, phone: Phone) -> None:
    plant(phone, boot=BOOT, age=30)
    with pytest.raises(DeviceBusyError, match="by somebody, last sign of life 3"), workspace(adb):
        pytest.fail("took what is another's")
    assert [each for each in phone.processes().values() if "sleep 60" in each]
    assert (phone.temporary / BASE / "0123456789ab" / "job").is_dir()
    phone.reboot()
    phone.wipe()


def test_a_cable_pulled_at_the_end_is_waited_for(adb: Adb, phone: Phone) -> None:
    with workspace(adb) as space:
        Job(space).start(["sleep", "60"])
        phone.cable.cut()
        threading.Timer(1.0, phone.cable.restore).start()
    assert bare(phone)


def test_the_guard_tidies_up_where_the_device_stays_away(adb: Adb, phone: Phone) -> None:
    with (
        pytest.warns(UserWarning, match="did not come back: its guard") as caught,
        workspace(adb, alive_limit=2, return_limit=0.5) as space,
    ):
        Job(space).start(["sleep", "60"])
        space.restore_at_death("echo restored > /data/simulated/restored")
        phone.cable.cut()
    assert space.folder in str(caught[0].message)
    until(lambda: bare(phone))
    assert phone.simulated("restored") == "restored\n"


def test_the_guard_lets_the_living_work(adb: Adb, phone: Phone) -> None:
    """Longer than its limit, without any call but the sign of life."""
    with workspace(adb, alive_limit=2) as space:
        Job(space).start(["sleep", "60"])
        time.sleep(4)
        assert [each for each in phone.processes().values() if "sleep 60" in each]
        assert (phone.root / space.folder.lstrip("/")).is_dir()


HOLDER = """
    import sys, time
    from cdfi_bench.adb.client import Adb
    from cdfi_bench.adb.job import Job
    from cdfi_bench.adb.workspace import workspace
    with workspace(Adb(sys.argv[1]), alive_limit=2) as space:
        job = Job(space)
        # Two processes that mind no signal but the last one.
        job.start(["sh", "-c", "trap '' TERM HUP; sleep 60 & sleep 60; sleep 60"])
        print("started", flush=True)
        job.wait()
"""


@pytest.fixture
def holder(phone: Phone) -> subprocess.Popen[str]:
    """A process of its own that holds the device and waits for a job."""
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), phone.serial]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield process
        process.kill()


def test_a_killed_host_leaves_nothing(holder: subprocess.Popen[str], phone: Phone) -> None:
    assert sum("sleep 60" in each for each in phone.processes().values()) >= 2
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    until(lambda: bare(phone))


def test_ctrl_c_leaves_nothing_at_once(holder: subprocess.Popen[str], phone: Phone) -> None:
    holder.send_signal(signal.SIGINT)
    _, err = holder.communicate(timeout=20)
    assert "KeyboardInterrupt" in err and "During handling" not in err, err
    until(lambda: bare(phone), 1)


def test_a_device_that_is_away_cannot_be_claimed(adb: Adb, phone: Phone) -> None:
    phone.cable.cut()
    with (
        pytest.warns(UserWarning, match="did not come back"),
        pytest.raises(LinkLostError),
        workspace(adb, return_limit=0.5),
    ):
        pytest.fail("claimed without a device")

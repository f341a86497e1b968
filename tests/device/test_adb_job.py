"""Jobs on the device: they outlive the link, and end when they should."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from cdfi_bench.adb.client import Adb, Reply
from cdfi_bench.adb.errors import AdbError, DeviceCommandError, JobLostError, LinkLostError
from cdfi_bench.adb.job import Job
from cdfi_bench.adb.workspace import Workspace, workspace
from phone_kit.phone import Phone

COUNT = "for i in $(seq {n}); do echo burst $i 100 >> samples; sleep {pause}; done; exit 7"


@pytest.fixture
def space(adb: Adb) -> Iterator[Workspace]:
    with workspace(adb, return_limit=20) as made:
        yield made


def counting(space: Workspace, n: int, pause: float) -> Job:
    job = Job(space)
    job.start(["sh", "-c", COUNT.format(n=n, pause=pause)])
    return job


def expected(n: int) -> list[str]:
    return [f"burst {i} 100" for i in range(1, n + 1)]


def test_exit_code_samples_and_outputs(space: Workspace, phone: Phone) -> None:
    job = Job(space, "a_job")
    name = "it's $HOME\nand more"
    script = 'echo "$1" >&2; echo out; printf "%s\\n" "$TOLD" > samples; cat; exit 7'
    job.start(["sh", "-c", script, "sh", name], {"TOLD": "two words"})
    batches: list[list[str]] = []
    assert job.wait(batches.append, interval=0.1) == 7
    assert job.lines == ["two words"] == [each for batch in batches for each in batch]
    assert job.output_tail() == f"out\n{name}"
    assert (phone.root / job.folder.lstrip("/") / "stdout").read_text() == "out\n"


def test_a_cable_pulled_at_the_start_starts_it_once(
    space: Workspace, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is lost on its way back; the second start must not start it again."""
    real = Adb.shell

    def losing(self: Adb, command: str, time_limit: float | None = None) -> Reply:
        reply = real(self, command, time_limit)
        if "job.sh" in command and not phone.simulated("lost"):
            phone.simulate("lost", "once")
            raise LinkLostError("lost")
        return reply

    monkeypatch.setattr(Adb, "shell", losing)
    job = Job(space)
    job.start(["sh", "-c", "echo $$ >> samples; sleep 0.5"])
    assert job.wait(interval=0.1) == 0
    assert phone.simulated("lost") and len(job.lines) == 1 and job.drops == 1


def test_samples_come_while_it_runs_in_whole_lines(space: Workspace, phone: Phone) -> None:
    job = Job(space)
    job.start(["sh", "-c", "printf 'one\\ntw' > samples; read x < /dev/null; sleep 60"])
    while not job.lines:
        assert job.poll().kind == "running"
    assert job.lines == ["one"]
    samples = phone.root / job.path("samples").lstrip("/")
    with samples.open("a") as file:
        file.write("o\nthree\n")
    job.poll()
    assert job.lines == ["one", "two", "three"]


def test_many_samples_between_two_looks(space: Workspace) -> None:
    job = Job(space)
    job.start(["sh", "-c", "seq 100000 > samples"])
    assert job.wait() == 0
    assert job.lines == [str(i) for i in range(1, 100001)]


def test_a_cable_pulled_in_the_middle_loses_nothing(space: Workspace, phone: Phone) -> None:
    job = counting(space, 30, 0.1)

    def interrupt() -> None:
        for _ in range(2):
            time.sleep(0.5)
            phone.cable.cut()
            time.sleep(0.5)
            phone.cable.restore()

    helper = threading.Thread(target=interrupt)
    helper.start()
    assert job.wait(interval=0.1, return_limit=20) == 7
    helper.join()
    assert job.lines == expected(30)
    assert job.drops == 2 and job.away_seconds > 0


def test_what_was_measured_stays_when_the_device_does_not_return(adb: Adb, phone: Phone) -> None:
    with (
        pytest.warns(UserWarning, match="its guard"),
        workspace(adb, alive_limit=2, return_limit=0.5) as space,
    ):
        job = counting(space, 100, 0.1)
        threading.Timer(1, phone.cable.cut).start()
        with pytest.raises(LinkLostError, match="did not come back"):
            job.wait(interval=0.1, return_limit=0.5)
        assert 3 <= len(job.lines) < 100 and job.lines == expected(len(job.lines))
    deadline = time.monotonic() + 10
    while phone.processes() and time.monotonic() < deadline:
        time.sleep(0.1)


def test_a_reboot_is_named(space: Workspace, phone: Phone) -> None:
    job = counting(space, 100, 0.1)
    threading.Timer(0.7, phone.reboot).start()
    with pytest.raises(JobLostError, match="rebooted"):
        job.wait(interval=0.1, return_limit=20)
    assert job.lines and job.lines == expected(len(job.lines))


def test_a_result_from_before_the_reboot_counts(space: Workspace, phone: Phone) -> None:
    job = counting(space, 3, 0)
    exit_file = phone.root / job.path("exit").lstrip("/")
    while not exit_file.exists():
        time.sleep(0.05)
    phone.reboot()
    assert job.wait(return_limit=20) == 7
    assert job.lines == expected(3)


def test_a_killed_job_is_gone_not_done(space: Workspace, phone: Phone) -> None:
    job = counting(space, 100, 0.1)
    pid = (phone.root / job.path("pid").lstrip("/")).read_text().split()[0]
    space.adb.check(f"kill -s KILL -- -{pid}")
    # adbd, the first process here, never collects its children: it stays as a zombie.
    assert "Z" in space.adb.check(f"grep State /proc/{pid}/status")
    with pytest.raises(JobLostError, match="killed"):
        job.wait(interval=0.1, time_limit=20)


def test_a_job_whose_number_another_process_has_is_gone(space: Workspace, phone: Phone) -> None:
    job = counting(space, 100, 0.1)
    job.stop(0.1)
    path = phone.root / job.path("pid").lstrip("/")
    (phone.root / job.path("exit").lstrip("/")).unlink(missing_ok=True)
    path.write_text(f"1 {path.read_text().split()[1]}\n")  # adbd's, with our time of start
    assert job.poll().kind == "gone"
    job.stop(0.1)
    assert job.poll().kind == "gone"


def test_stop_lets_it_end_in_order(space: Workspace) -> None:
    job = Job(space)
    script = "trap 'echo last >> samples; exit 4' TERM; while :; do sleep 0.1; done"
    job.start(["sh", "-c", script])
    time.sleep(0.3)
    state = job.stop()
    assert (state.kind, state.code) == ("done", 4)
    assert job.lines == ["last"]


def test_stop_ends_what_does_not_listen(space: Workspace, phone: Phone) -> None:
    job = Job(space)
    job.start(["sh", "-c", "trap '' TERM; sleep 60 & while :; do sleep 0.1; done"])
    time.sleep(0.3)
    assert job.stop(grace=0.5).kind == "gone"
    assert not [each for each in phone.processes().values() if "sleep 60" in each]


@pytest.fixture
def without_setsid(phone: Phone) -> Iterator[None]:
    program = phone.root / "system" / "bin" / "setsid"
    target = program.readlink()
    program.unlink()
    yield
    program.symlink_to(target)


@pytest.mark.usefixtures("without_setsid")
def test_a_device_without_setsid(adb: Adb, phone: Phone) -> None:
    with workspace(adb, return_limit=20) as space:
        job = counting(space, 10, 0.1)
        phone.cable.cut()
        phone.cable.restore()
        assert job.wait(interval=0.1, return_limit=20) == 7 and job.lines == expected(10)
        other = Job(space, "other")
        script = "trap 'echo last >> samples; exit 4' TERM; while :; do sleep 0.1; done"
        other.start(["sh", "-c", script])
        time.sleep(0.3)
        assert other.stop().code == 4 and other.lines == ["last"]
        deaf = Job(space, "deaf")
        deaf.start(["sh", "-c", "trap '' TERM; sleep 60 & while :; do sleep 0.1; done"])
        time.sleep(0.3)
        assert deaf.stop(grace=0.5).kind == "gone"
        assert not [each for each in phone.processes().values() if "sleep 60" in each]


def test_a_job_over_its_time_is_stopped(space: Workspace) -> None:
    job = counting(space, 100, 0.1)
    with pytest.raises(AdbError, match="was stopped") as caught:
        job.wait(interval=0.1, time_limit=0.5)
    assert "its end within 0.5 s" in str(caught.value)
    assert job.poll().kind != "running" and job.lines


def test_a_program_that_is_not_there_ends_with_127(space: Workspace) -> None:
    job = Job(space)
    job.start(["./nothing"])
    assert job.wait() == 127
    assert "not found" in job.output_tail()


def test_a_job_cannot_start_outside_the_workspace(space: Workspace) -> None:
    outside = Workspace(space.adb, "/system", space.alive, space.alive_limit, space.boot)
    with pytest.raises(DeviceCommandError, match="ermission denied"):
        Job(outside).start(["true"])


def test_on_arm64_as_well(arm_phone: Phone) -> None:
    with workspace(Adb(arm_phone.serial)) as space:
        job = counting(space, 5, 0.1)
        time.sleep(0.2)
        arm_phone.cable.cut()
        threading.Timer(0.5, arm_phone.cable.restore).start()
        assert job.wait(interval=0.1, return_limit=20) == 7
        assert job.lines == expected(5) and job.drops == 1
        other = counting(space, 100, 0.1)
        assert other.stop(1).kind != "running"

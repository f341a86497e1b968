"""What a report says of a device: what it is, and the state it was in while it was measured."""

from __future__ import annotations

from pydantic import Field

from cdfi_bench.section import Section


class DeviceInfo(Section):
    """A machine or phone."""

    kind: str = Field(description="how it was reached: local, adb")
    name: str = Field(description="short, for tables; with the serial if there may be several")
    serial: str | None
    model: str | None
    soc: str | None
    cpu: str | None
    architecture: str
    abi: str | None = Field(description="Android's name of the instruction set")
    os: str
    build: str | None = Field(description="Android's build fingerprint")
    sdk: int | None = Field(description="Android's API level")
    cores: int = Field(ge=1, description="logical cores a process may use")
    max_frequency_khz: tuple[int, ...] | None = Field(description="of each core")
    governor: str | None = Field(description="of CPU frequencies; several are joined by commas")
    memory_bytes: int | None
    emulated: bool = Field(description="instructions are translated: its times mean nothing")
    simulated: bool = Field(description="stands for a phone in tests and is none")


class Condition(Section):
    """The device at one moment."""

    thermal_status: int | None = Field(description="Android's: 0 none to 6 shutdown")
    battery_percent: float | None
    battery_celsius: float | None
    charging: bool | None
    temperatures_celsius: dict[str, float] | None = Field(description="by sensor")
    frequencies_khz: dict[str, int] | None = Field(description="by core")


class Reading(Section):
    """Sensors at one moment of a run, read between two frames."""

    time_s: float = Field(description="since the run began")
    values: dict[str, float]


class Conditions(Section):
    """The device before, while and after it was measured."""

    before: Condition
    after: Condition | None
    cool_down_s: float = Field(ge=0, description="time spent waiting for it to be ready")
    fixed_performance: bool | None = Field(description="Android held its clocks steady")
    frequencies_khz: tuple[Reading, ...] = Field(description="by core, about once a second")
    temperatures_celsius: tuple[Reading, ...] = Field(description="by sensor, about once a second")
    reconnects: int = Field(ge=0, description="times the link was lost and found again")

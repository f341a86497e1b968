"""The result of ``cdfi-bench compare``; its schema is ``schemas/comparison.schema.json``."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from cdfi_bench.report import Kind
from cdfi_bench.section import Section

COMPARISON_SCHEMA_VERSION = 1

Outcome = Literal["fail", "warn", "pass"]
State = Literal["regression", "missing", "improvement", "unchanged", "new"]
CheckResult = Literal["fail", "warn", "not compared", "better", "pass"]


class RowKey(Section):
    """By what rows of two reports are the same; null where the row could not tell any more."""

    kind: Kind
    subject: str
    network: str | None
    format: str | None
    precision: str | None
    form: str | None
    sizes: tuple[tuple[int, int], ...] | None = Field(description="[width, height] of the frames")
    image_set: str | None
    device_kind: str
    device: str = Field(description="its model, or else its name; with serial if models recur")
    runtime: str | None
    accelerator: str | None = Field(description="as requested")
    threads: int | None = Field(description="null also if left to the runtime")


class Check(Section):
    """One number of one row, held against its limit."""

    measure: str
    unit: str
    base: float | None
    new: float | None
    change: float | None = Field(description="new / base, or new - base of decibels")
    low: float | None = Field(description="95 % interval of the change")
    high: float | None
    by_statistic: dict[str, float] = Field(
        default_factory=dict, description="the change by each statistic of the samples"
    )
    limit: float | None = Field(description="of the change or of new; see the reason")
    result: CheckResult
    reason: str


class ComparedRow(Section):
    """One row of BASE, of NEW, or of both."""

    key: RowKey
    state: State
    outcome: Outcome
    base_status: str | None
    new_status: str | None
    checks: tuple[Check, ...] = ()
    reason: str


class Source(Section):
    """Where one side's rows came from."""

    reports: tuple[str, ...] = Field(description="file names")
    left_out: tuple[str, ...] = Field(default=(), description="JSON files that are no reports")
    commits: tuple[str, ...] = Field(description="with '+changes' for a dirty checkout")
    devices: tuple[str, ...] = Field(description="name and CPU or model")


class Comparison(Section):
    """The whole result."""

    schema_version: Literal[1] = 1
    kind: Literal["comparison"] = "comparison"
    base: Source
    new: Source
    thresholds: str = Field(description="file name, or built-in")
    remarks: tuple[str, ...] = ()
    outcome: Outcome
    rows: tuple[ComparedRow, ...] = Field(description="worst first")

    def count(self, state: State) -> int:
        """Number of rows in this state."""
        return sum(row.state == state for row in self.rows)

    def failed(self) -> int:
        """Number of rows that failed a gate."""
        return sum(row.outcome == "fail" for row in self.rows)


def comparison_schema() -> str:
    """The JSON schema of :class:`Comparison` as text, ready to be written out."""
    return json.dumps(Comparison.model_json_schema(), indent=2, sort_keys=True) + "\n"

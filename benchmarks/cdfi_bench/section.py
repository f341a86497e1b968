"""The base of every part of a report: what was not measured is ``null`` with its reason."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """Base of every part: fixed fields, finite numbers, and a reason for each ``null``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    unmeasured: dict[str, str] = Field(
        default_factory=dict, description="for each field that is null: why"
    )

    @model_validator(mode="after")
    def _reasons_match_nulls(self) -> Section:
        nulls = {name for name in type(self).model_fields if getattr(self, name) is None}
        if nulls != set(self.unmeasured):
            raise ValueError(
                f"null fields {sorted(nulls)} and reasons {sorted(self.unmeasured)} differ"
            )
        return self

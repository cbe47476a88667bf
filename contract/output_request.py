"""Form of a task's pictures that its sender asks for: format, quality, texts inside and thumbnails."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

#: Formats whose encoder drops details.
LOSSY_FORMATS: Final = frozenset({"jpeg", "webp", "avif"})


class OutputRequest(BaseModel):
    """`metadata.output` of a task. The defaults store each picture byte for byte as the engine made it."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    format: Literal["png", "jpeg", "webp", "avif"] | None = Field(
        default=None, description="Format of the stored pictures; without it that of the Web UI's answer"
    )
    quality: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="Of jpeg, webp and avif; 90 if it is left out"
    )
    metadata: bool = Field(
        default=True, description="false leaves the generation parameters, and every other text, out of the pictures"
    )
    thumbnails: bool = Field(default=True, description="false stores no thumbnails")

    @field_validator("quality")
    @classmethod
    def _format_has_a_quality(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("format") not in LOSSY_FORMATS:
            raise ValueError(f"needs a `format` of {', '.join(sorted(LOSSY_FORMATS))}; a png keeps every detail")
        return value

    @property
    def changes_pictures(self) -> bool:
        """Return True unless the pictures stay as the engine made them."""
        return self.format is not None or not self.metadata

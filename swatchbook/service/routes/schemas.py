"""What the service takes and gives, as its OpenAPI page describes it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# a whole image, so that the examples of the page can be tried: 8 × 8 shades of grey
EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAGklEQVR42mMUYIAAFnkYQxHGUCDMYHwPZQAALeQB2gvq"
    "qowAAAAASUVORK5CYII="
)


class Options(BaseModel):
    """What to say of each image; in the URL."""

    model_config = ConfigDict(extra="forbid")

    top_k: int = Field(5, ge=1, le=1000, description="classes of each image, the highest first")
    threshold: float | None = Field(
        None, ge=0, le=1, description="answer from this confidence on (default: the model's own)"
    )
    max_error: float | None = Field(
        None, gt=0, lt=1, description="find that confidence: at most this share of answers wrong"
    )
    features: bool = Field(False, description="send the features too")
    evidence: int = Field(
        0, ge=0, le=50, description="nearest training images (where the service has them)"
    )


class Class(BaseModel):
    """A class and its calibrated probability."""

    label: str
    probability: float


class Near(BaseModel):
    """A training image and its cosine similarity."""

    sha256: str
    label: str
    similarity: float


class Result(BaseModel):
    """What is said of one image, in the order of the request."""

    status: str = Field(description="ok, not_sure (below the threshold) or refused")
    sha256: str
    reason: str = Field(default="", description="why it is refused")
    predicted: str = ""
    confidence: float = 0.0
    top: list[Class] = []
    features: list[float] | None = None
    evidence: list[Near] | None = None


class Answer(BaseModel):
    """The answer to a request."""

    model: str = Field(description="SHA-256 of the model file")
    milliseconds: float = Field(description="from the headers of the request to this answer")
    results: list[Result]


class Error(BaseModel):
    """Any error."""

    error: str


# of POST /v1/classify
REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "array", "minItems": 1,
                                  "items": {"type": "string", "format": "binary"}},
                    },
                    "additionalProperties": False,
                },
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {
                        "images": {"type": "array", "minItems": 1, "maxItems": 64,
                                   "items": {"type": "string", "format": "byte"}},
                    },
                    "additionalProperties": False,
                },
                "example": {"images": [EXAMPLE]},
            },
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}  # fmt: skip
# by status
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "malformed"},
    401: {"model": Error, "description": "no key, or a wrong one"},
    408: {"model": Error, "description": "the body took too long"},
    413: {"model": Error, "description": "too many images or bytes"},
    415: {"model": Error, "description": "another type or coding of content"},
    422: {"model": Error, "description": "no image, or an option that is not allowed"},
    503: {"model": Error, "description": "no model, or too much to do: see Retry-After"},
}

"""OpenAI's Embeddings API over what a task's heads read.

Owns the shape of a request and of its answer. Knows nothing of HTTP or of how vectors are made.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field as Limited
from pydantic import StrictInt, StrictStr

from freehold.serve.faults import Fault
from freehold.serve.inputs import check_rows, inputs_of_text
from freehold.serve.readers import Loaded
from freehold.serve.shapes import Shape, read_shape
from freehold.task import Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EmbeddingRequest", "check_dimensions", "embed", "read_embedding", "read_texts"]

_MOST = 2_048


class EmbeddingRequest(Shape):
    """Texts to be made vectors of."""

    model: StrictStr
    input: StrictStr | list[StrictStr]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[StrictInt, Limited(ge=1)] | None = None


def read_embedding(body: Json) -> EmbeddingRequest:
    """Returns the request that a body holds.

    Raises:
        Fault: 400 that names what is wrong and where.
    """
    return read_shape(EmbeddingRequest, body)


def read_texts(request: EmbeddingRequest, names: Sequence[str], *, limit: int) -> list[dict[str, str]]:
    """Returns the task's inputs that each text holds.

    Args:
        names: The task's inputs.
        limit: The most texts; never more than OpenAI takes.

    Raises:
        Fault: 400 where there is no text, there are too many, or one does not hold a task's several inputs.
    """
    if isinstance(request.input, str):
        return [inputs_of_text(request.input, names, at="input")]
    rows = cast(list[str], check_rows(cast(Json, request.input), limit=min(limit, _MOST), at="input"))
    return [inputs_of_text(text, names, at=f"input[{number}]") for number, text in enumerate(rows)]


def check_dimensions(request: EmbeddingRequest, dimension: int) -> None:
    """Refuses vectors of another length: a part of a vector is not what the heads read.

    Raises:
        Fault: 400.
    """
    if request.dimensions not in (None, dimension):
        message = f"`dimensions` is {request.dimensions}; the vectors of this model have {dimension}."
        raise Fault(400, message, code="invalid_value", param="dimensions")


def embed(loaded: Loaded, inputs: Sequence[Mapping[str, str]], *, packed: bool) -> dict[str, Json]:
    """Returns the body that answers for some inputs.

    Args:
        packed: Vectors as base64 of their numbers (float32, lowest byte first) instead of lists.
    """
    vectors = loaded.reader.embed(inputs)
    tokens = sum(loaded.reader.count_tokens(each) for each in inputs)
    data: list[Json] = [
        {"object": "embedding", "index": number, "embedding": _pack(vector) if packed else vector.tolist()}
        for number, vector in enumerate(vectors)
    ]
    usage: Json = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": loaded.release.name, "usage": usage}


def _pack(vector: NDArray[np.float32]) -> str:
    return b64encode(vector.astype("<f4").tobytes()).decode("ascii")

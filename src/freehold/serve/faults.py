"""The one shape in which the server says that something went wrong: OpenAI's.

Owns every code that a client can meet. Knows nothing of routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from freehold.errors import FreeholdError, NotFoundError, UserError
from freehold.task import Json

if TYPE_CHECKING:
    from starlette.responses import JSONResponse

__all__ = ["Code", "Fault", "fault_of", "fault_response"]

Code: TypeAlias = Literal[
    "assignment_closed",
    "assignment_lapsed",
    "assignment_not_found",
    "batch_ended",
    "body_timeout",
    "body_too_large",
    "feedback_not_found",
    "feedback_rejected",
    "host_not_allowed",
    "idempotency_key_in_use",
    "idempotency_key_reused",
    "internal_error",
    "invalid_idempotency_key",
    "invalid_input",
    "invalid_json",
    "invalid_parameter",
    "invalid_request_id",
    "invalid_token",
    "invalid_value",
    "method_not_allowed",
    "missing_input",
    "missing_scope",
    "missing_value",
    "model_not_found",
    "no_champion",
    "not_found",
    "not_ready",
    "origin_not_allowed",
    "overloaded",
    "quota_exceeded",
    "rate_limit_exceeded",
    "request_id_taken",
    "storage_full",
    "storage_unavailable",
    "task_not_allowed",
    "task_not_found",
    "too_many_batches",
    "too_many_rows",
    "unknown_input",
    "unknown_route",
    "unsupported_input",
]

_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


class Fault(Exception):  # noqa: N818  an answer, not always an error of the program
    """An answer that says what went wrong.

    Attributes:
        param: The part of the request that is wrong, as a path: `questions[0].name`; empty where none is.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: Code,
        param: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = dict(headers or {})

    def to_json(self) -> dict[str, Json]:
        """Returns the body of the response."""
        kind = _TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param or None, "code": self.code}}


def fault_of(error: FreeholdError) -> Fault:
    """Returns what a client is told of one of the house's own errors.

    What the user mends is told as it is. What the operator mends is only named: the log has the message.
    """
    if isinstance(error, NotFoundError):
        return Fault(404, str(error), code="not_found")
    if isinstance(error, UserError):
        return Fault(400, str(error), code="invalid_value")
    return Fault(
        503,
        "The server cannot reach or use its storage now; its log says more.",
        code="storage_unavailable",
        headers={"retry-after": "5"},
    )


def fault_response(fault: Fault) -> JSONResponse:
    """Returns a fault as the response that says it."""
    from starlette.responses import JSONResponse

    return JSONResponse(fault.to_json(), status_code=fault.status, headers=fault.headers)

"""The routes of a model's page: it is shown, and asked what its form says.

Owns the way from a form to an answer, and the headers of a page. What the page looks like stands in `page`.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse

from freehold.serve.bodies import check, read_body
from freehold.serve.faults import Fault
from freehold.serve.inputs import check_inputs
from freehold.serve.jobs import Asked
from freehold.serve.page import SAFE, write_page
from freehold.serve.routing import Routes
from freehold.serve.service import Service
from freehold.task import Json

__all__ = ["add_forms", "read_form"]

# A policy of `no-referrer` would make browsers send the form with the origin `null`, which the guard refuses.
_HEADERS = {"content-security-policy": SAFE, "referrer-policy": "same-origin"}
_MOST_INPUTS = 100


def add_forms(routes: Routes, service: Service) -> None:
    """Adds /models/{task}."""

    @routes.get("/models/{task}")
    async def show_model(request: Request) -> HTMLResponse:
        slot, loaded = await service.model(request.path_params["task"])
        inputs = dict.fromkeys(loaded.reader.inputs, "")
        page = write_page(loaded.release, about=slot.task.description, inputs=inputs)
        return HTMLResponse(page, headers=_HEADERS)

    @routes.post("/models/{task}")
    async def ask_model(request: Request) -> HTMLResponse:
        slot, loaded = await service.model(request.path_params["task"])
        limit = service.settings.body_limit
        inputs = read_form(await read_body(request.receive, limit=limit, batch_limit=limit), loaded.reader.inputs)
        asked = Asked([inputs], [request.state.request_id], request.state.chosen)
        explanations = service.explanations
        if explanations.ready:
            explanations.check(1)
        predictions = await service.predict(slot, loaded, asked)
        told = await explanations.explain(slot, loaded, [inputs], predictions=predictions)
        page = await service.work(
            write_page,
            loaded.release,
            about=slot.task.description,
            inputs=inputs,
            prediction=predictions[0],
            explanation=told[0] if told else None,
        )
        return HTMLResponse(page, headers=_HEADERS)


def read_form(body: bytes, names: Sequence[str]) -> dict[str, str]:
    r"""Returns the inputs that a form sends, line ends as they were typed.

    Raises:
        Fault: 400 where the body is no form, or its inputs are not the task's.

    Example:
        >>> read_form(b"text=a+b%0D%0Ac", ["text"])
        {'text': 'a b\nc'}
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MOST_INPUTS,
        )
    except ValueError:
        raise Fault(
            400, "The body is not a form (application/x-www-form-urlencoded).", code="invalid_value"
        ) from None
    sent: dict[str, Json] = {name: text.replace("\r\n", "\n") for name, text in pairs}
    check(sent)
    return check_inputs(sent, names)

"""The page of a model, as HTML: what it is, what the gate measured, a form to ask it, and what it said.

No script, nothing from elsewhere; `SAFE` forbids a browser both. Everything that comes from outside is escaped.
Knows nothing of routes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from freehold.pages import html_table, lay_out, policy
from freehold.serve.marks import DEGREES, write_explanation
from freehold.task import Prediction, Release, Verdict

__all__ = ["SAFE", "write_page"]

_SHADES = "\n".join(
    f"mark.up{n} {{ background: rgb(31 95 191 / {9 * n}%); border-bottom: 2px solid #1f5fbf; }}\n"
    f"mark.down{n} {{ background: rgb(191 95 31 / {9 * n}%); border-bottom: 2px dotted #bf5f1f; }}"
    for n in range(1, DEGREES + 1)
)
_STYLE = f"""
label {{ display: block; }}
textarea {{ width: 100%; box-sizing: border-box; font: inherit; min-height: 4.5rem; }}
button {{ font: inherit; padding: 0.25rem 1rem; }}
mark {{ color: inherit; background: none; border-radius: 0.15rem; padding: 0 0.05rem; }}
{_SHADES}
.text {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
"""
SAFE = policy(_STYLE)
"""The Content-Security-Policy of the page: its own style sheet, its own form, nothing else."""

_METRICS = ("field", "metric", ">value", ">95 % interval", ">n")
_ANSWERS = ("field", "answer", ">confidence", "then")


def write_page(
    release: Release,
    *,
    about: str,
    inputs: Mapping[str, str],
    prediction: Prediction | None = None,
    explanation: Mapping[str, Any] | None = None,
) -> str:
    """Returns the page.

    Args:
        about: What the task is for.
        inputs: What stands in the form: the task's inputs, empty or as they were asked.
        prediction: What was answered; None where nothing was asked.
        explanation: Why, in the shape of the contract.
    """
    body = [*_model(release, about=about), *_form(inputs)]
    if prediction is not None:
        body += _answers(prediction)
    if explanation is not None:
        body += write_explanation(explanation, inputs=inputs)
    elif prediction is not None:
        body.append("<p>This server was put together without explanations.</p>")
    return lay_out(release.name, body, style=_STYLE)


def _model(release: Release, *, about: str) -> Iterator[str]:
    verdict = release.verdict
    outcome = "passed" if verdict.passed else "was refused by"
    yield f"<h1>{escape(release.name)}</h1>"
    if about:
        yield f"<p>{escape(about)}</p>"
    yield (
        f'<p class="quiet">It is {escape(release.state)}, {outcome} the gate, and was made '
        f"{escape(release.created[:19])} UTC.<br>Digest {escape(release.artifact.digest)}</p>"
    )
    yield f'<p><a href="{escape(quote(release.name))}/data">The data that it was made from</a>, and'
    yield f'<a href="../review/{escape(quote(release.task))}">what waits for a person</a></p>'
    rows = _figures(verdict)
    if rows:
        caption = "What the gate measured on test rows that nothing has learned from"
        yield html_table(_METRICS, rows, caption=caption)


def _figures(verdict: Verdict) -> list[tuple[str, ...]]:
    return [
        (field if place == 0 else "", metric, f"{m.value:.4f}", f"{m.low:.4f} to {m.high:.4f}", f"{m.n:,}")
        for field, metrics in verdict.fields.items()
        for place, (metric, m) in enumerate(metrics.items())
    ]


def _form(inputs: Mapping[str, str]) -> Iterator[str]:
    yield "<h2>Ask it</h2>"
    yield '<form method="post">'
    for name, text in inputs.items():
        # A browser drops the first line feed in a text area.
        area = f'<textarea name="{escape(name)}" required>\n{escape(text)}</textarea>'
        yield f"<label>{escape(name)}{area}</label>"
    yield "<p><button>Ask</button></p></form>"


def _answers(prediction: Prediction) -> Iterator[str]:
    rows = []
    for field, answer in prediction.answers.items():
        others = sorted(answer.probabilities.items(), key=lambda item: -item[1])[1:3]
        value = answer.value if isinstance(answer.value, str) else json.dumps(answer.value, ensure_ascii=False)
        note = " (abstained)" if answer.abstained else ""
        then = ", ".join(f"{label} {share:.2f}" for label, share in others)
        rows.append((field, f"{value}{note}", f"{answer.confidence:.2f}", then))
    yield "<h2>What it says</h2>"
    yield html_table(_ANSWERS, rows, caption=f"Request {prediction.request}, which feedback can name")

"""A task's data described for others: a datasheet in Markdown, and Croissant metadata for machines.

The datasheet keeps to the questions of Gebru et al. 2021 ("Datasheets for Datasets", arXiv 1803.09010); the
metadata to Croissant 1.0 (https://docs.mlcommons.org/croissant). Nothing is said that is not recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.pages import Inventory

__all__ = ["write_croissant", "write_datasheet"]

_NOT = "Not recorded."
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"predicate": "sc:Boolean", "number": "sc:Float", "score": "sc:Integer"}


def write_croissant(found: Inventory, *, sha256: str) -> dict[str, Any]:
    """Returns the metadata of `examples.jsonl`, which is to lie beside it.

    Args:
        sha256: Of the file.
    """
    task, inputs = found.task, tuple(found.task.inputs)
    fields = [_field(name, f"inputs.{name}", kind="sc:Text", about=f"Input `{name}`.") for name in inputs]
    for field in task.fields:
        about = field.description or f"Output `{field.name}`, a {field.kind}."
        kind = _TYPES.get(field.kind, "sc:Text")
        fields.append(_field(field.name, f"outputs.{field.name}", kind=kind, about=about))
    fields += [
        _field("split", "split", kind="sc:Text", about="train, validation or test."),
        _field("source", "passport.source", kind="sc:Text", about="Where the row is from."),
        _field("licence", "passport.licence", kind="sc:Text", about="Its SPDX identifier; empty: unknown."),
    ]
    licences = [name for name in found.report["licences"] if name]
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": task.name,
        "description": task.description or f"The examples of the task {task.name}.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": licences,
        "version": f"0.0.0+{found.digest[:12]}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "examples.jsonl",
                "name": "examples.jsonl",
                "contentUrl": "examples.jsonl",
                "encodingFormat": "application/jsonlines",
                "sha256": sha256,
            }
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "examples", "name": "examples", "field": fields}],
    }


def _field(name: str, path: str, *, kind: str, about: str) -> dict[str, Any]:
    column, _, below = path.partition(".")
    source: dict[str, Any] = {"fileObject": {"@id": "examples.jsonl"}, "extract": {"column": column}}
    if below:
        source["transform"] = {"jsonPath": f"$.{below}"}
    return {
        "@type": "cr:Field",
        "@id": f"examples/{name}",
        "name": name,
        "description": about,
        "dataType": kind,
        "source": source,
    }


def write_datasheet(found: Inventory) -> str:
    """Returns the datasheet."""
    sections = {
        "Motivation": [found.task.description or _NOT],
        "Composition": list(_composition(found)),
        "Collection": list(_collection(found)),
        "Cleaning and labelling": list(_cleaning(found)),
        "Uses": list(_uses(found)),
        "Maintenance": [
            f"This is the data as of digest `{found.digest}`. Rows that were test rows once stay test rows."
        ],
    }
    parts = [f"# Datasheet of `{found.task.name}`"]
    for title, lines in sections.items():
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _composition(found: Inventory) -> Iterator[str]:
    report = found.report
    yield f"{report['examples']:,} examples: {found.splits}.\n"
    yield f"Inputs: {', '.join(f'`{name}`' for name in found.task.inputs)}.\n"
    yield "| field | kind | labels | labelled |"
    yield "| --- | --- | --- | --- |"
    for field in found.task.fields:
        labels = report["labels"].get(field.name, {}).get("count", "")
        yield f"| `{field.name}` | {field.kind} | {labels} | {report['fields'][field.name]['labelled']:,} |"


def _collection(found: Inventory) -> Iterator[str]:
    yield "| source | rows | licence | sha256 |"
    yield "| --- | --- | --- | --- |"
    for each in found.sources:
        licence = each["licence"] or "row by row, or unknown"
        yield f"| `{each['uri']}` | {each['rows']:,} | {licence} | `{each['digest'][:16]}` |"
    yield ""
    for step in found.funnel[1:]:
        if step.gone:
            reasons = "; ".join(f"{reason} ({count:,})" for reason, count in list(step.reasons.items())[:5])
            yield f"- {step.name}: {step.left:,} left, {step.gone:,} taken out: {reasons}"


def _cleaning(found: Inventory) -> Iterator[str]:
    cleaning = found.report["cleaning"]
    if not cleaning:
        yield "No text was changed or dropped by rules."
        return
    looked, passed, changed = (f"{cleaning[name]:,}" for name in ("texts", "kept", "changed"))
    yield f"{looked} texts were looked at; {passed} passed, {changed} changed.\n"
    yield "| rule | texts | what it did |"
    yield "| --- | --- | --- |"
    for what, word in (("dropped", "dropped"), ("found", "found or changed")):
        for rule, each in cleaning[what].items():
            yield f"| `{rule}` | {each['texts']:,} | {word} |"


def _uses(found: Inventory) -> Iterator[str]:
    yield "| licence | examples | commercial | changes | name the makers | share alike |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, each in found.report["licences"].items():
        uses = each["uses"]
        known = [("yes" if allowed else "no") for allowed in uses.values()] if uses else ["unknown"] * 4
        yield f"| {name or 'unknown'} | {each['examples']:,} | {' | '.join(known)} |"
    rules = found.task.rules
    if rules.licences or rules.forbid:
        allowed, forbidden = ", ".join(rules.licences) or "any", ", ".join(rules.forbid) or "none"
        yield f"\nAllowed by the task: {allowed}; forbidden: {forbidden}."
    if rules.use:
        yield f"\nEvery licence must allow: {', '.join(rules.use)}."

"""Rows from a file of templates, without a model: `templates.v1`.

Owns the file's form: comments, lists, what labels the templates below have, and one template a line. Mistakes are
told with their lines, all at once. What a pattern is stands in `grammar`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from freehold.errors import DataError, Mistake, TaskFileError
from freehold.label.synthesis.chance import Chance
from freehold.label.synthesis.drafts import GENERATORS, Draft, Ground
from freehold.label.synthesis.grammar import BadPatternError, Choice, Marking, Node, Run, expand, read_pattern
from freehold.label.synthesis.marking import find_home, join
from freehold.label.synthesis.values import find_mistake
from freehold.task import TEMPLATES, Field, Value, canonical, nearest, normalise

__all__ = ["Template", "make_from_templates", "read_templates"]

_LIST = re.compile(r"<([A-Za-z0-9_-]+)>\s*=\s*(.*)")
_BAR = re.compile(r"(?<!\\)\s*\|\s*")
"""What divides the entries of a list, with the spaces around it."""

_LABELS = "::"
_INPUTS = "||"


@dataclass(frozen=True, slots=True)
class Template:
    """One line of the file.

    Attributes:
        line: Counts from 1.
        inputs: Input to pattern.
        outputs: What every row of it has as labels, but for spans.
    """

    line: int
    inputs: Mapping[str, Node]
    outputs: Mapping[str, Value]

    @property
    def count(self) -> int:
        """How many rows it stands for."""
        product = 1
        for node in self.inputs.values():
            product *= node.count
        return product


@dataclass(slots=True)
class _File:
    """A file while it is read."""

    inputs: tuple[str, ...]
    fields: tuple[Field, ...]
    lists: dict[str, Node] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    found: list[Template] = field(default_factory=list)

    def read(self, number: int, line: str) -> None:
        """Reads one line; raises BadPatternError with what is wrong."""
        if listed := _LIST.fullmatch(line):
            if listed[1] in self.lists:
                raise BadPatternError(f"there are two lists `<{listed[1]}>`.")
            self.lists[listed[1]] = read_pattern(_BAR.sub("|", listed[2]), self.lists)
        elif line.startswith(_LABELS):
            self.outputs = dict(self._labels(line.removeprefix(_LABELS)))
        else:
            self.found.append(self._template(number, line))

    def _labels(self, text: str) -> Iterator[tuple[str, Value]]:
        known = {each.name: each for each in self.fields}
        for part in filter(str.strip, text.split(";")):
            name, equals, said = (each.strip() for each in part.partition("="))
            if not equals or name not in known:
                raise BadPatternError(f"`{name}` is no output field; there are: {', '.join(known)}.")
            if known[name].kind == "spans":
                raise BadPatternError(f"`{name}` is a field of spans; mark them: {{label: text}}.")
            value = _read_value(known[name], said)
            if mistake := find_mistake(known[name], value, {}):
                raise BadPatternError(f"`{name}`: {mistake}{_hint(known[name], said)}")
            yield name, value

    def _template(self, number: int, line: str) -> Template:
        parts = line.split(_INPUTS) if len(self.inputs) > 1 else [line]
        if len(parts) != len(self.inputs):
            names = f" {_INPUTS} ".join(self.inputs)
            raise BadPatternError(f"the task has {len(self.inputs)} inputs; write them so: {names}")
        nodes = [read_pattern(part.strip(), self.lists) for part in parts]
        for label in {label for node in nodes for label in _labels_in(node)}:
            if not find_home(label, self.fields)[0]:
                raise BadPatternError(f"{label!r} is no label of one field of spans.")
        return Template(number, dict(zip(self.inputs, nodes, strict=True)), dict(self.outputs))


def read_templates(path: Path, *, inputs: tuple[str, ...], fields: tuple[Field, ...]) -> list[Template]:
    """Returns the templates of a file.

    Raises:
        DataError: It cannot be read, or has no template.
        TaskFileError: It has mistakes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise DataError(f"`{path}` cannot be read: {reason}.", hint="Name it under [synthesis].") from problem
    file, mistakes = _File(inputs, fields), list[Mistake]()
    for number, line in enumerate(text.splitlines(), start=1):
        bare = normalise(line).strip()
        if not bare or bare.startswith("#"):
            continue
        try:
            file.read(number, bare)
        except BadPatternError as problem:
            mistakes.append(Mistake(number, str(problem)))
    if mistakes:
        raise TaskFileError(str(path), mistakes)
    if not file.found:
        raise DataError(f"`{path}` has no template.", hint="Write one a line: where is my (card|parcel)")
    return file.found


def _labels_in(node: Node) -> Iterator[str]:
    match node:
        case Marking(label, inner):
            yield label
            yield from _labels_in(inner)
        case Run():
            return
        case Choice(options):
            for option in options:
                yield from _labels_in(option)
        case _:
            for part in node.parts:
                yield from _labels_in(part)


def _read_value(field: Field, said: str) -> Value:
    if field.kind == "choices":
        return sorted(filter(None, (each.strip() for each in said.split(","))))
    if field.kind in ("predicate", "score", "number"):
        try:
            value: Value = json.loads(said)
        except ValueError:
            return said
        return value
    return said


def _hint(field: Field, said: str) -> str:
    names = [label.name for label in field.labels or ()]
    close = nearest(said, names)
    return f" Did you mean {close!r}?" if close and close != said else ""


@GENERATORS.register(TEMPLATES)
def make_from_templates(ground: Ground, /, *, count: int) -> Iterator[Draft]:
    """Yields rows of all templates in turn: labels evenly, then templates evenly, none of them twice."""
    if ground.templates is None:
        return
    templates = read_templates(ground.templates, inputs=ground.inputs, fields=ground.fields)
    wanted = _share(templates, count)
    numbers = [
        Chance(f"templates:{ground.seed}:{each.line}").sample(each.count, n)
        for each, n in zip(templates, wanted, strict=True)
    ]
    for turn in range(max(wanted)):
        for template, drawn in zip(templates, numbers, strict=True):
            if turn < len(drawn):
                yield _draft(template, drawn[turn], ground)


def _share(templates: list[Template], count: int) -> list[int]:
    """Returns how many rows each template gives: one at a time, where labels, then templates, have fewest."""
    groups: dict[bytes, list[int]] = {}
    for place, template in enumerate(templates):
        groups.setdefault(canonical(dict(template.outputs)), []).append(place)
    given = [0] * len(templates)
    while count > 0:
        open_groups = [g for g in groups.values() if any(given[p] < templates[p].count for p in g)]
        if not open_groups:
            break
        for group in open_groups[:count]:
            place = min((p for p in group if given[p] < templates[p].count), key=lambda p: given[p])
            given[place] += 1
        count -= len(open_groups)
    return given


def _draft(template: Template, number: int, ground: Ground) -> Draft:
    inputs: dict[str, str] = {}
    spans: dict[str, list[dict[str, str | int]]] = {f.name: [] for f in ground.fields if f.kind == "spans"}
    for name, node in template.inputs.items():
        number, mine = divmod(number, node.count)
        made = join(expand(node, mine))
        inputs[name] = made.text
        for span in made.spans:
            home, label = find_home(str(span["label"]), ground.fields)
            spans[home].append({**span, "label": label})
    assert ground.templates is not None
    origin = f"{ground.templates.name}:{template.line}"
    return Draft(inputs, {**template.outputs, **spans}, f"rule:{TEMPLATES}", origin, ground.licence)

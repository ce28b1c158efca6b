"""Text that speaks to the model instead of about the world: flagged, and kept.

Owns the patterns. Data is data: nothing in it is ever followed here, and a text about prompt injection is as good
as any other; what is flagged is shown to a person. Sources: Perez and Ribeiro, "Ignore Previous Prompt" (2022,
arXiv 2211.09527); Greshake et al., "Not what you've signed up for" (2023, arXiv 2302.12173); OWASP LLM01:2025;
Boucher et al., "Bad Characters" (2021, arXiv 2106.09898) and Unicode tags for text that is not seen; the chat
templates of ChatML, Llama 2 and 3, Mistral, Gemma and Phi for markers of roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from freehold.data.cleaning.findings import Finding

__all__ = ["find_hidden", "find_instructions"]

_EARLIER = r"(?:previous|prior|above|earlier|preceding|foregoing|former|existing|original|initial|system|safety)"
_ORDERS = (
    r"(?:instructions?|prompts?|directions?|directives?|commands?|guidelines|rules|messages?|context|constraints"
    r"|guardrails|training|programming)"
)


def _any(*patterns: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns), flags)


_PATTERNS = {
    "override": _any(
        rf"\b(?:ignore|disregard|forget|override|bypass|neglect|skip|do not follow|don't follow|stop following)\s+"
        rf"(?:(?:all|any|every|each|everything|the|of|your|my|these|those|our|its|and)\s+){{0,4}}"
        rf"(?:{_EARLIER}\s+(?:(?:system|and|or|safety|given|user|{_EARLIER})\s+){{0,3}}{_ORDERS}"
        rf"|{_ORDERS}\s+(?:(?:that|you|were|was|have|been|which)\s+){{0,4}}"
        r"(?:above|before|given|so far|earlier|previously))",
        r"\b(?:ignoriere|vergiss|missachte)(?:\s+(?:alle|die|deine|s\u00e4mtliche|bitte)){1,3}\s+"
        r"(?:vorherigen|bisherigen|obigen|fr\u00fcheren|vorangegangenen)\s+(?:anweisungen|befehle|regeln|instruktionen)",
        r"\b(?:ignore[zr]?|oublie[zr]?)\s+(?:toutes\s+)?(?:les|tes|vos)\s+(?:instructions|consignes|r\u00e8gles)\s+"
        r"(?:pr\u00e9c\u00e9dentes|ci-dessus|ant\u00e9rieures)",
        r"\b(?:ignora|olvida|ignore)\s+(?:todas\s+)?(?:las|tus)\s+(?:instrucciones|\u00f3rdenes|reglas)\s+"
        r"(?:anteriores|previas|de arriba)",
        r"\b(?:new|updated|revised)\s+(?:system\s+)?(?:instructions?|prompt)\s*:",
    ),
    "persona": _any(
        r"\byou\s+are\s+now\s+(?:in\s+)?(?:DAN|(?:an?\s+)?(?:unrestricted|unfiltered|jailbroken|evil|uncensored)"
        r"|developer\s+mode|god\s+mode)\b",
        r"\b(?:pretend|act)\s+(?:as\s+if|that|like)\s+you\s+(?:have\s+no|are\s+not\s+bound\s+by|do\s+not\s+have)\s+"
        r"(?:any\s+)?(?:restrictions?|rules|guidelines|limits|filters)",
        r"\b(?:enable|enter|activate|switch to)\s+(?:jailbreak|DAN|god)\s+mode\b",
    ),
    "extraction": _any(
        r"\b(?:reveal|print|repeat|show|output|display|leak|tell\s+me|give\s+me|write\s+out)\s+"
        r"(?:(?:me|us|all|of|the|your|full|exact|entire|hidden|initial|original|complete)\s+){1,5}"
        r"(?:system\s+(?:prompt|message|instructions?)|(?:initial|hidden)\s+(?:prompt|instructions?))",
        r"\bdo\s+not\s+(?:tell|inform|mention\s+(?:this|it)\s+to|reveal\s+(?:this|it)\s+to|alert|notify)\s+the\s+user\b",
    ),
    "role": _any(
        r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id"
        r"|begin_of_text|end_of_text|endofprompt|end|python_tag|channel|message|start|return)\|>",
        r"\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]|<(?:start|end)_of_turn>",
        r"^#{2,3}\s*(?:System|Human|User|Assistant|Instruction|Response)\s*:\s*$",
        r"\n\n(?:Human|Assistant):\s",
        flags=re.MULTILINE,
    ),
}
_HINTS = {
    "override": (
        *("ignor", "disregard", "forget", "overrid", "bypass", "neglect", "skip", "not follow", "n't follow"),
        *("stop following", "vergiss", "missachte", "oublie", "olvida", "new ", "updated", "revised"),
    ),
    "persona": ("you", "mode"),
    "extraction": ("prompt", "instruction", "system", "the user"),
    "role": ("<", "[", "##", "human:", "assistant:"),
}
"""Pieces of text in lower case, one of which is in whatever a pattern matches: asked first, for that is cheap."""

_HIDDEN = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007e]{2,}|[\u200b-\u200f\u2060-\u2064\ufeff]{4,}"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}|[\u202d\u202e][^\u202c\n]{2,}"
)


def find_instructions(text: str) -> Iterator[Finding]:
    """Yields text that gives orders to a model, asks for its prompt, or plays another role."""
    lowered = text.lower()
    for kind, pattern in _PATTERNS.items():
        if any(hint in lowered for hint in _HINTS[kind]):
            yield from (Finding(kind, *match.span(), f"flags.{kind}") for match in pattern.finditer(text))


def find_hidden(text: str) -> Iterator[Finding]:
    """Yields runs of characters that nobody sees but a model reads: tags, joiners, variants, turned direction.

    To be asked before such characters are taken out.
    """
    if not text.isascii():
        yield from (Finding("hidden", *match.span(), "flags.hidden") for match in _HIDDEN.finditer(text))

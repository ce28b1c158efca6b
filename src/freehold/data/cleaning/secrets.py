"""Keys and tokens that a text should not carry.

Owns the forms. They are those that the providers document, as collected by gitleaks (MIT, commit b58d3f1 of July
2026, `config/gitleaks.toml`), written anew here; also from there: that a value set to a name such as `api_key` is
one where its letters are mixed enough (Shannon entropy of at least 3.5 bits), and that placeholders are not.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from freehold.data.cleaning.findings import Finding

__all__ = ["FORMS", "Form", "entropy", "find_secrets"]


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of secret is written.

    Attributes:
        name: `aws`.
        hints: Pieces of text, one of which is always there: what makes looking for it cheap.
        pattern: The secret is its group `secret`, or all of it.
        least: The least entropy of the secret, in bits per letter.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    least: float = 0.0


def _form(name: str, pattern: str, *, hints: str, least: float = 2.0) -> Form:
    return Form(name, tuple(hints.split()), re.compile(pattern), least)


_NAMED = (
    r"(?ix)(?: api[_.-]?key | apikey | access[_.-]?key | secret[_.-]?key | secret | token | passwd | password"
    r" | passphrase | private[_.-]?key | credentials? | auth[_.-]?key | encryption[_.-]?key"
    r" | signing[_.-]?key | pwd)"
    r" [\w.-]{0,20} [\"'\]]{0,2} \s{0,3} (?: := | => | = | : ) \s{0,3}"
    r"(?: (?P<quote>[\"'`]) (?P<secret>[^\s\"'`<>{}()$]{8,150}) (?P=quote)"
    r"   | (?P<bare>[\w+/=.~-]{10,150}) (?![\w(\[.:/]) )"
)
_PLACEHOLDER = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3}|your|example|sample|dummy|placeholder|change.?me|redacted|insert|todo|test.?(?:key|token)"
    r"|12345|abcde|password|secret|^(?:none|null|true|false|undefined)|^[a-z_]+(?:[._-][a-z_]+)*$|^[A-Z_]+$|^/|^[\d.:-]+$"
)
_ENOUGH = 3.5

FORMS = (
    _form("private-key", r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"
          r"[A-Za-z0-9+/=\s\\:,.-]{32,8000}?-----END[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----",
          hints="-----BEGIN"),
    _form("aws", r"(?<![A-Z0-9])(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Z0-9])",
          hints="A3T AKIA ASIA ABIA ACCA", least=3.0),
    _form("github", r"(?<!\w)(?:gh[pousr]_[0-9a-zA-Z]{36,255}|github_pat_\w{82})(?!\w)",
          hints="ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", least=3.0),
    _form("gitlab", r"(?<!\w)gl(?:pat|dt|ptt|rt)-[\w-]{20,300}(?:\.[0-9a-z]{9})?(?!\w)",
          hints="glpat- gldt- glptt- glrt-", least=3.0),
    _form("slack", r"(?<!\w)xox[abeoprs]-(?:\d{1,13}-)?[\w-]{10,250}(?!\w)|(?<!\w)xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+",
          hints="xox xapp-"),
    _form("slack-webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9+/]{43,56})",
          hints="hooks.slack.com"),
    _form("google", r"(?<!\w)AIza[\w-]{35}(?![\w-])|(?<!\w)GOCSPX-[\w-]{28}(?![\w-])|(?<!\w)ya29\.[\w-]{20,500}",
          hints="AIza GOCSPX- ya29.", least=3.0),
    _form("stripe", r"(?<!\w)(?:sk|rk)_(?:test|live|prod)_[a-zA-Z0-9]{10,99}(?!\w)"
          r"|(?<!\w)whsec_[a-zA-Z0-9+/=]{24,64}",
          hints="sk_ rk_ whsec_"),
    _form("openai", r"(?<!\w)sk-(?:(?:proj|svcacct|admin)-[\w-]{58,300}"
          r"|[a-zA-Z0-9]{20}T3BlbkFJ[a-zA-Z0-9]{20})(?![\w-])",
          hints="sk-", least=3.0),
    _form("anthropic", r"(?<!\w)sk-ant-(?:api|admin|sid|oat)\d{2}-[\w-]{60,150}(?![\w-])",
          hints="sk-ant-", least=3.0),
    _form("huggingface", r"(?<!\w)(?:hf|api_org)_[a-zA-Z0-9]{34}(?!\w)", hints="hf_ api_org_"),
    _form("npm", r"(?<!\w)npm_[a-zA-Z0-9]{36}(?!\w)", hints="npm_"),
    _form("pypi", r"(?<!\w)pypi-AgEIcHlwaS5vcmc[\w-]{50,1000}(?![\w-])", hints="pypi-", least=3.0),
    _form("sendgrid", r"(?<!\w)SG\.[\w=-]{20,24}\.[\w=-]{39,50}(?![\w-])", hints="SG."),
    _form("twilio", r"(?<!\w)SK[0-9a-f]{32}(?!\w)", hints="SK", least=3.0),
    _form("digitalocean", r"(?<!\w)do[opr]_v1_[a-f0-9]{64}(?!\w)", hints="_v1_", least=3.0),
    _form("telegram", r"(?<![\w:])\d{8,10}:AA[\w-]{33}(?![\w-])", hints=":AA", least=3.0),
    _form("jwt", r"(?<!\w)ey[a-zA-Z0-9]{17,}\.ey[\w/\\-]{17,}\.(?:[\w/\\-]{10,}={0,2})?", hints="ey", least=3.0),
    _form("url-password", r"(?<=://)[^\s/:@?#\"'<>\[\]]{1,64}:(?P<secret>[^\s/:@?#\"'<>\[\]{}$]{3,128})@(?=[\w.-]+)",
          hints="://", least=1.5),
    _form("named", _NAMED, hints="", least=_ENOUGH),
)  # fmt: skip
"""Every form, the surest first."""

_LOOSE = ("named", "url-password")
_WORDS = ("key", "secret", "token", "pass", "pwd", "credential")


def find_secrets(text: str) -> Iterator[Finding]:
    """Yields where secrets are.

    Example:
        >>> [each.rule for each in find_secrets('token = "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"')]
        ['secrets.github', 'secrets.named']
    """
    for form in FORMS:
        if form.name == "named" and not any(word in text.lower() for word in _WORDS):
            continue
        if not form.hints or any(hint in text for hint in form.hints):
            yield from _find(form, text)


def _find(form: Form, text: str) -> Iterator[Finding]:
    for match in form.pattern.finditer(text):
        groups = match.groupdict()
        group = next((name for name in ("secret", "bare") if groups.get(name)), 0)
        secret = match[group]
        if entropy(secret) < form.least or (form.name in _LOOSE and _is_placeholder(secret)):
            continue
        if group == "bare" and not (re.search(r"\d", secret) and re.search("[A-Za-z]", secret)):
            continue
        yield Finding("secret", *match.span(group), f"secrets.{form.name}")


def _is_placeholder(secret: str) -> bool:
    """Tells a value that stands for a secret: `your-key-here`, a name, a path, a number."""
    return bool(_PLACEHOLDER.search(secret))


def entropy(text: str) -> float:
    """Returns the Shannon entropy of a text's letters, in bits per letter."""
    counts = Counter(text)
    return -sum(times / len(text) * math.log2(times / len(text)) for times in counts.values())

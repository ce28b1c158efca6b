"""Keys and tokens are found by their forms; what stands for one is left."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pytest
from bench.intervals import wilson

from freehold.data.cleaning import Cleaned, Cleaning, Dropped, Settings
from freehold.data.cleaning.secrets import FORMS, entropy, find_secrets

R = random.Random(5)
ALNUM = string.ascii_letters + string.digits
B64 = ALNUM + "+/"


def some(letters: str, count: int) -> str:
    return "".join(R.choice(letters) for _ in range(count))


def url64(count: int) -> str:
    return some(ALNUM + "_-", count - 1) + R.choice(ALNUM)


_PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\n"
_ENDS = "-----END RSA PRIVATE KEY-----"
MAKERS: dict[str, Callable[[], str]] = {
    "private-key": lambda: f"{_PRIVATE}{some(B64, 64)}\n{some(B64, 9)}\n{_ENDS}",
    "aws": lambda: R.choice(("AKIA", "ASIA")) + some(string.ascii_uppercase + "234567", 16),
    "github": lambda: R.choice(("ghp_" + some(ALNUM, 36), "github_pat_" + some(ALNUM, 82))),
    "gitlab": lambda: "glpat-" + some(ALNUM, 20),
    "slack": lambda: f"xoxb-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(ALNUM, 24)}",
    "google": lambda: "AIza" + url64(35),
    "stripe": lambda: R.choice(("sk_live_", "rk_test_")) + some(ALNUM, 24),
    "openai": lambda: f"sk-{some(ALNUM, 20)}T3BlbkFJ{some(ALNUM, 20)}",
    "anthropic": lambda: f"sk-ant-api03-{url64(93)}AA",
    "huggingface": lambda: "hf_" + some(string.ascii_letters, 34),
    "npm": lambda: "npm_" + some(ALNUM, 36),
    "pypi": lambda: "pypi-AgEIcHlwaS5vcmc" + url64(80),
    "sendgrid": lambda: f"SG.{url64(22)}.{url64(43)}",
    "twilio": lambda: "SK" + some("0123456789abcdef", 32),
    "digitalocean": lambda: "dop_v1_" + some("0123456789abcdef", 64),
    "telegram": lambda: f"{R.randint(10**8, 10**9)}:AA{url64(33)}",
    "jwt": lambda: f"eyJ{some(ALNUM, 33)}.eyJ{some(ALNUM, 60)}.{url64(43)}",
}  # fmt: skip
FRAMES = ("use {} here", "KEY={}\n", 'x = "{}";', "see `{}`.", "({})")


def test_every_form_is_found_and_nothing_else_changes() -> None:
    cleaning = Cleaning(Settings(steps=("secrets",)))
    hits = total = 0
    for name, maker in MAKERS.items():
        for frame in FRAMES * 10:
            secret = maker()
            cleaned = cleaning.clean(frame.format(secret))
            assert isinstance(cleaned, Cleaned)
            total += 1
            hits += cleaned.text == frame.format("[SECRET]")
            assert cleaned.text in (frame.format("[SECRET]"), frame.format(secret)), (name, cleaned.text)
    recall = wilson(hits, total)
    assert recall.value >= 0.98, recall
    assert recall.n == 850


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ('api_key = "aB3xK9mQ2pL7vN4w"', 'api_key = "[SECRET]"'),
        ("DB_PASSWORD: 'tr0ub4dor&3xyz'", "DB_PASSWORD: '[SECRET]'"),
        ('{"client_secret": "9f8Hs7Kd6Jf5Lg4M"}', '{"client_secret": "[SECRET]"}'),
        ("AUTH_TOKEN=k3Jh5Gf7Ds9Aq2Ws", "AUTH_TOKEN=[SECRET]"),
        ("postgres://ada:s3cr3tPw9@db.example.org/x", "postgres://ada:[SECRET]@db.example.org/x"),
        ("https://hooks.slack.com/services/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",
         "https://hooks.slack.com/services/[SECRET]"),
    ],
)  # fmt: skip
def test_values_set_to_telling_names_are_masked(text: str, then: str) -> None:
    cleaned = Cleaning(Settings(steps=("secrets",))).clean(text)
    assert isinstance(cleaned, Cleaned)
    assert cleaned.text == then


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "YOUR_API_KEY"',
        'api_key = os.environ["API_KEY"]',
        "password: <your password here>",
        "token = tokenizer.next_token",
        'secret = "example-secret-value"',
        "the key: a long walk in the morning",
        "keyword=keyboard, monkey: banana",
        'password = "xxxxxxxxxxxx"',
        "SECRET_KEY = ${SECRET_KEY}",
        "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
        "https://user@example.org/ and https://user:password@host.com:80/path",
        "sk-learn, hf_transfer, npm_config, AKIA",
        "TOKEN = 1234567890",
    ],
)
def test_what_stands_for_a_secret_stays(text: str) -> None:
    assert list(find_secrets(text)) == []


def test_a_text_with_a_secret_may_be_dropped() -> None:
    outcome = Cleaning(Settings(steps=("secrets",), modes={"secrets": "drop"})).clean(f"use {MAKERS['aws']()}")
    assert isinstance(outcome, Dropped)
    assert outcome.rule == "secrets"


def test_forms_have_names_of_their_own() -> None:
    assert len({form.name for form in FORMS}) == len(FORMS) >= len(MAKERS)


def test_entropy_is_in_bits_per_letter() -> None:
    assert (entropy("aaaa"), entropy("abab"), entropy("abcd")) == (0.0, 1.0, 2.0)

"""Worked examples from the papers: small tables of numbers, and what was published of them."""

from __future__ import annotations

from freehold.label.crowd import Vote

__all__ = ["anaesthetists", "diagnoses", "krippendorff"]

_OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)

_DIAGNOSES = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 00501 30012 51000 02040
10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""

_PATIENTS = """
1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212
1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111
1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111
2322222 1211111 2222222
"""


def krippendorff() -> list[Vote]:
    """Four observers, twelve units, some missing. Krippendorff (2011), section C."""
    return [
        Vote(f"{unit:02}", f"observer {number}", None if label == "." else label)
        for number, row in enumerate(_OBSERVERS)
        for unit, label in enumerate(row.split())
    ]


def diagnoses() -> list[Vote]:
    """Thirty patients, six of many psychiatrists each, five diagnoses. Fleiss (1971), table 1."""
    votes = []
    for patient, counts in enumerate(_DIAGNOSES.split()):
        labels = [str(label) for label, count in enumerate(counts, 1) for _ in range(int(count))]
        votes += [Vote(f"{patient:02}", f"psychiatrist {number}", label) for number, label in enumerate(labels)]
    return votes


def anaesthetists() -> list[Vote]:
    """Forty-five patients, five anaesthetists, the first of them three times. Dawid and Skene (1979), table 1."""
    return [
        Vote(f"{patient:02}", "1112345"[place], label)
        for patient, row in enumerate(_PATIENTS.split(), 1)
        for place, label in enumerate(row)
    ]

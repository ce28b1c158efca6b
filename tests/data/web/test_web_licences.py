"""Addresses of licences: an identifier where it is certain, nothing where it is not."""

from __future__ import annotations

import pytest

from freehold.data.web import name_licence

CC = "https://creativecommons.org"


@pytest.mark.parametrize(
    ("url", "spdx"),
    [
        (f"{CC}/licenses/by/4.0/", "CC-BY-4.0"),
        (f"{CC}/licenses/by/4.0", "CC-BY-4.0"),
        ("http://www.creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("https://CreativeCommons.org/licenses/BY-SA/4.0/", "CC-BY-SA-4.0"),
        (f"{CC}/licenses/by-sa/4.0/deed.de", "CC-BY-SA-4.0"),
        (f"{CC}/licenses/by-sa/4.0/deed", "CC-BY-SA-4.0"),
        (f"{CC}/licenses/by-sa/4.0/deed.zh-hans", "CC-BY-SA-4.0"),
        (f"{CC}/licenses/by-sa/4.0/legalcode.txt", "CC-BY-SA-4.0"),
        (f"{CC}/licenses/by-nc-nd/3.0/", "CC-BY-NC-ND-3.0"),
        (f"{CC}/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),
        (f"{CC}/licenses/by/3.0/de/", "CC-BY-3.0-DE"),
        (f"{CC}/licenses/by/3.0/igo/legalcode", "CC-BY-3.0-IGO"),
        (f"{CC}/licenses/by-nc-sa/2.0/uk/", "CC-BY-NC-SA-2.0-UK"),
        (f"{CC}/licenses/by-sa/2.1/jp/", "CC-BY-SA-2.1-JP"),
        (f"{CC}/licenses/by/3.0/fr/", "LicenseRef-CC-BY-3.0-FR"),
        (f"{CC}/licenses/by/2.5/scotland/deed.en", "LicenseRef-CC-BY-2.5-SCOTLAND"),
        (f"{CC}/publicdomain/zero/1.0/", "CC0-1.0"),
        (f"{CC}/publicdomain/zero/1.0/deed.fr", "CC0-1.0"),
        (f"{CC}/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        (f"{CC}/licenses/publicdomain/", "CC-PDDC"),
        ("https://spdx.org/licenses/Apache-2.0.html", "Apache-2.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://opensource.org/license/mit/", "MIT"),
    ],
)
def test_what_is_certain_has_an_identifier(url: str, spdx: str) -> None:
    assert name_licence(url) == spdx


@pytest.mark.parametrize(
    "url",
    [
        "",
        "CC BY 4.0",
        f"{CC}/",
        f"{CC}/licenses/by/",
        f"{CC}/licenses/sampling/1.0/",
        f"{CC}/licenses/by/4.0/../by-nc/4.0/",
        f"{CC}.evil.org/licenses/by/4.0/",
        "https://evil.org/creativecommons.org/licenses/by/4.0/",
        "ftp://creativecommons.org/licenses/by/4.0/",
        "https://example.org/license",
        "https://opensource.org/licenses/",
        "http://[",
    ],
)
def test_what_is_not_certain_has_none(url: str) -> None:
    assert name_licence(url) == ""

"""What may be connected to: every way to write an address that is nobody's business, without ever connecting."""

# ruff: noqa: RUF001, that letters look like others is what is tested here

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.web.addresses import BadHostError, read_address, refuse_address, refuse_host
from freehold.data.web.urls import BadUrlError, canonical

REFUSED = """
http://127.0.0.1/
http://127.0.0.1:80/
http://127.1/
http://127.0.1/
http://127.255.255.255/
http://2130706433/
http://0x7f000001/
http://0x7F.0.0.1/
http://0x7f.1/
http://0177.0.0.1/
http://017700000001/
http://0177.0x0.0.1/
http://00000177.0.0.1/
http://127.0.0.1./
http://127.0.0.1.:80/
http://１２７.０.０.１/
http://１２７。０。０。１/
http://127。0。0。1/
http://127．0．0．1/
http://①②⑦.0.0.1/
http://0ｘ7f.1/
http://%31%32%37.0.0.1/
http://127%2e0%2e0%2e1/
http://%31%32%37%2E%30%2E%30%2E%31/
http://0/
http://0.0.0.0/
http://00/
http://0x0/
http://0x/
http://0.1.2.3/
http://10.0.0.1/
http://10.1/
http://012.0.0.1/
http://0xa.0.0.1/
http://167772161/
http://172.16.0.1/
http://172.31.255.255/
http://0254.16.0.1/
http://2886729729/
http://192.168.0.1/
http://192.168.1/
http://192.168.257/
http://0300.0250.0.1/
http://0xc0a80001/
http://3232235521/
http://100.64.0.1/
http://100.127.255.254/
http://100.100.100.200/
http://169.254.0.1/
http://169.254.169.254/latest/meta-data/
http://169.254.43518/
http://0xa9fea9fe/
http://2852039166/
http://0251.0376.0251.0376/
http://0251.254.169.254/
http://169.254.170.2/
http://168.63.129.16/
http://192.0.0.1/
http://192.0.0.192/
http://192.0.2.1/
http://192.88.99.1/
http://198.18.0.1/
http://198.19.255.255/
http://198.51.100.7/
http://203.0.113.9/
http://224.0.0.1/
http://239.255.255.250/
http://240.0.0.1/
http://255.255.255.255/
http://4294967295/
http://0xffffffff/
http://[::]/
http://[::1]/
http://[0:0:0:0:0:0:0:1]/
http://[0000::0001]/
http://[::0.0.0.1]/
http://[::127.0.0.1]/
http://[::10.0.0.1]/
http://[::ffff:127.0.0.1]/
http://[::ffff:7f00:1]/
http://[::FFFF:10.0.0.1]/
http://[::ffff:169.254.169.254]/
http://[::ffff:a9fe:a9fe]/
http://[::ffff:8.8.8.8]/
http://[0:0:0:0:0:ffff:192.168.0.1]/
http://[64:ff9b::127.0.0.1]/
http://[64:ff9b::10.0.0.1]/
http://[64:ff9b::a9fe:a9fe]/
http://[64:ff9b::7f00:1]/
http://[64:ff9b:1::1]/
http://[64:ff9b:1:abcd::10.0.0.1]/
http://[100::1]/
http://[2001::1]/
http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/
http://[2001:2::1]/
http://[2001:10::1]/
http://[2001:20::1]/
http://[2001:db8::1]/
http://[2002:7f00:1::]/
http://[2002:a00:1::1]/
http://[2002:c0a8:1::1]/
http://[2002:808:808::1]/
http://[3fff::1]/
http://[4000::1]/
http://[5f00::1]/
http://[fc00::1]/
http://[fd00::1]/
http://[fd00:ec2::254]/
http://[fe80::1]/
http://[fe80::a9fe:a9fe]/
http://[febf::1]/
http://[fec0::1]/
http://[ff02::1]/
http://[ff0e::1]/
http://[fe80::1%25eth0]/
http://[fe80::1%eth0]/
http://[::1%251]/
http://localhost/
http://LOCALHOST/
http://localhost./
http://LocalHost:80/
http://foo.localhost/
http://a.b.localhost./
http://localhost.localdomain/
http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/
http://ｌｏｃａｌｈｏｓｔ/
http://loc%61lhost/
http://printer/
http://intranet/
http://printer.local/
http://db.internal/
http://metadata.google.internal/computeMetadata/v1/
http://router.lan/
http://nas.home/
http://nas.home.arpa/
http://wiki.corp/
http://x.onion/
http://1.0.0.127.in-addr.arpa/
http://example.org@127.0.0.1/
http://127.0.0.1@example.org/
http://user:password@example.org/
http://@example.org/
http://:@10.0.0.1/
http://example.org%40127.0.0.1/
http:\\\\127.0.0.1/
http:/\\127.0.0.1/
http://127.0.0.1\\.example.org/
http://127.0.0.1#@example.org/
http://127.0.0.1?@example.org/
http://example.org:80@127.0.0.1/
http://[::1]@example.org/
http://[::1/
http://::1/
http://1.2.3.4.5/
http://256.256.256.256/
http://1.2.3.0x100/
http://1.2.3.256/
http://1.65536.1.1/
http://4294967296/
http://99999999999999999999999999/
http://0x1ffffffff/
http://08.8.8.8/
http://1.1.1.08/
http://8.8.8.8.0x/
http://example.0/
http://foo.123/
http://foo.0x7f/
http://example..org/
http://.example.org/
http://exam ple.org/
http://exam\u00adple\u200b/
http:///etc/passwd
http://
ftp://example.org/
file:///etc/passwd
gopher://127.0.0.1:70/
javascript:alert(1)
data:text/html,x
//example.org/
example.org
http://example.org:0/
http://example.org:65536/
http://example.org:-1/
http://example.org:8o/
http://example.org:99999999999/
""".strip().split("\n")

ALLOWED = {
    "http://8.8.8.8/": "8.8.8.8",
    "http://1.1/": "1.0.0.1",
    "http://0x8.0x8.0x8.0x8/": "8.8.8.8",
    "http://010.010.010.010/": "8.8.8.8",
    "http://134744072/": "8.8.8.8",
    "http://９.９.９.９/": "9.9.9.9",
    "http://9.255.255.255/": "9.255.255.255",
    "http://11.0.0.0/": "11.0.0.0",
    "http://126.255.255.255/": "126.255.255.255",
    "http://128.0.0.0/": "128.0.0.0",
    "http://100.63.255.255/": "100.63.255.255",
    "http://100.128.0.0/": "100.128.0.0",
    "http://169.253.255.255/": "169.253.255.255",
    "http://172.15.255.255/": "172.15.255.255",
    "http://172.32.0.0/": "172.32.0.0",
    "http://192.167.255.255/": "192.167.255.255",
    "http://223.255.255.255/": "223.255.255.255",
    "http://[2606:4700::1111]/": "[2606:4700::1111]",
    "http://[2A00:1450:0:0::1]/": "[2a00:1450::1]",
    "http://[64:ff9b::8.8.8.8]/": "[64:ff9b::808:808]",
    "http://Example.ORG./": "example.org",
    "http://bücher.example/": "xn--bcher-kva.example",
    "http://example.org:443/": "example.org",
    "http://localhost.example.org/": "localhost.example.org",
    "http://127.0.0.1.example.org/": "127.0.0.1.example.org",
    "http://x-127.org/": "x-127.org",
    "http://example.org\\@127.0.0.1/": "example.org",
}

LOOPBACK = ["http://127.0.0.1/", "http://127.9.9.9/", "http://0x7f.1/", "http://[::1]/", "http://localhost/"]


def refuse(url: str, *, allow_loopback: bool = False) -> str:
    """Returns why a URL is not asked, by its form or by its host."""
    try:
        host = canonical(url).host
    except BadUrlError as error:
        return str(error)
    return refuse_host(host, allow_loopback=allow_loopback)


def test_the_table_is_long_enough() -> None:
    assert len(set(REFUSED)) >= 150


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_not_public_is_refused_however_it_is_written(url: str) -> None:
    assert refuse(url)


@pytest.mark.parametrize("url", [url for url in REFUSED if url not in LOOPBACK])
def test_loopback_is_the_only_exception(url: str) -> None:
    why = refuse(url, allow_loopback=True)
    if not why:
        address = read_address(canonical(url).host)
        assert address is not None or canonical(url).host.endswith("localhost")
        assert address is None or address.is_loopback


@pytest.mark.parametrize("url", LOOPBACK)
def test_loopback_is_allowed_where_that_is_asked_for(url: str) -> None:
    assert refuse(url)
    assert not refuse(url, allow_loopback=True)


@pytest.mark.parametrize(("url", "host"), ALLOWED.items())
def test_what_is_public_is_allowed_in_its_one_form(url: str, host: str) -> None:
    assert refuse(url) == ""
    assert canonical(url).host == host


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_a_number_is_the_address_that_it_is(number: int, form: str) -> None:
    assert read_address(form.format(number)) == IPv4Address(number)


@given(st.integers(0, 2**32 - 1))
def test_what_python_calls_private_is_refused(number: int) -> None:
    address = IPv4Address(number)
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert refuse_address(address)


@given(st.integers(0, 2**128 - 1))
def test_ipv6_is_public_only_in_its_public_eighth(number: int) -> None:
    address = IPv6Address(number)
    if not refuse_address(address):
        assert number >> 125 == 1 or number >> 32 == 0x64FF9B << 64


@given(st.integers(0, 2**32 - 1))
def test_a_translated_address_is_what_it_translates_to(number: int) -> None:
    translated = IPv6Address((0x64FF9B << 96) + number)
    assert bool(refuse_address(translated)) == bool(refuse_address(IPv4Address(number)))
    assert refuse_address(IPv6Address((0xFFFF << 32) + number))


@given(st.text(max_size=30))
def test_no_host_is_too_strange(host: str) -> None:
    try:
        address = read_address(host)
    except BadHostError:
        return
    assert address is None or ip_address(str(address)) == address

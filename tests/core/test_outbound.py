"""Whom we may call: no writing of an address leads to this machine or its network."""

import ipaddress

import pytest

from impexd.core import outbound
from impexd.core.outbound import Allowed, Target

ANY = Allowed(frozenset({"*"}), frozenset({"*"}), (), (range(1, 65_536),))

REFUSED = {
    "decimal": ("http://2130706433/", "write it as"),
    "octal": ("http://0177.0.0.1/", "write it as"),
    "hexadecimal": ("http://0x7f000001/", "write it as"),
    "hexadecimal in parts": ("http://0x7f.0.0.1/", "not be"),
    "short": ("http://127.1/", "write it as"),
    "mapped into IPv6": ("http://[::ffff:127.0.0.1]/", "127.0.0.1 is no address of the public"),
    "mapped, in hexadecimal": ("http://[::ffff:7f00:1]/", "127.0.0.1 is no address of the public"),
    "NAT64": ("http://[64:ff9b::a9fe:a9fe]/", "169.254.169.254 is no address of the public"),
    "6to4": ("http://[2002:0a00:0001::]/", "10.0.0.1 is no address of the public"),
    "loopback": ("http://127.0.0.1/", "public internet"),
    "loopback, IPv6": ("http://[::1]/", "public internet"),
    "private": ("http://192.168.1.1/", "public internet"),
    "unique local": ("http://[fc00::1]/", "public internet"),
    "link-local": ("http://[fe80::1]/", "public internet"),
    "metadata": ("http://169.254.169.254/latest/", "public internet"),
    "carrier-grade NAT": ("http://100.64.0.1/", "public internet"),
    "nowhere": ("http://0.0.0.0/", "public internet"),
    "multicast": ("http://224.0.0.1/", "public internet"),
    "trailing dot": ("http://localhost./", "no name"),
    "IDN": ("http://exämple.com/", "xn--"),
    "full-width digits": ("http://１２７.0.0.1/", "xn--"),
    "ideographic dot": ("http://127。0。0。1/", "xn--"),
    "user": ("http://good.example@127.0.0.1/", "does not belong"),
    "backslash": ("http://good.example\\@evil.example/", "ASCII"),
    "another scheme": ("file:///etc/passwd", "https://"),
    "gopher": ("gopher://a.example/", "https://"),
    "a line break": ("http://a.example/\r\nX: y", "ASCII"),
    "a zone": ("http://[fe80::1%25eth0]/", "no address"),
    "no host": ("https:///x", "no host"),
    "a port that is none": ("https://a.example:x/", "no URL"),
}


@pytest.mark.parametrize(("url", "part"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_called_is_refused_as_it_is_written(url: str, part: str) -> None:
    judged = outbound.target(url, ANY)
    assert isinstance(judged, str)
    assert part in judged or part == "not be"


def test_only_listed_hosts_are_called_and_without_tls_only_some() -> None:
    rule = Allowed(frozenset({"api.example", "*.courier.example"}), frozenset({"api.example"}))
    assert outbound.target("https://API.example/x", rule) == Target("https", "api.example", 443)
    assert outbound.target("http://api.example/x", rule) == Target("http", "api.example", 80)
    assert isinstance(outbound.target("https://eu.courier.example/x", rule), Target)
    assert "https only" in str(outbound.target("http://eu.courier.example/x", rule))
    for other in ("courier.example", "evilcourier.example", "api.example.evil.example"):
        assert "none of the hosts" in str(outbound.target(f"https://{other}/", rule))
    assert "port 22" in str(outbound.target("https://api.example:22/", rule))


def test_a_private_network_is_called_if_it_is_listed_and_no_other() -> None:
    rule = Allowed(frozenset({"*"}), private=outbound.networks(["10.1.0.0/16"]))
    assert outbound.address(ipaddress.ip_address("10.1.2.3"), rule) == ""
    assert "10.2.0.1" in outbound.address(ipaddress.ip_address("10.2.0.1"), rule)
    assert outbound.address(ipaddress.ip_address("93.184.215.14"), rule) == ""
    assert outbound.address(ipaddress.ip_address("2606:4700::1111"), rule) == ""


def test_the_name_of_a_host_is_kept_with_a_port_that_is_not_usual() -> None:
    assert Target("https", "a.example", 8443).authority == "a.example:8443"
    assert Target("http", "::1", 80).authority == "[::1]"

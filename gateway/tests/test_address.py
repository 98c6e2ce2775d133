"""Find who calls: the right-most hop that is no proxy of ours, whatever else a header says."""

from ipaddress import ip_network

import pytest

from gateway.guards.address import client_address, exact_address, is_forwarded_by_stranger


@pytest.fixture(autouse=True)
def proxies(settings):
    settings.TRUSTED_PROXIES = [ip_network(one) for one in ("172.16.0.0/12", "10.0.0.7/32", "fd00::/8")]


def seen(remote, forwarded=None):
    meta = {"REMOTE_ADDR": remote} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded is not None else {})
    return exact_address(meta)


@pytest.mark.parametrize(
    ("remote", "forwarded", "caller"),
    [
        ("203.0.113.5", None, "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),  # a stranger forwards: not believed
        ("172.18.0.9", "198.51.100.1", "198.51.100.1"),
        ("172.18.0.9", "1.1.1.1, 10.0.0.1, 198.51.100.1", "198.51.100.1"),  # the left ones are forged
        ("172.18.0.9", "1.1.1.1, 198.51.100.1, 10.0.0.7", "198.51.100.1"),  # through two of ours
        ("172.18.0.9", "198.51.100.1, 172.31.255.255, fd00::5, 10.0.0.7", "198.51.100.1"),
        ("172.18.0.9", "198.51.100.1, 10.0.0.8", "10.0.0.8"),  # a neighbour of a proxy is none
        ("172.32.0.1", "198.51.100.1", "172.32.0.1"),  # just outside the network
        ("172.18.0.9", "172.18.0.10", "172.18.0.10"),  # nobody but proxies: the first of them
        ("172.18.0.9", "", "172.18.0.9"),
        ("172.18.0.9", " , ,", "172.18.0.9"),
        ("172.18.0.9", "198.51.100.1:4711", "198.51.100.1"),
        ("172.18.0.9:80", "198.51.100.1", "198.51.100.1"),
        ("fd00::9", "[2001:db8::7]:4711", "2001:db8::7"),
        ("fd00::9", "2001:DB8:0:0::7", "2001:db8::7"),
        ("fd00::9", "fe80::1%eth0", "fe80::1"),
        ("::ffff:172.18.0.9", "::ffff:198.51.100.1", "198.51.100.1"),
        ("172.18.0.9", "198.51.100.1, unknown", "unknown"),
        ("172.18.0.9", "198.51.100.1, <script>", "unknown"),
        ("", "198.51.100.1", "127.0.0.1"),
    ],
)
def test_the_caller_is_the_right_most_hop_that_is_no_proxy_of_ours(remote, forwarded, caller):
    assert seen(remote, forwarded) == caller


def test_nobody_is_believed_by_default(settings):
    settings.TRUSTED_PROXIES = []
    assert seen("127.0.0.1", "198.51.100.1") == "127.0.0.1"


def test_a_household_counts_once():
    assert client_address({"REMOTE_ADDR": "2001:db8::7"}) == "2001:db8::/64"
    assert client_address({"REMOTE_ADDR": "203.0.113.5"}) == "203.0.113.5"
    assert client_address({"REMOTE_ADDR": "fd00::1", "HTTP_X_FORWARDED_FOR": "somebody"}) == "unknown"


def test_a_stranger_who_forwards_is_known():
    forwarded = {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}
    assert is_forwarded_by_stranger({"REMOTE_ADDR": "127.0.0.1"} | forwarded)
    assert not is_forwarded_by_stranger({"REMOTE_ADDR": "172.18.0.9"} | forwarded)
    assert not is_forwarded_by_stranger({"REMOTE_ADDR": "127.0.0.1"})

"""Who may get in, and which settings are refused."""

from __future__ import annotations

import socket

import pytest

from lipexplore.app.options import Options, is_loopback, new_token
from lipexplore.errors import InvalidNetwork, InvalidSetting


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host):
    assert is_loopback(host)
    assert new_token(host) == ""
    assert Options(host=host).address(1234).count("token") == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.7", "example.org", "localhost."])
def test_any_other_address_is_refused_without_a_token(host):
    for token in ("", "short"):
        with pytest.raises(InvalidSetting, match="a token of at least"):
            Options(host=host, token=token)
    token = new_token(host)
    assert len(token) >= 32
    assert token != new_token(host)
    options = Options(host=host, token=token)
    assert options.address(1234).endswith(f":1234/?token={token}")
    assert token not in repr(options)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"port": -1}, "--port must be"),
        ({"port": 65536}, "--port must be"),
        ({"users": 0}, "--users must be at least 1"),
        ({"idle_minutes": 0.0}, "--idle-minutes must be positive"),
        ({"idle_minutes": float("nan")}, "--idle-minutes must be positive"),
        ({"idle_minutes": float("inf")}, "--idle-minutes must be positive"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(InvalidSetting, match=words):
        Options(**settings)


def test_a_network_that_cannot_be_read_is_refused():
    with pytest.raises(InvalidNetwork, match="there is no such file"):
        Options(networks=("nothing.npz",))


def test_a_port_in_use_is_told_in_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSetting, match=f"cannot listen on port {port} .*--port 0"):
            Options(port=port).listen()
    with Options(port=0).listen() as free:
        assert free.getsockname()[1] > 0
    with pytest.raises(InvalidSetting, match=r"cannot listen on port 0 of no\.such\.host "):
        Options(host="no.such.host", port=0, token="x" * 20).listen()


def test_ipv6_addresses_are_written_in_brackets():
    assert Options(host="::1").address(80) == "http://[::1]:80/"

"""By which names a server is asked: no page elsewhere may have one that leads here."""

import socket

import pytest

from harness.serving.hosts import Hosts, is_address, read_name
from pipeline.errors import BadInput


@pytest.mark.parametrize(
    "header", ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1:80", "[::1]:80", "[::1]", "192.168.1.7:8000", ""]
)
def test_addresses_and_the_machine_itself_are_admitted(header: str) -> None:
    assert Hosts.of("127.0.0.1").admit(header)


@pytest.mark.parametrize(
    "header",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "x@localhost", "1.2.3"],
)
def test_other_names_are_not(header: str) -> None:
    assert not Hosts.of("127.0.0.1").admit(header) and not Hosts.of("0.0.0.0").admit(header)


def test_a_server_is_asked_by_the_name_that_it_listens_on_and_by_those_that_are_allowed() -> None:
    assert Hosts.of("models.local").admit("Models.Local:8000")
    assert Hosts.of("0.0.0.0").admit(f"{socket.gethostname()}:8000")
    assert Hosts.of("127.0.0.1", ["models.example.org"]).admit("models.example.org")
    assert not Hosts.of("127.0.0.1", ["models.example.org"]).admit("other.example.org")
    assert Hosts.of("127.0.0.1", ["*"]).admit("evil.example")


@pytest.mark.parametrize("name", ["http://models.example.org", "models.example.org:80", "a/b", "", "a b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="--allow-host .*: expected a name such as models.example.org, without a port"):
        Hosts.of("127.0.0.1", [name])


def test_a_header_is_read_without_its_port() -> None:
    assert [read_name(one) for one in ("A.b:1", "[::1]:2", "[::1]", "a.")] == ["a.b", "::1", "::1", "a"]
    assert is_address("::1") and not is_address("a.b")

"""Hosts: the names by which a server may be asked.

A browser lets a page ask only the server that the page came from, which it knows by its name. Whoever has a name can
have it lead to another machine, this one say, once the page is loaded (DNS rebinding). So a request by a name that is
not this server's is refused. An address, such as 127.0.0.1, leads nowhere else.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import BadInput

# Addresses that are all those of the machine.
ALL = ("", "0.0.0.0", "::", "*")
NAME = re.compile(r"[^\s/:@\[\]?#]+")
ANY = "*"


@dataclass(frozen=True)
class Hosts:
    """names: in lower case; ANY: whatever name it is asked by."""

    names: frozenset[str] = frozenset(("localhost",))

    @classmethod
    def of(cls, listening: str, allowed: Sequence[str] = ()) -> "Hosts":
        """Return the names of a server. listening: its --host. allowed: further names; BadInput for what is none."""
        for name in allowed:
            if not NAME.fullmatch(name):
                raise BadInput(
                    f"--allow-host {name}: expected a name such as models.example.org, without a port or a path, or "
                    "* for any"
                )
        # Who listens on all addresses is asked by the machine's own name.
        own = socket.gethostname() if listening in ALL else listening
        return cls(frozenset(name.lower() for name in ("localhost", own, *allowed)))

    def admit(self, header: str) -> bool:
        """Return whether a request with this Host header may pass; one without, which no browser sends, may."""
        name = read_name(header)
        return not name or ANY in self.names or name in self.names or is_address(name)


def read_name(header: str) -> str:
    """Return the name or address of a Host header, without its port, in lower case."""
    name = header.rpartition("]")[0].lstrip("[") if header.startswith("[") else header.partition(":")[0]
    return name.lower().removesuffix(".")


def is_address(name: str) -> bool:
    """Return whether a host is an address, rather than a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

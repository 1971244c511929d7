"""No test reaches for the network: this process may speak to itself alone, and so may what is started through here."""

import sys

import pytest

EVENTS = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}
LOCAL = {"", "localhost", "127.0.0.1", "::1", "None"}
outside = []


def host(event, args):
    """The host that an event of `sys.audit` is about; empty for sockets in the file system."""
    where = args[1] if event in ("socket.connect", "socket.bind", "socket.sendto") else args[0]
    if isinstance(where, tuple):
        where = where[0]
    elif event.startswith("socket.get"):
        where = where.decode() if isinstance(where, bytes) else where
    else:
        where = ""
    return str(where)


def watch(event, args):
    """Refuse, and remember, what leaves this machine."""
    if event in EVENTS and host(event, args) not in LOCAL:
        outside.append((event, host(event, args)))
        raise ConnectionRefusedError(f"No test reaches for the network: {event} {host(event, args)}.")


def install():
    """For the rest of this process."""
    sys.addaudithook(watch)


@pytest.fixture(autouse=True)
def no_network():
    """A refusal that a library takes for a bad day fails the test all the same."""
    outside.clear()
    yield
    assert not outside

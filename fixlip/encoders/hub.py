"""Whether the hub of models can be reached, asked once and briefly."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from huggingface_hub import constants, utils

SECONDS = 5.0


def reachable(address: str) -> bool:
    """Whether something answers at this address, through the proxies of the environment, within `SECONDS`."""
    try:
        urlopen(Request(address, method="HEAD"), timeout=SECONDS).close()
    except HTTPError:
        return True
    except URLError as error:
        return isinstance(error.reason, ssl.SSLError)  # the hub's own client may know the certificate
    except OSError:
        return False
    return True


@contextmanager
def cache_alone_without_network() -> Iterator[None]:
    """Ask the cache of the hub alone where the hub does not answer.

    As ``HF_HUB_OFFLINE=1`` would say; otherwise each file is tried six times, for half a minute to minutes, even when
    it lies in the cache.
    """
    if constants.HF_HUB_OFFLINE or reachable(constants.ENDPOINT):
        yield
        return
    _set_offline(True)
    try:
        yield
    finally:
        _set_offline(False)


def _set_offline(offline: bool) -> None:
    constants.HF_HUB_OFFLINE = offline
    if hasattr(utils, "reset_sessions"):  # before huggingface_hub 1.0 a connection remembers it
        utils.reset_sessions()

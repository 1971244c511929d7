"""A brief check, made once, of whether the hub of models can be reached; and folders, for which it is never asked."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from os.path import isdir, isfile, join
from threading import get_ident
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from huggingface_hub import constants, utils
from timm.models import _hub as timm_hub

from fixlip.encoders.foreign_code import replaced
from fixlip.errors import UnsupportedModelError

SECONDS = 5.0
CONFIG_NAME = "config.json"


def reachable(address: str) -> bool:
    """Return whether something answers at this address, through the proxies of the environment, within `SECONDS`."""
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
    with _offline():
        yield


@contextmanager
def folder_alone(folder: str) -> Iterator[None]:
    """Take all parts of a model from its folder, for this thread: parts that its files name on a hub, too.

    The two places that all files of a hub pass, in transformers and in timm, look into the folder instead, whatever the
    name; so what is in the cache of the hub makes no difference either.

    Args:
        folder: an existing folder.

    Raises:
        UnsupportedModelError: the folder lacks the configuration of a part; transformers says what else is missing.
    """

    def path_of(repo_id: str, filename: str) -> str:
        if not isfile(path := join(folder, filename)):
            raise UnsupportedModelError(f"{folder!r} names {repo_id!r} of a hub, but has no {filename} of it.")
        return path

    def cached_files(path_or_repo_id: Any, filenames: list[str], *args: Any, **kwargs: Any) -> Any:
        if CONFIG_NAME in filenames and not isdir(path_or_repo_id):
            path_of(path_or_repo_id, CONFIG_NAME)
        return cached(folder, filenames, *args, **kwargs)

    def downloaded(repo_id: str, filename: str, *args: Any, **kwargs: Any) -> str:
        return path_of(repo_id, filename)

    with ExitStack() as stack:
        stack.enter_context(replaced(timm_hub, "hf_hub_download", _here(downloaded, timm_hub.hf_hub_download)))
        if find_spec("transformers") is not None:
            from transformers.utils import hub

            cached = hub.cached_files
            stack.enter_context(replaced(hub, "cached_files", _here(cached_files, cached)))
        if not constants.HF_HUB_OFFLINE:
            stack.enter_context(_offline())
        yield


def _here(run: Callable[..., Any], elsewhere: Callable[..., Any]) -> Callable[..., Any]:
    """A function for this thread, and another one for all others."""
    here = get_ident()
    return lambda *args, **kwargs: (run if get_ident() == here else elsewhere)(*args, **kwargs)


@contextmanager
def _offline() -> Iterator[None]:
    _set_offline(True)
    try:
        yield
    finally:
        _set_offline(False)


def _set_offline(offline: bool) -> None:
    constants.HF_HUB_OFFLINE = offline
    if hasattr(utils, "reset_sessions"):  # before huggingface_hub 1.0 a connection remembers it
        utils.reset_sessions()

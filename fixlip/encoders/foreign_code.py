"""A model is weights and settings: code that its files name is never run."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import get_ident
from typing import Any

from fixlip.errors import UnsupportedModelError


@contextmanager
def no_foreign_code() -> Iterator[None]:
    """While a model is loaded, transformers neither runs code that the model brings nor asks on the terminal about it.

    A configuration can turn ``trust_remote_code`` on by itself (``tokenizer_kwargs`` of open_clip), or name a kernel of
    the hub as its attention (CVE-2026-4372, transformers 4.56 to 5.2): so the two places that all such code passes are
    closed, for this thread, rather than an option set.

    Raises:
        UnsupportedModelError: the model asks for it.
    """
    with ExitStack() as stack:
        if find_spec("transformers") is not None:
            modules = import_module("transformers.dynamic_module_utils")
            kernels = import_module("transformers.integrations.hub_kernels")
            stack.enter_context(replaced(modules, "TIME_OUT_REMOTE_CODE", 0))
            stack.enter_context(replaced(modules, "get_class_in_module", _refused(modules.get_class_in_module)))
            if hasattr(kernels, "get_kernel"):
                stack.enter_context(replaced(kernels, "get_kernel", _refused(kernels.get_kernel)))
        yield


def _refused(run: Callable[..., Any]) -> Callable[..., Any]:
    here = get_ident()

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if get_ident() == here:
            raise UnsupportedModelError(f"The model brings code of its own ({name}); fixlip runs none.")
        return run(name, *args, **kwargs)

    return refuse


@contextmanager
def replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    """Put something in the place of what a module has under a name, for all threads."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)

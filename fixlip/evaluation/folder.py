"""The folder of a run: its settings, and who may write into it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fixlip.errors import InputError, OptionError
from fixlip.evaluation.plan import Plan
from fixlip.storage import write_atomically

SETTINGS = "run.json"


def read_settings(folder: str | Path) -> dict[str, Any]:
    """What `run.json` says.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = Path(folder) / SETTINGS
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"No results in {str(folder)!r}: it has no {SETTINGS}; fixlip evaluate writes it.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {str(path)!r}: {error}.") from error
    return found


def settle(plan: Plan, folder: Path) -> Plan:
    """The plan with what earlier runs into this folder have decided; written there with what is new."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
    with lock(folder / ".settings.lock", "another process is starting", wait=60):
        settings: dict[str, Any] = {
            "fixlip": version("fixlip"),
            "items": len(plan.dataset),
            "selected_by": next(iter(plan.encoders)),
        }
        before: dict[str, Any] = {}
        if (folder / SETTINGS).exists():
            before = read_settings(folder)
            plan = plan.joined(before)
            if len(plan.dataset) != before["items"]:
                raise OptionError(f"The data set had {before['items']} items and has {len(plan.dataset)} now.")
            settings |= {"selected_by": before["selected_by"]}
        if plan.threads is None:
            import torch

            plan = replace(plan, threads=torch.get_num_threads())
        settings |= plan.settings()
        for name in ("metrics", "models", "estimators"):
            settings[name] = list(dict.fromkeys([*before.get(name, []), *settings[name]]))
        write_atomically(folder / SETTINGS, (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode())
    return plan


@contextmanager
def lock(path: Path, who: str, wait: float = 0) -> Iterator[None]:
    """Hold a file for this process.

    Raises:
        OptionError: another process holds it for longer than `wait` seconds (-1: however long); `who` says which.
    """
    try:
        with FileLock(path, timeout=wait):
            yield
    except Timeout as error:
        raise OptionError(f"{str(path.parent)!r}: {who}.") from error

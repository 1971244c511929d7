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
from fixlip.files import read_bytes, write_atomically
from fixlip.kinds import JSON, Maybe, Optional, check, parsed

SETTINGS, VERSION, LARGEST = "run.json", 1, 1 << 24  # of the file: name, version of what it holds, bytes
RUN = {
    "version": Optional(int),
    "items": Optional(int),
    "selected_by": Optional(str),
    "metrics": Optional([str]),
    "models": Optional([str]),
    "estimators": Optional([str]),
    "data": Optional(str),
    "budget": Optional(Maybe(int)),
    "image_masks": Optional(Maybe(int)),
    "text_masks": Optional(Maybe(int)),
    "seed": Optional(int),
    "removal": Optional({str: str}),
    "image_players": Optional(str),
    "text_players": Optional(str),
    "captions": Optional(str),
    "top": Optional(Maybe(int)),
    "device": Optional(Maybe(str)),
    "threads": Optional(Maybe(int)),
    ...: JSON,
}


def read_settings(folder: str | Path) -> dict[str, Any]:
    """What `run.json` says.

    Args:
        folder: of a run.

    Raises:
        InputError: there is none, it is damaged, or a newer fixlip has written it.
    """
    path = Path(folder) / SETTINGS
    if not path.exists():
        raise InputError(f"No results in {str(folder)!r}: it has no {SETTINGS}; fixlip evaluate writes it.")
    try:
        found: dict[str, Any] = parsed(read_bytes(path, LARGEST))
        if isinstance(found, dict) and isinstance(found.get("version"), int) and found["version"] > VERSION:
            raise ValueError(f"it is of version {found['version']}, this fixlip reads up to {VERSION}; update fixlip")
        check(found, RUN)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{str(path)!r} does not hold the settings of a run: {error}.") from error
    return found


def settle(plan: Plan, folder: Path) -> Plan:
    """The plan with what earlier runs into this folder have decided; written there with what is new."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from error
    with lock(folder / ".settings.lock", "another process is starting", wait=60):
        settings: dict[str, Any] = {
            "version": VERSION,
            "fixlip": version("fixlip"),
            "items": len(plan.dataset),
            "selected_by": next(iter(plan.encoders)),
        }
        before: dict[str, Any] = {}
        if (folder / SETTINGS).exists():
            before = read_settings(folder)
            if not {"items", "selected_by"} <= set(before):
                raise InputError(f"{str(folder / SETTINGS)!r} lacks settings of a run; take another folder.")
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

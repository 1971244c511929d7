"""The folder of a run: its settings, and who may write into it."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from fixlip.errors import InputError, OptionError
from fixlip.evaluation.plan import Plan
from fixlip.io.files import lock, read_bytes, write_atomically
from fixlip.io.schema import Fields, check_version, checked, parsed

SETTINGS, VERSION, LARGEST = "run.json", 1, 1 << 24  # of the file: name, version of what it holds, bytes


class Settings(Fields):
    """Contents of `run.json`; later versions may add to them."""

    model_config = ConfigDict(extra="allow")

    version: int = 1
    items: int = 0
    selected_by: str = ""
    metrics: list[str] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list)
    estimators: list[str] = Field(default_factory=list)
    data: str = ""
    budget: int | None = None
    image_masks: int | None = None
    text_masks: int | None = None
    seed: int = 0
    removal: dict[str, str] = Field(default_factory=dict)
    image_players: str = ""
    text_players: str = ""
    captions: str = ""
    top: int | None = None
    device: str | None = None
    threads: int | None = None


def read_settings(folder: str | Path) -> dict[str, Any]:
    """Read `run.json`.

    Args:
        folder: of a run.

    Raises:
        InputError: there is none, it is damaged, or a newer fixlip has written it.
    """
    path = Path(folder) / SETTINGS
    if not path.exists():
        raise InputError(f"No results in {str(folder)!r}: it has no {SETTINGS}; fixlip evaluate writes it.")
    try:
        settings: dict[str, Any] = parsed(read_bytes(path, LARGEST))
        if isinstance(settings, dict):
            check_version(settings.get("version"), VERSION)
        checked(settings, Settings)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{str(path)!r} does not hold the settings of a run: {error}.") from error
    return settings


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

"""Explanations on disk and in shapiq's format.

One file is one safetensors file: the arrays, the picture as PNG bytes, and a JSON header under the key ``fixlip``.
Nothing in it is ever executed.
"""

import io
import json
import os
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack

from fixlip.errors import InputError
from fixlip.explanation import Explanation, Provenance, StandardErrors
from fixlip.players import Player, Players
from fixlip.removal_curves import RemovalCurves

if TYPE_CHECKING:
    import shapiq

VERSION = 1
_SCALARS = ("baseline", "empty_value", "full_value", "index", "unit")


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: the folder does not exist or cannot be written.
    """
    path = Path(path)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.name, 0o666 & ~_umask())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise InputError(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def save(explanation: Explanation, path: str | Path) -> None:
    """Write an explanation; `load` gives an equal one back."""
    arrays = {"first_order": explanation.first_order, "second_order": explanation.second_order}
    if explanation.stderr is not None:
        arrays["stderr_first_order"] = explanation.stderr.first_order
        arrays["stderr_second_order"] = explanation.stderr.second_order
    curves = {} if explanation.curves is None else vars(explanation.curves)
    arrays |= {f"curves_{name}": value for name, value in curves.items() if isinstance(value, np.ndarray)}
    players = explanation.players
    if players.picture is not None:
        arrays["picture"] = np.frombuffer(png_bytes(players.picture), dtype=np.uint8)
    if players.regions is not None:
        arrays["regions"] = players.regions
    header = {
        "version": VERSION,
        **{name: getattr(explanation, name) for name in _SCALARS},
        "stderr_baseline": None if explanation.stderr is None else explanation.stderr.baseline,
        "caption": players.caption,
        "grid": players.grid,
        "image": [asdict(p) for p in players.image],
        "text": [asdict(p) for p in players.text],
        "provenance": asdict(explanation.provenance),
        "curves": {name: value for name, value in curves.items() if isinstance(value, int)},
    }
    contiguous = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    write_atomically(path, pack(contiguous, metadata={"fixlip": json.dumps(header)}))


def load(path: str | Path) -> Explanation:
    """Read an explanation.

    Raises:
        InputError: no such file, or not an explanation written by a version of fixlip that this one knows.
    """
    try:
        with safe_open(path, "numpy") as file:
            header = json.loads((file.metadata() or {}).get("fixlip", "null"))
            arrays = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (safe_open is not a dict)
    except FileNotFoundError as error:
        raise InputError(f"No file {str(path)!r}.") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not a saved explanation: {error}.") from error
    if not isinstance(header, dict) or header.get("version") != VERSION:
        found = header.get("version") if isinstance(header, dict) else None
        raise InputError(f"{str(path)!r} is not a saved explanation of version {VERSION} (found {found}).")
    try:
        return _from_parts(header, arrays)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise InputError(f"{str(path)!r} is a damaged explanation: {error}.") from error


def _from_parts(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Explanation:
    picture = arrays.get("picture")
    players = Players(
        tuple(_player(p) for p in header["image"]),
        tuple(_player(p) for p in header["text"]),
        tuple(header["grid"]) if header["grid"] else None,
        header["caption"],
        None if picture is None else np.asarray(Image.open(io.BytesIO(picture.tobytes())).convert("RGB")),
        arrays.get("regions"),
    )
    stderr = None
    if header["stderr_baseline"] is not None:
        stderr = StandardErrors(header["stderr_baseline"], arrays["stderr_first_order"], arrays["stderr_second_order"])
    curves: dict[str, Any] = {
        name.removeprefix("curves_"): array for name, array in arrays.items() if name.startswith("curves_")
    }
    return Explanation(
        **{name: header[name] for name in _SCALARS},
        first_order=arrays["first_order"],
        second_order=arrays["second_order"],
        players=players,
        stderr=stderr,
        provenance=Provenance(**header["provenance"]),
        curves=RemovalCurves(**curves, **header["curves"]) if curves else None,
    )


def _player(fields: dict[str, Any]) -> Player:
    box, span = fields["box"], fields["span"]
    return Player(fields["modality"], fields["label"], box and tuple(box), span and tuple(span))


def png_bytes(picture: np.ndarray) -> bytes:
    """A uint8 picture [height, width, 3] as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def to_shapiq(explanation: Explanation) -> "shapiq.InteractionValues":
    """See `Explanation.to_shapiq`."""
    import shapiq

    values: dict[tuple[int, ...], float] = {(): explanation.baseline}
    values |= {(i,): float(v) for i, v in enumerate(explanation.first_order)}
    for i, j in zip(*np.triu_indices(len(explanation.players), 1), strict=True):
        if not np.isnan(explanation.second_order[i, j]):
            values[int(i), int(j)] = float(explanation.second_order[i, j])
    lookup = {interaction: k for k, interaction in enumerate(values)}
    with warnings.catch_warnings():  # shapiq warns of index names that it does not compute itself
        warnings.simplefilter("ignore", UserWarning)
        return shapiq.InteractionValues(
            np.array(list(values.values())),
            index=explanation.index,
            max_order=2,
            min_order=0,
            n_players=len(explanation.players),
            interaction_lookup=lookup,
            baseline_value=explanation.baseline,
            estimated=explanation.stderr is not None,
        )


def from_shapiq(values: "shapiq.InteractionValues", players: Players, **fields: Any) -> Explanation:
    """See `Explanation.from_shapiq`."""
    n = len(players)
    if values.n_players != n or values.max_order > 2:
        raise InputError(
            f"Need values of order 1 or 2 for {n} players, got order {values.max_order} for {values.n_players}."
        )
    first, second = np.zeros(n), np.full((n, n), np.nan)
    np.fill_diagonal(second, 0.0)
    baseline = float(values.baseline_value)
    for interaction, position in values.interaction_lookup.items():
        value = float(values.values[position])
        if len(interaction) == 0:
            baseline = value
        elif len(interaction) == 1:
            first[interaction[0]] = value
        else:
            i, j = interaction
            second[i, j] = second[j, i] = value
    fields.setdefault("full_value", baseline + first.sum() + 0.5 * np.nansum(second))
    fields.setdefault("empty_value", baseline)
    return Explanation(baseline, first, second, index=values.index, players=players, **fields)

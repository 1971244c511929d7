"""Search with highlights: pictures are explained once, for every query that comes later.

    index = fixlip.build_index("photos", "photos.index", model="demo-clip")
    hits = index.search("a black dog", k=12)

`build_index` writes one Lance table (`store`, `schema`), a row for each picture (`build`, `tower`) from whatever holds
pictures (`pictures`). `search.Index` finds the most similar ones and explains them (`query`); the results are
`fixlip.results.hits.Hits`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fixlip.api.load import DEFAULT_MODEL
from fixlip.cluster import engines
from fixlip.index.build import Changes, write_index
from fixlip.index.search import Index, open_index
from fixlip.runtime.progress import Progress

if TYPE_CHECKING:
    from fixlip.encoders.base import DualEncoder

__all__ = ["Changes", "Index", "build_index", "open_index"]


def build_index(
    images: Any,
    folder: str | Path,
    *,
    model: "str | DualEncoder" = DEFAULT_MODEL,
    column: str | None = None,
    image_masks: int | None = None,
    image_players: str = "patches",
    removal: Mapping[str, str] | None = None,
    p: float = 0.5,
    seed: int = 0,
    dtype: Literal["float16", "float32"] = "float16",
    batch_size: int | Literal["auto"] = "auto",
    keep: bool = False,
    engine: Literal["local", "ray"] = "local",
    workers: int = 2,
    address: str | None = None,
    gpus: float = 0,
    wait: float = 300,
    progress: Progress = None,
) -> Index:
    """Explain pictures once, for every later query, and write what is needed to a folder; then open the index.

    A picture is known by its name and by its content: new ones are added, changed ones replaced, those that are no
    longer there dropped, and none is explained twice. A run that ends early has lost at most the last block of 256
    pictures or 30 seconds; started again, it goes on. A picture that cannot be read is a row with the reason
    (`Index.errors`).

    Args:
        images: folders, patterns, picture files, tar files, tables with a column of paths or bytes, a data frame, a
            `datasets.Dataset`, PIL images, arrays, or an iterable of these; see `fixlip.index.pictures.pictures`.
        folder: of the index; one that is there is brought up to date.
        model, removal, batch_size: as in `fixlip.explain`; a name may carry options of `fixlip.load_model`
            ("ViT-B-16-SigLIP2 pretrained=webli"). The removal of words can be chosen at each `open_index`.
        column: of tables: the column of the pictures.
        image_masks: masks of each picture; the default of `fixlip.explain` when None.
        image_players: "patches", or regions by a text: "grid:3", "slic:40".
        p, seed: of the masks, as in `fixlip.estimators.banzhaf.Banzhaf`.
        dtype: of the numbers on disk; interactions of float16 are right to 1 %, of float32 to 1e-5.
        keep: keep pictures that are not among `images`, instead of dropping them.
        engine: "ray" explains on a Ray cluster, with a model that is given by name; this process reads and hashes every
            picture, and is the only one that writes. The rows are those of a local build, but for the last digits of
            sums, which depend on the number of threads.
        workers, address, gpus, wait: of `fixlip.cluster.Ray`.
        progress: as in `fixlip.explain`, in pictures.

    Returns:
        The index. `Index.changes` says what was done.

    Cost: image masks + 3 passes of the image tower for each new picture; on disk some 2 bytes x D x (players + 25).

    Raises:
        InputError: images or a folder that cannot be used.
        OptionError: the folder has an index of another model, removal, p, seed, masks or type, or another process is
            building it.
        ClusterError: no node of the cluster can do the work, or no worker got a place in time.
        MissingExtraError: the extra ``fixlip[index]`` is not installed.

    Example:
        >>> import tempfile
        >>> from fixlip.datasets.scenes import make_scene
        >>> scenes = [make_scene(k, n_objects=1).image for k in range(2)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     index = build_index(scenes, folder, model="demo-clip", image_masks=128, progress=False)
        ...     [hit.explanation().cross.shape for hit in index.search("a dog", k=1)]
        [(49, 2)]
    """
    encoder, changes = write_index(
        images,
        folder,
        model,
        removal=removal,
        column=column,
        image_masks=image_masks,
        image_players=image_players,
        p=p,
        seed=seed,
        dtype=dtype,
        batch_size=batch_size,
        keep=keep,
        engine=engines.engine(engine, workers=workers, address=address, gpus=gpus, wait=wait),
        progress=progress,
    )
    index = open_index(folder, model=encoder)
    index.changes = changes
    return index

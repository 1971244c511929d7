"""An index is somebody else's file: what is damaged, foreign or out of proportion is refused in one line."""

import random
import shutil

import numpy as np
import pytest

from fixlip.datasets.scenes import make_scene
from fixlip.errors import FixlipError, InputError
from fixlip.index import build_index, open_index
from fixlip.index.schema import KEY, SUM, Facts, _sum, check_row, checksum, read_row, table_of
from fixlip.index.store import Store

lance = pytest.importorskip("lance")


@pytest.fixture(scope="module")
def sound(tmp_path_factory, demo_clip):
    folder = tmp_path_factory.mktemp("index") / "sound"
    scenes = [make_scene(k, n_objects=1).image for k in range(3)]
    return build_index(scenes, folder, model=demo_clip, image_players="grid:2", progress=False)


def answer(folder, model):
    hits = open_index(folder, model=model).search("a dog", 3)
    return [(hit.name, round(hit.similarity, 4), hit.explanation().cross.tolist()) for hit in hits]


def answer_or_refusal(folder, model):
    try:
        return answer(folder, model)
    except FixlipError as error:
        return error


@pytest.mark.parametrize(("seed", "times"), [(0, 15), pytest.param(1, 150, marks=pytest.mark.slow)])
def test_a_damaged_index_is_refused_or_gives_the_same_answer(sound, tmp_path, demo_clip, seed, times):
    draw, right, refused = random.Random(seed), answer(sound.store.folder, demo_clip), 0
    for _ in range(times):
        folder = tmp_path / "damaged"
        shutil.copytree(sound.store.folder, folder)
        file = draw.choice([one for one in sorted(folder.rglob("*")) if one.is_file() and one.stat().st_size])
        content = bytearray(file.read_bytes())
        place = draw.randrange(len(content))
        if draw.random() < 0.4:
            content = content[:place]
        else:
            content[place] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
        found = answer_or_refusal(folder, demo_clip)
        assert found == right or isinstance(found, FixlipError), (file, place)
        assert "\n" not in str(found)
        refused += found != right
        shutil.rmtree(folder)
    assert refused > times / 10


def rewritten(folder, index, change):
    """An index with one row that somebody made, checksum and all."""
    row = change(index.store.rows([0])[0])
    store = Store.open_or_make(folder, index.facts)
    store.write([table_of([row], index.facts)])
    return open_index(folder, model=index.encoder)


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row | {"sizes": np.ones(9, dtype=np.float32)},
        lambda row: row | {"grid": np.array([2000, 2000], dtype=np.int32), "regions": None},
        lambda row: row | {"coefficients": row["coefficients"][:-1]},
        lambda row: row | {"spread": row["spread"][:-3]},
        lambda row: row | {"coefficients": np.full_like(row["coefficients"], np.nan)},
        lambda row: row | {"names": row["names"][:2]},
        lambda row: row | {"regions": b"no picture"},
        lambda row: row | {"thumbnail": b"no picture"},
        lambda row: row | {"thumbnail": None},
        lambda row: row | {"visible": None},
        lambda row: row | {"empty": None},
    ],
)
def test_rows_that_do_not_fit_together_are_refused(sound, tmp_path, change):
    with pytest.raises(InputError):
        rewritten(tmp_path / "index", sound, change).search("a dog")[0].explanation()


def test_facts_and_columns_are_those_of_an_index(sound, tmp_path):
    table, facts = sound.store.table.to_table(), sound.facts
    assert read_row(table.slice(0, 1))["checksum"] == checksum(sound.store.rows([0])[0])
    check_row(sound.store.rows([0])[0])

    def refused(message, columns=table, **changes):
        folder = tmp_path / "index"
        shutil.rmtree(folder, ignore_errors=True)
        text = facts.model_construct(**(facts.model_dump() | changes)).metadata()
        lance.write_dataset(columns.replace_schema_metadata(text), str(folder))
        with pytest.raises(InputError, match=message):
            open_index(folder)

    refused("dimension", dimension=1 << 20)
    refused("p is", p=1.5)
    refused("update fixlip", version=2)
    refused("columns", columns=table.drop_columns(["basis"]))
    refused("columns", dtype="float32")
    lance.write_dataset(table.replace_schema_metadata({KEY: b"{}", SUM: b""}), str(tmp_path / "sum"))
    lance.write_dataset(table.replace_schema_metadata({}), str(tmp_path / "foreign"))
    (tmp_path / "empty").mkdir()
    for name, message in (("sum", "checksum"), ("foreign", "another program"), ("empty", "No index in")):
        with pytest.raises(InputError, match=message):
            open_index(tmp_path / name)
    assert isinstance(facts, Facts)
    assert _sum(b"a") != _sum(b"b")

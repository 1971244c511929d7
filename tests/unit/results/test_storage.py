"""Saved explanations: what every version wrote is read, and what is damaged in any byte is not."""

import json
import random
from dataclasses import fields, replace

import numpy as np
import pytest

from fixlip import Explanation, InputError, Players
from fixlip.results import file_format, storage
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.results.removal_curves import RemovalCurves
from tests.helpers.saved import DATA, SAVED, SINCE, first_order, full

NOW = file_format.VERSION
VERSIONS = range(1, NOW + 1)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.fixlip"
    full().save(path)
    return path


def refused(path, content, match="not a saved explanation"):
    path.write_bytes(content)
    with pytest.raises(InputError, match=match) as caught:
        Explanation.load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(("version", "name"), [(v, n) for v in VERSIONS for n in SAVED if v >= SINCE.get(n, 1)])
def test_every_version_is_read(version, name):
    path = DATA / f"v{version}-{name}.fixlip"
    found, meant = Explanation.load(path), SAVED[name]()
    assert found == meant
    assert storage._header(path.read_bytes())["version"] == version
    assert path.stat().st_size < 50_000
    for array in ("first_order", "second_order"):
        assert getattr(found, array).tobytes() == getattr(meant, array).tobytes()


def test_the_data_of_this_version_is_what_is_written(tmp_path):
    for name, make in SAVED.items():
        make().save(tmp_path / "x")
        found, kept = (storage._header(p.read_bytes()) for p in (tmp_path / "x", DATA / f"v{NOW}-{name}.fixlip"))
        assert {**found, "sha256": ""} == {**kept, "sha256": ""}


@pytest.mark.slow
def test_all_pairs_of_a_large_picture_are_saved(tmp_path):
    """64 x 64 patches and a caption of 77 tokens, with the errors of all pairs: 280 MB."""
    players = Players.of(grid=(64, 64), words=[f"word {k}" for k in range(77)])
    n = len(players)
    pairs, errors = np.zeros((n, n)), np.ones((n, n))
    pairs[0, 1] = pairs[1, 0] = 0.5
    made = Explanation(0.0, np.zeros(n), pairs, 0.0, 1.0, "X", players, StandardErrors(0.0, np.ones(n), errors))
    made.save(tmp_path / "x")
    assert Explanation.load(tmp_path / "x") == made


def test_the_same_explanation_gives_the_same_bytes(path):
    before = path.read_bytes()
    full().save(path)
    assert path.read_bytes() == before


def test_a_flipped_bit_anywhere_is_seen(tmp_path):
    path, rng = tmp_path / "x.fixlip", random.Random(0)
    first_order().save(path)
    content = path.read_bytes()
    for k in range(len(content)):
        refused(path, content[:k] + bytes([content[k] ^ 1 << rng.randrange(8)]) + content[k + 1 :])


def test_a_cut_anywhere_is_seen(tmp_path):
    path = tmp_path / "x.fixlip"
    first_order().save(path)
    content = path.read_bytes()
    for k in range(len(content)):
        refused(path, content[:k])


def test_other_damage_is_seen(path):
    content = path.read_bytes()
    worse = [content + tail for tail in (b"\0", b"\n", b"{}", content, bytes(4096))]
    half = len(content) // 2
    worse += [content[half:] + content[:half], content[:half] + bytes(half), bytes(len(content)), content[::-1]]
    worse += [content[:k] + bytes(16) + content[k + 16 :] for k in range(0, len(content) - 16, 97)]
    for damaged in worse:
        refused(path, damaged)


def test_the_checksum_stands_where_it_is_looked_for(path):
    content = path.read_bytes()
    digest = storage._header(content)["sha256"].encode()
    assert content.index(digest) < 64


@pytest.mark.parametrize("version", [NOW + 1, 10**9])
def test_the_future_says_so(path, monkeypatch, version):
    content = path.read_bytes()
    monkeypatch.setattr(file_format, "VERSION", version)
    full().save(path)
    monkeypatch.undo()
    with pytest.raises(InputError, match=rf"version {version}, but this fixlip reads versions up to {NOW}; update"):
        Explanation.load(path)
    refused(path, path.read_bytes().replace(b'"version', b'"Version'), "damaged")
    refused(path, content.replace(b"sha256", b"sha512"), "no version or no checksum")


def test_what_could_not_be_read_is_not_written(tmp_path):
    path = tmp_path / "x.fixlip"
    first_order().save(path)
    before = path.read_bytes()
    for wrong in (
        replace(full(), baseline=float("nan")),
        replace(full(), full_value=float("inf")),
        replace(full(), first_order=np.full(7, np.nan)),
        replace(full(), second_order=np.full((7, 7), np.inf)),
        replace(full(), first_order=np.zeros(7, dtype=np.complex128)),
    ):
        with pytest.raises(InputError, match="cannot be saved"):
            wrong.save(path)
    assert path.read_bytes() == before


def test_options_of_any_type_are_saved(path):
    options = {"a": np.int64(3), "b": np.float32(0.5), "c": (1, 2), "d": np.arange(2), "e": {1: True}, "seed": 2**90}
    provenance = replace(full().provenance, options=options, seed=2**90)
    replace(full(), provenance=provenance).save(path)
    found = Explanation.load(path).provenance
    assert found.options == {"a": 3, "b": 0.5, "c": [1, 2], "d": [0, 1], "e": {"1": True}, "seed": 2**90}
    assert found.seed == 2**90


def test_the_header_is_strict_json(path):
    def never(constant):
        raise AssertionError(constant)

    content = path.read_bytes()
    outer = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    json.loads(outer["__metadata__"]["fixlip"], parse_constant=never)


def test_all_fields_are_declared():
    assert set(file_format.ProvenanceFields.model_fields) == {f.name for f in fields(Provenance)}
    curves = {f"curves_{f.name}" for f in fields(RemovalCurves)}
    assert {name for name in file_format.ARRAYS if name.startswith("curves_")} < curves
    header = storage._header((DATA / f"v{NOW}-full.fixlip").read_bytes())
    assert set(header) == set(file_format.Header.model_fields)
    assert set(header["provenance"]) == set(file_format.ProvenanceFields.model_fields)

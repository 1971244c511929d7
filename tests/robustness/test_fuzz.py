"""The fuzzer can fail, what it found is mended, and a short hunt finds nothing in any reader."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from random import Random

import pytest

from fixlip.errors import FixlipError, InputError
from fixlip.results.storage import load
from tests.helpers import mutations
from tests.helpers.fuzzing import TARGETS, Target
from tests.helpers.paths import ROOT

FINDINGS = sorted((ROOT / "tests" / "helpers" / "findings").glob("*/*"))
SHORT = 60  # inputs


@pytest.fixture(scope="module")
def fuzz():
    spec = spec_from_file_location("fuzz", ROOT / "scripts" / "fuzz.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hunted(fuzz, target, out, executions, seed=0):
    hunt = fuzz.Hunt(target, out)
    fuzz.random_changes(hunt, seed, executions=executions)
    hunt.close()
    return hunt


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name} {path.name}")
def test_mended(path, tmp_path):
    try:
        TARGETS[path.parent.name].run(path.read_bytes(), tmp_path)
    except FixlipError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_hunt_finds_nothing(name, fuzz, tmp_path):
    hunt = hunted(fuzz, TARGETS[name], tmp_path, SHORT)
    assert not hunt.findings, [(tmp_path / f"{one}.txt").read_text() for one in hunt.findings.values()]
    assert hunt.executions == SHORT


def _planted(data, folder):
    """A reader with three mistakes, and one refusal as it should be."""
    if not data.startswith(b"MAGIC"):
        raise InputError("no magic")
    if b"\xff" in data:
        raise ValueError("a mistake")
    if len(data) > 30:
        raise InputError("two\nlines")
    assert b"9" not in data


def test_planted_mistakes_are_found(fuzz, tmp_path):
    hunt = hunted(fuzz, Target("planted", lambda: [b"MAGIC and more"], _planted), tmp_path, 2000)
    assert {about.split()[0] for about in hunt.findings} == {"ValueError", "AssertionError"}
    assert len(hunt.findings) == 3
    for name in hunt.findings.values():
        with pytest.raises((ValueError, AssertionError)):
            _planted((tmp_path / name).read_bytes(), tmp_path)
        assert (tmp_path / f"{name}.txt").stat().st_size


def test_what_is_behind_the_checksum_is_reached(fuzz, tmp_path, monkeypatch):
    """By files that are signed anew: a mistake there would be found."""
    reached, target = set(), TARGETS["explanation"]
    monkeypatch.setattr("fixlip.results.storage._from_parts", lambda header, arrays: reached.add(str(header)))

    def run(data, folder):
        (folder / "a").write_bytes(data)
        load(folder / "a")

    hunted(fuzz, Target("explanation", target.seeds, run, target.mutate), tmp_path, 300)
    assert len(reached) > 10


def test_the_same_seed_makes_the_same_inputs(fuzz, tmp_path):
    def inputs(seed):
        found = []
        for target in TARGETS.values():
            if target.name not in ("explanation", "captions"):  # the first has times in it, the second is slow
                hunted(
                    fuzz,
                    Target(target.name, target.seeds, lambda data, _: found.append(data), target.mutate),
                    tmp_path,
                    5,
                    seed,
                )
        return found

    assert inputs(1) == inputs(1) != inputs(2)


def test_changes_change():
    rng, seed = Random(0), b'{"a": [1, 2.5, "x"], "b": {"c": null}}'
    assert len({mutations.bytes_mutated(seed, rng) for _ in range(50)}) > 30
    assert len({repr(mutations.json_mutated({"a": [1, 2.5, "x"], "b": {"c": None}}, rng)) for _ in range(50)}) > 30


def test_the_script(fuzz, tmp_path, monkeypatch, capsys):
    """It hunts in a process of its own, with atheris where that is installed."""
    results = ["--out", str(tmp_path), "--results", str(tmp_path / "fuzz.json")]
    monkeypatch.setattr(sys, "argv", ["fuzz.py", "--target", "labels", "--seconds", "3", *results])
    with pytest.raises(SystemExit) as end:
        fuzz.main()
    printed = capsys.readouterr().out
    assert not end.value.code, printed
    assert "target labels" in printed
    assert "findings {}" in printed
    assert '"target": "labels"' in (tmp_path / "fuzz.json").read_text()

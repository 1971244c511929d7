"""The files of the package and its dependencies: known flaws, files that nobody can make again, foreign code."""

import ast
import re
import tomllib
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import fixlip
from tests.helpers.paths import ROOT

ASSETS = Path(fixlip.__file__).parent / "assets"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

FLAWS = {  # of what reads files that somebody else made: fixed in which release
    ("filelock", "3.20.1"): "CVE-2025-68146, a link in the place of a lock is followed and what it leads to truncated",
    ("filelock", "3.20.3"): "CVE-2026-22701, the same for locks of the other kind",
    ("jinja2", "3.1.6"): "CVE-2025-27516, templates leave their sandbox",
    ("pillow", "10.0.1"): "CVE-2023-4863, WebP: a heap overflow",
    ("pillow", "10.3.0"): "CVE-2024-28219, a buffer overflow in colour management",
    ("pillow", "12.1.1"): "CVE-2026-25990, PSD: an out-of-bounds write",
    ("pillow", "12.3.0"): "CVE-2026-59199, paste and crop: an out-of-bounds write",
    (
        "pillow",
        "13.0.0",
    ): "CVE-2026-96639, pictures of several frames: an out-of-bounds write; JPEG: GHSA-8g5g-8vmr-9782",
    ("torch", "2.6.0"): "CVE-2025-32434, torch.load runs code despite weights_only=True",
    ("torch", "2.10.0"): "CVE-2026-24747, torch.load corrupts memory despite weights_only=True",
}
MADE_BY = {  # which program makes a binary file anew
    "fixlip/assets/sprites*.png": "scripts/make_sprites.py",
    "fixlip/assets/*/weights.safetensors": "scripts/train_demo_model.py",
    "benchmarks/results/race.png": "benchmarks/race_figure.py",
    "docs/concepts/*.png": "scripts/docs_concepts.py",
    "docs/screens/*.webp": "scripts/screens.py",
    "docs/results/*.png": "fixlip/evaluation/report/page.py",
    "docs/*.png": "scripts/docs_figures.py",
    "tests/helpers/data/*.fixlip": "fixlip/results/storage.py",
    "tests/helpers/findings/*": "scripts/fuzz.py",
}


def bounds(requirements):
    """The lowest release of each dependency."""
    found = {}
    for requirement in map(Requirement, requirements):
        lowest = [Version(s.version) for s in requirement.specifier if s.operator in (">=", "==")]
        found[requirement.name.lower()] = max(lowest, default=Version("0"))
    return found


ALL = {name: bounds(PROJECT["optional-dependencies"][name]) for name in PROJECT["optional-dependencies"]}
ALL["fixlip"] = bounds(PROJECT["dependencies"])


def flawed(found):
    return [what for (name, fixed), what in FLAWS.items() if name in found and found[name] < Version(fixed)]


def test_lowest_releases_are_without_known_flaws():
    assert {name for name, _ in FLAWS} <= ALL["fixlip"].keys()
    assert not flawed(ALL["fixlip"])


def test_a_flawed_release_is_seen():
    assert flawed(bounds(["Pillow>=12.3"])) == [FLAWS["pillow", "13.0.0"]]
    assert len(flawed(bounds(["torch"]))) == 2


def test_every_dependency_has_a_lowest_release():
    for extra, found in ALL.items():
        assert not [name for name, lowest in found.items() if lowest == Version("0")], extra


def test_extras_agree_with_each_other():
    for extra in ("transformers", "ray", "regions"):
        assert ALL[extra].items() <= ALL["test"].items()


def test_the_bundled_files_are_those_that_were_made():
    """``sha256sum -c SHA256SUMS`` in the folder says the same."""
    listed = dict(reversed(line.split("  ")) for line in (ASSETS / "SHA256SUMS").read_text().splitlines())
    files = [p for p in ASSETS.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc") and p.name != "SHA256SUMS"]
    assert listed == {p.relative_to(ASSETS).as_posix(): sha256(p.read_bytes()).hexdigest() for p in files}


def test_no_binary_file_without_a_program_that_makes_it():
    unknown = []
    for folder in ("fixlip", "estimators", "docs", "benchmarks", "notebooks", "scripts", "tests"):
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.is_dir() or "__pycache__" in name or ".hypothesis" in name:
                continue
            try:
                path.read_bytes().decode()
            except UnicodeDecodeError:
                makers = [maker for pattern, maker in MADE_BY.items() if fnmatch(name, pattern)]
                if not makers:
                    unknown.append(name)
    assert not unknown


@pytest.mark.skipif(not (ROOT / "fixlip").is_dir(), reason="the source is not here")
def test_those_programs_exist():
    assert not [maker for maker in MADE_BY.values() if not (ROOT / maker).is_file()]


def _is_literal(node):
    return isinstance(node, ast.Constant)


def calls(path):
    """Those whose arguments are not all written there."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and not (node.args and all(map(_is_literal, node.args)) and not node.keywords):
            yield ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}


def risky(path):
    """Calls that could run what a file holds."""
    for name, options in calls(path):
        unpickles = re.fullmatch(r"(pickle|marshal|shelve|joblib|dill|cloudpickle)\.(load|loads|open)", name)
        loads = name == "torch.load" and options.get("weights_only") != "True"
        arrays = name in ("np.load", "numpy.load") and options.get("allow_pickle", "False") != "False"
        trusts = options.get("trust_remote_code", "False") != "False"
        if unpickles or loads or arrays or trusts or name in ("eval", "exec", "os.system"):
            yield name


def test_nothing_that_is_read_could_be_run(tmp_path):
    package = Path(fixlip.__file__).parent
    files = [*package.rglob("*.py"), *(ROOT / "estimators").glob("*.py")]
    assert len(files) > 80
    assert not {(path.name, name) for path in files for name in risky(path)}
    bad = tmp_path / "bad.py"
    bad.write_text(
        "torch.load(f)\nnp.load(f, allow_pickle=True)\nA.from_pretrained(n, trust_remote_code=True)\neval(s)"
    )
    assert list(risky(bad)) == ["torch.load", "np.load", "A.from_pretrained", "eval"]

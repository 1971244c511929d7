"""The arrows between the parts of the house, and what `import fixlip` does not load."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import fixlip

ROOT = Path(__file__).parents[2]
NEVER = {  # who may not import whom
    "fixlip/players.py": {"torch", "fixlip.results.explanation", "fixlip.games", "fixlip.encoders"},
    "fixlip/registry.py": {"torch", "fixlip.games", "fixlip.encoders", "fixlip.fitting.moments"},
    "fixlip/explanation.py": {"torch", "fixlip.games", "fixlip.encoders", "fixlip.registry"},
    "fixlip/comparison.py": {"torch", "fixlip.games", "fixlip.encoders", "fixlip.registry"},
    "fixlip/storage.py": {"torch", "fixlip.games", "fixlip.encoders", "pickle"},
    "fixlip/sampling.py": {"torch", "fixlip.games", "fixlip.encoders"},
    "fixlip/surrogate.py": {"torch", "fixlip.games", "fixlip.encoders"},
    "fixlip/moments.py": {"torch", "fixlip.games", "fixlip.encoders"},
    "fixlip/datasets": {"torch", "fixlip.games", "fixlip.encoders", "fixlip.results.explanation", "fixlip.cli"},
    "fixlip/metrics": {"torch", "fixlip.encoders", "fixlip.plots", "fixlip.viewer", "fixlip.cli"},
    "fixlip/evaluation/rows.py": {"torch", "fixlip.games", "fixlip.encoders"},
    "fixlip/evaluation": {"fixlip.cli"},
    "fixlip/plots": {"torch", "fixlip.games", "fixlip.encoders", "fixlip.cli"},
    "fixlip/viewer": {"torch", "fixlip.games", "fixlip.encoders", "fixlip.cli"},
    "fixlip/encoders": {
        "fixlip.games",
        "fixlip.results.explanation",
        "fixlip.api.explain",
        "fixlip.cli",
        "fixlip.datasets",
    },
    "fixlip/games/base.py": {"torch", "fixlip.encoders"},
    "fixlip/games/closed_form.py": {"torch", "fixlip.encoders"},
    "fixlip/api.py": {"fixlip.cli", "fixlip.plots", "fixlip.viewer"},
    "fixlip": {"fixlip.estimators", "pickle"},
    "estimators": {
        "fixlip.encoders",
        "fixlip.plots",
        "fixlip.viewer",
        "fixlip.datasets",
        "fixlip.cli",
        "fixlip.api.explain",
    },
}


def imports(path):
    """All modules that a file imports, at any depth, except for type checking."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(path, never):
    return {m for m in imports(path) for banned in never if m == banned or m.startswith(f"{banned}.")}


@pytest.mark.parametrize("place", NEVER)
def test_imports_run_one_way(place):
    target = ROOT / place
    files = sorted(target.rglob("*.py")) if target.is_dir() else [target]
    assert files
    for file in files:
        assert not breaches(file, NEVER[place]), file


def test_the_check_sees_a_breach(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from fixlip.estimators import banzhaf\n")
    assert breaches(bad, NEVER["fixlip"]) == {"fixlip.estimators", "fixlip.estimators.banzhaf"}


def test_import_is_light():
    code = (
        "import sys, time, json, torch; start = time.perf_counter(); import fixlip; fixlip.list_estimators; "
        "heavy = [m for m in ('matplotlib', 'open_clip', 'transformers', 'sklearn', 'shapiq') if m in sys.modules]; "
        "print(json.dumps([heavy, time.perf_counter() - start]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy, seconds = json.loads(done.stdout)
    assert heavy == []
    assert seconds < 1


def test_help_does_not_wait_for_torch():
    code = "import sys, fixlip.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"


def test_every_public_name_exists_and_is_documented():
    for name in fixlip.__all__:
        assert getattr(fixlip, name).__doc__, name
    assert len(fixlip.__all__) <= 25
    assert fixlip.__version__
    with pytest.raises(AttributeError):
        fixlip.nonsense  # noqa: B018

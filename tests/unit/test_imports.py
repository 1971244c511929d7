"""Imports: which folder may import which, no circles, and the libraries that `import fixlip` does not load."""

import ast
import json
import subprocess
import sys
from functools import cache

import pytest

import fixlip
from tests.helpers.paths import ROOT

ROOMS = {  # each room, and the rooms that it may import; lazy and typing imports count
    "errors": "",
    "arguments": "errors",
    "specs": "errors",
    "request": "errors arguments",
    "plugins": "errors",
    "runtime": "errors",
    "io": "errors arguments runtime",
    "players": "errors arguments plugins",
    "results": "errors arguments runtime io players",
    "datasets": "errors arguments specs plugins runtime io players",
    "encoders": "errors specs plugins runtime io players",
    "games": "errors arguments runtime players results",
    "fitting": "errors arguments runtime request results games",
    "gradients": "errors runtime games fitting",
    "estimator": "errors arguments runtime request results games fitting",
    "registry": "errors plugins estimator",
    "estimators": "errors arguments runtime request results games fitting gradients estimator",
    "metrics": "errors players results games",
    "plots": "errors arguments runtime io players results metrics",
    "viewer": "errors runtime io players results metrics plots",
    "training": "errors runtime io datasets",
    "games of a model": "errors arguments runtime io players results encoders games",
    "api": "errors arguments runtime io players results encoders games fitting estimator registry request metrics"
    "|games of a model",
    "cluster": "errors runtime",
    "evaluation": "errors arguments specs plugins runtime io players results datasets encoders games fitting estimator "
    "registry metrics plots viewer api cluster|games of a model",
    "index": "errors arguments specs runtime io players results datasets encoders games fitting api cluster"
    "|games of a model",
    "fixlip": "errors players results estimator registry request api cluster index",
    "cli": "errors arguments specs plugins runtime io players results datasets encoders estimator registry request "
    "metrics plots viewer training api cluster evaluation index fixlip",
    "__main__": "cli",
}
# the games of a picture, a caption and an encoder
MODEL_GAMES = ("fixlip.games.similarity", "fixlip.games.inputs", "fixlip.games.shown")
WITHOUT = {  # packages, and the rooms that never import them
    "torch": "errors arguments specs request plugins io players results datasets metrics plots viewer fitting registry "
    "estimator",
    "pickle": " ".join(ROOMS),
}
BY_NAME = {  # the only files that import modules by name
    "fixlip",
    "fixlip.datasets",
    "fixlip.encoders",
    "fixlip.encoders.foreign_code",  # what it switches off may not be installed
    "fixlip.evaluation",
    "fixlip.evaluation.metrics",
    "fixlip.plots",
    "fixlip.results.presentation",  # the door to the page
}


def sources():
    """The text of every module, by its name."""
    files = [("fixlip", path) for path in (ROOT / "fixlip").rglob("*.py")]
    files += [("fixlip.estimators", path) for path in (ROOT / "estimators").rglob("*.py")]
    found = {}
    for package, path in files:
        parts = path.relative_to(ROOT / package.rpartition(".")[2]).with_suffix("").parts
        found[".".join([package, *(part for part in parts if part != "__init__")])] = path.read_text("utf-8")
    return found


@cache
def imported(source):
    """Everything that a text imports, at any depth: modules, and names that may be modules."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def arrows(modules):
    """The modules of fixlip that each module imports."""
    found = {}
    for name, source in modules.items():
        targets = set()
        for what in imported(source):
            while what not in modules and "." in what:
                what = what.rpartition(".")[0]
            targets |= {what} & set(modules)
        found[name] = targets - {name}
    return found


def room_of(module):
    if module in MODEL_GAMES:
        return "games of a model"
    return module.split(".")[1] if "." in module else module


def allowed(room):
    names, _, more = ROOMS[room].partition("|")
    return {room, *names.split(), more}


def breaches(modules):
    """Arrows that the table does not allow, unwanted packages, and modules that are imported by name."""
    found = [
        f"{name} imports {target}"
        for name, targets in arrows(modules).items()
        for target in targets
        if room_of(target) not in allowed(room_of(name))
    ]
    for name, source in modules.items():
        tops = {what.partition(".")[0] for what in imported(source) if not what.startswith("fixlip")}
        found += [f"{name} imports {top}" for top in tops if room_of(name) in WITHOUT.get(top, "").split()]
        if name not in BY_NAME and "import_module(" in source:
            found.append(f"{name} imports by name")
    return found


def circles(modules):
    """Groups of modules that import each other, however far around."""
    graph = arrows(modules)

    def reached(start):
        seen, ahead = set(), [start]
        while ahead:
            for target in graph[ahead.pop()] - seen:
                seen.add(target)
                ahead.append(target)
        return seen

    reach = {name: reached(name) for name in graph}
    return {frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]}


def test_imports_run_one_way():
    assert breaches(sources()) == []


def test_nobody_imports_in_a_circle():
    assert circles(sources()) == set()


@pytest.mark.parametrize(
    ("module", "line", "breach"),
    [
        ("fixlip.results.gallery", "from fixlip.games.base import Game", "fixlip.games.base"),
        ("fixlip.results.gallery", "def f():\n    import fixlip.viewer.page", "fixlip.viewer.page"),
        ("fixlip.fitting.moments", "if TYPE_CHECKING:\n    from fixlip.estimator import Estimator", "fixlip.estimator"),
        ("fixlip.games.counted", "from fixlip.encoders import base", "fixlip.encoders.base"),
        ("fixlip.estimators.lime", "from fixlip.plots.style import short", "fixlip.plots.style"),
        ("fixlip.metrics.maps", "import torch.nn", "torch"),
        ("fixlip.results.storage", "import pickle", "pickle"),
    ],
)
def test_a_planted_breach_is_seen(module, line, breach):
    modules = sources()
    modules[module] += f"\n{line}\n"
    assert breaches(modules) == [f"{module} imports {breach}"]


def test_a_planted_import_by_name_is_seen():
    modules = sources()
    modules["fixlip.results.gallery"] += "\nimport_module('fixlip.viewer')\n"
    assert breaches(modules) == ["fixlip.results.gallery imports by name"]


@pytest.mark.parametrize(
    "line", ["from fixlip.results.explanation import Explanation", "def f():\n    import fixlip.results.explanation"]
)
def test_a_planted_circle_is_seen(line):
    modules = sources()
    modules["fixlip.results.storage"] += f"\n{line}\n"
    assert circles(modules) == {frozenset({"fixlip.results.storage", "fixlip.results.explanation"})}


def loaded(code):
    """Which of the slow packages a piece of code loads, in a process of its own."""
    slow = (
        "torch",
        "open_clip",
        "transformers",
        "timm",
        "matplotlib",
        "sklearn",
        "scipy",
        "shapiq",
        "jinja2",
        "filelock",
    )
    code = f"import json, sys\n{code}\nprint(json.dumps([name for name in {slow} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("code", ["import fixlip", "import fixlip; fixlip.list_estimators()", "import fixlip.cli"])
def test_what_is_quick_loads_nothing_slow(code):
    assert loaded(code) == []


def test_every_public_name_exists_and_is_documented():
    for name in fixlip.__all__:
        assert getattr(fixlip, name).__doc__, name
    assert len(fixlip.__all__) <= 29
    assert fixlip.__version__
    with pytest.raises(AttributeError):
        fixlip.nonsense  # noqa: B018

import json
import subprocess
import sys
import warnings
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

import fixlip
from fixlip import plugins, registry
from fixlip.errors import OptionError
from fixlip.estimators.banzhaf import Banzhaf


@pytest.fixture
def entry_points(monkeypatch):
    """Replace the installed entry points."""

    def install(**points):
        real = {"banzhaf": "fixlip.estimators.banzhaf:Banzhaf"}
        installed = [EntryPoint(name, value, registry.GROUP) for name, value in (real | points).items()]
        monkeypatch.setattr(plugins, "entry_points", lambda group: installed)
        forget()
        return installed

    yield install
    forget()


def forget():
    """Forget the entry points that were read before."""
    plugins.points.cache_clear()
    registry._load.cache_clear()


def test_built_ins_come_by_entry_point():
    assert "banzhaf" in fixlip.list_estimators()
    assert fixlip.get_estimator("banzhaf", p=0.7).options()["p"] == 0.7


def test_unknown_names_and_options_suggest_the_nearest():
    with pytest.raises(OptionError, match="Did you mean 'banzhaf'"):
        fixlip.get_estimator("banzaf")
    with pytest.raises(OptionError, match="Did you mean 'interactions'"):
        fixlip.get_estimator("banzhaf", interaction="all")


def test_capabilities_are_read_without_making_one():
    capabilities = fixlip.estimator_class("banzhaf").capabilities
    assert capabilities.orders == (1, 2, 3)
    assert not capabilities.gradients


def test_register_for_a_notebook():
    @fixlip.register_estimator("mine")
    @dataclass(frozen=True)
    class Mine(Banzhaf):
        extra: float = 1.0

    try:
        assert "mine" in fixlip.list_estimators()
        assert fixlip.get_estimator("mine", extra=2.0).options()["extra"] == 2.0
        with pytest.raises(OptionError, match="taken"):
            fixlip.register_estimator("mine")
    finally:
        registry.unregister_estimator("mine")
    assert "mine" not in fixlip.list_estimators()


@pytest.mark.parametrize(
    "code",
    [
        "import fixlip",
        "import fixlip; fixlip.list_estimators()",
        "import fixlip; [fixlip.estimator_class(name).capabilities for name in fixlip.list_estimators()]",
        "sys.argv = ['fixlip', 'estimators']; from fixlip.__main__ import main; main()",
        "sys.argv = ['fixlip', '--help']; from fixlip.__main__ import main; main()",
    ],
)
def test_listing_imports_nothing_heavy(code):
    heavy = {"torch", "open_clip", "shapiq", "transformers", "matplotlib", "sklearn", "scipy"}
    after = f"import atexit, json, sys; atexit.register(lambda: print(json.dumps(sorted({heavy} & set(sys.modules)))))"
    done = subprocess.run([sys.executable, "-c", f"{after}; {code}"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_built_in_names_are_taken():
    with pytest.raises(OptionError, match="taken"):
        fixlip.register_estimator("banzhaf")


def test_only_estimators_register():
    with pytest.raises(OptionError, match="derives from"):
        fixlip.register_estimator("thing")(dict)


def test_a_broken_plugin_warns_and_is_skipped(entry_points):
    entry_points(broken="no.such.module:Thing", wrong="builtins:dict")
    with pytest.warns(UserWarning, match="is skipped"):
        assert fixlip.list_estimators() == ["banzhaf"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(OptionError, match="Unknown estimator"):
            fixlip.get_estimator("broken")


def test_a_hidden_package_is_explained(entry_points):
    entry_points(other="fixlip.estimators.nothing:Thing")
    with pytest.warns(UserWarning, match="hides the installed package"):
        fixlip.list_estimators()


def test_two_packages_with_one_name(entry_points):
    entry_points().append(EntryPoint("banzhaf", "elsewhere:Banzhaf", registry.GROUP))
    with pytest.raises(OptionError, match=r"Two packages register 'banzhaf' in fixlip\.estimators"):
        fixlip.list_estimators()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("grad_eclip", "grad-eclip"),
        ("GradEclip", "grad-eclip"),
        ("integrated_gradients", "integrated-gradients"),
        ("KernelSHAP", "kernel-shap"),
        ("shapley_owen", "shapley-owen"),
        ("Banzhaf", "banzhaf"),
        ("shapiq_bridge", "shapiq"),
    ],
)
def test_other_spellings_of_a_name(name, meant):
    with pytest.raises(OptionError, match=f"Unknown estimator '{name}'. Did you mean '{meant}"):
        fixlip.get_estimator(name)


def test_an_estimator_is_a_name_or_an_object(scene):
    from fixlip.estimators.banzhaf import Banzhaf

    for wrong, hint in ((Banzhaf, r"Banzhaf\(\)"), (3, "get_estimator")):
        with pytest.raises(OptionError, match=f"estimator is a name or an Estimator such as .*{hint}"):
            fixlip.explain(scene.image, "a dog", model="demo-clip", estimator=wrong)


def test_an_estimator_newer_than_the_installation_is_explained(monkeypatch):
    old = {name: point for name, point in plugins.points(registry.GROUP).items() if name != "rise"}
    monkeypatch.setattr(registry, "points", lambda group: old)
    with pytest.raises(OptionError, match=r"'rise' is newer than the installation: run pip install -e \. again"):
        fixlip.get_estimator("rise")
    with pytest.raises(OptionError, match="Did you mean"):
        fixlip.get_estimator("ris")
    with pytest.raises(OptionError, match="estimator"):
        fixlip.get_estimator("no such.thing")

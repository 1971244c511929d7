"""The sdist and the wheel: what is in them, what they say of themselves, and that they can be made again."""

import configparser
import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from importlib import import_module

import pytest
from packaging.requirements import Requirement

from tests.helpers.paths import ROOT
from tests.packaging.test_wheel import copy_of_source

pytestmark = pytest.mark.wheel
MAKE = "import sys, setuptools.build_meta as b; out = sys.argv[1]; b.build_sdist(out); b.build_wheel(out)"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Twice: an sdist and a wheel, each from a copy of the source in a folder of another name."""
    pairs = []
    for name in ("one", "two"):
        source, out = tmp_path_factory.mktemp(name) / "fixlip", tmp_path_factory.mktemp("dist")
        copy_of_source(source)
        subprocess.run([sys.executable, "-c", MAKE, out], cwd=source, check=True, capture_output=True)
        pairs.append((next(out.glob("*.tar.gz")), next(out.glob("*.whl"))))
    return pairs


def contents(path):
    """Name and digest of each file of an archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    with tarfile.open(path) as archive:
        files = [m for m in archive if m.isfile()]
        return {m.name.partition("/")[2]: hashlib.sha256(archive.extractfile(m).read()).hexdigest() for m in files}


def test_they_can_be_made_again(built):
    for first, second in zip(*built, strict=True):
        assert contents(first) == contents(second)


def test_the_sdist_holds_what_is_needed_and_nothing_else(built):
    names = set(contents(built[0][0]))
    needed = {"LICENSE", "README.md", "CHANGELOG.md", "tests/conftest.py", "docs/start.md", "benchmarks/__main__.py"}
    assert needed | {"fixlip/assets/SHA256SUMS", "scripts/train_demo_model.py", ".ci/run", "pyproject.toml"} <= names
    made = {"PKG-INFO", "setup.cfg"} | {name for name in names if name.startswith("fixlip.egg-info/")}
    here = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, cwd=ROOT)
    if here.returncode == 0:
        assert not names - made - set(here.stdout.splitlines())


def test_the_wheel_holds_no_tests_and_no_paths_of_this_machine(built):
    with zipfile.ZipFile(built[0][1]) as archive:
        for name in archive.namelist():
            assert re.match(r"fixlip/|fixlip-[0-9.]+\.dist-info/", name)
            assert not re.search(r"(^|/)(tests?|conftest|__pycache__)(/|\.|$)", name)
            content = archive.read(name)
            assert b"/root/" not in content
            assert str(ROOT).encode() not in content


def test_what_the_wheel_says_of_itself(built):
    with zipfile.ZipFile(built[0][1]) as archive:
        folder = next(name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name)
        said = message_from_bytes(archive.read(f"{folder}/METADATA"))
        points = configparser.ConfigParser(delimiters="=")
        points.read_string(archive.read(f"{folder}/entry_points.txt").decode())
        assert f"{folder}/licenses/LICENSE" in archive.namelist()
    assert said["Name"] == "fixlip"
    assert said["License-Expression"] == "MIT"
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload().startswith("# fixlip")
    versions = {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)}
    assert versions <= set(said.get_all("Classifier"))
    assert set(said.get_all("Provides-Extra")) >= {"transformers", "ray", "regions", "test", "lint", "docs"}
    for text in said.get_all("Requires-Dist"):
        assert Requirement(text).specifier, text
    for group in points.sections():
        for target in points[group].values():
            module, _, name = target.partition(":")
            assert callable(getattr(import_module(module), name))


def test_the_long_description_renders_where_it_is_shown(built, tmp_path):
    """``twine check`` reads the same: pictures and links of the README that lead nowhere outside of the repository."""
    twine = pytest.importorskip("twine.commands.check")
    assert not twine.check([str(path) for path in built[0]], strict=True)

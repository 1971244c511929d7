"""Build the site: ``python -m docs``; warnings are errors, and nothing is fetched."""

import argparse
import runpy
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from docs import pages

ROOT = Path(__file__).parents[1]


def build(site: Path) -> int:
    """Write the pages of the modules, check docstrings, run Sphinx; the exit status is not 0 if anything is amiss."""
    shutil.rmtree(ROOT / "docs" / "api", ignore_errors=True)
    pages.write(ROOT / "docs" / "api")
    problems = runpy.run_path(str(ROOT / "scripts" / "undocumented.py"))["findings"]()
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    options = ["-n", "-W", "--keep-going", "-q", "-j", "auto", "-d", str(ROOT / "build" / "doctrees")]
    return sphinx([*options, "-c", str(ROOT / "docs"), str(ROOT), str(site)]) or bool(problems)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m docs", description="Build the site.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="where to (default: build/site)")
    site = parser.parse_args().out
    status = build(site)
    print(site / "index.html" if not status else "failed", file=sys.stderr)
    sys.exit(status)

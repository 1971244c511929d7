"""Build the site: ``python -m docs``; warnings are errors, and nothing is fetched.

Executed notebooks are taken from the folder named by FIXLIP_EXECUTED (`tests/docs/test_notebooks.py` writes them
there); without it they are shown without output.
"""

import argparse
import runpy
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from docs._site import api, indices, reference, staging
from docs._site.names import homes

ROOT = staging.ROOT
SOURCES, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"


def build(site: Path, *, draw: bool = True) -> int:
    """Stage the sources, write the generated pages, run Sphinx; its exit status."""
    shutil.rmtree(SOURCES, ignore_errors=True)
    staging.stage(SOURCES)
    indices.folders(SOURCES)
    written = api.write(SOURCES, reference.write(SOURCES, draw=draw))
    problems = [f"{m}.{n} is on no page" for m, names in homes().items() for n in names if f"{m}.{n}" not in written]
    problems += [f"there is no page {name}" for name in indices.front(SOURCES)]
    problems += runpy.run_path(str(ROOT / "scripts" / "undocumented.py"))["findings"]()
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    arguments = ["-n", "-W", "--keep-going", "-q", "-j", "auto", "-c", str(ROOT / "docs"), str(SOURCES), str(site)]
    return sphinx(arguments) or bool(problems)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m docs", description="Build the site.")
    parser.add_argument("--out", type=Path, default=SITE, help="where to (default: build/site)")
    parser.add_argument("--no-pictures", action="store_true", help="do not run the examples of the estimators")
    given = parser.parse_args()
    status = build(given.out, draw=not given.no_pictures)
    print(given.out / "index.html" if not status else "failed", file=sys.stderr)
    sys.exit(status)

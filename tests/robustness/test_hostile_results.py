"""A hostile folder of results: its report computes nothing and reads nothing but the folder."""

import subprocess
import sys

import pytest

from fixlip.evaluation import plan, work
from fixlip.evaluation.report import report
from tests.helpers import layouts, results

WATCHED = """
import resource, sys, time
from fixlip.cli import main
from PIL import Image
Image.init()
seen = []
def watch(event, args):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "os.system", "os.exec")):
        seen.append((event, str(args)))
    if event == "open" and SECRET in str(args[0]):
        seen.append((event, str(args[0])))
    if event == "import" and args[0] in ("transformers", "open_clip", "timm"):
        seen.append((event, args[0]))
sys.addaudithook(watch)
start = time.process_time()
try:
    main()
finally:
    print("SEEN", seen, time.process_time() - start < 30)
"""
MANY = "banzhaf image_masks=400000 text_masks=4096"


def hostile(folder, secret):
    """Rows with all that a report could explain, and settings that name what is elsewhere."""
    rows = results.rows(12)
    for row in rows:
        row["estimator"] = row["estimator"] and row["estimator"].replace("banzhaf", MANY)
        row["model"] = row["model"] and row["model"].replace("demo-clip", "hf-hub:evil/model")
    settings = {
        **results.SETTINGS,
        "data": f"coco:{secret}",
        "models": ["hf-hub:evil/model", "demo-siglip"],
        "estimators": [MANY, "grad-eclip", "itsm"],
        "image_masks": 400_000,
        "threads": 10_000,
    }
    return results.write(folder, rows, settings)


@pytest.mark.parametrize("ends", [("--html", "r.html"), ("--html", "r.html", "--markdown", "r.md", "--examples", "9")])
def test_a_report_does_nothing_that_the_folder_asks_for(ends, tmp_path):
    secret, run = tmp_path / "secret", tmp_path / "run"
    layouts.write_coco(secret, 1)
    run.mkdir()
    hostile(run, secret)
    code = f"import sys\nSECRET = {str(secret)!r}\nsys.argv = {['fixlip', 'report', str(run), *ends]!r}\n{WATCHED}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "SEEN [] True"
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "400000" in page  # as text, among the settings
    assert not (tmp_path / "r-examples.html").exists()


def test_nor_in_python(tmp_path, monkeypatch):
    for module, name in ((work, "load_model"), (plan, "load_dataset")):
        monkeypatch.setattr(module, name, lambda *args, **options: pytest.fail("loaded"))
    made = report(hostile(tmp_path, tmp_path), html=tmp_path / "r.html")
    assert made.examples() == []
    assert made.summary.counts["evaluated"] == 12

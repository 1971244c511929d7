"""docs/command_line.md: the commands run and print what stands there, figures aside.

`FIXLIP_WRITE_DOCS=1 pytest tests/docs/test_command_line.py` writes the outputs anew.
"""

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from fixlip.cli import PANELS
from fixlip.datasets.scenes import make_scene
from tests.helpers.outputs import alike
from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "command_line.md"
RUN = re.compile(r"(?<=<!-- run: )(fixlip .*?)( -->\n)(.*?)(?=<!-- /run -->)", re.S)
SCHEMAS = re.compile(r"(?<=<!-- schemas -->\n).*?(?=<!-- /schemas -->)", re.S)
CAPTIONS = ("a snake next to a cactus", "a horse next to a cactus", "a snake and a lemon")
NAMES = (("snake", "cactus"), ("snake", "lemon"), ("horse", "cactus"), ("dog", "umbrella"))
JSON = {
    "explain": 'explain photo.jpg "a snake" --model demo-clip --image-masks 64',
    "explain --against": 'explain photo.jpg "a snake" --against "a dog" --model demo-clip --image-masks 64',
    "explain --all, view": 'explain photo.jpg "a snake" --all --model demo-clip --image-masks 64',
    "explain --dry-run": 'explain photo.jpg "a snake" --model demo-clip --dry-run',
    "compare, view": "view both-1-banzhaf.fixlip both-2-banzhaf-p-0.8.fixlip",
    "sweep": 'sweep photo.jpg "a snake" --option p --values 0.4,0.5 --model demo-clip --image-masks 64',
    "evaluate": "evaluate grounding --data scenes:3 --model demo-clip --estimator itsm --estimator rollout --out run",
    "report": "report run",
    "index build, index info": "index info photos.index",
    "search": 'search photos.index "a snake" -k 2',
    "models": "models",
    "estimators": "estimators --name itsm",
}


def block(command, out):
    return f"\n```console\n$ {command}\n{out.strip()}\n```\n"


@pytest.mark.slow
def test_the_commands_print_what_stands_there(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    make_scene(244, n_objects=3, size=448).image.save("photo.jpg", quality=95)
    Path("photos").mkdir()
    for k, names in enumerate(NAMES):
        make_scene(k, names=names).image.save(f"photos/{'-'.join(names)}.png")
    Path("captions.txt").write_text("\n".join(CAPTIONS), "utf-8")
    page, write = PAGE.read_text("utf-8"), bool(os.environ.get("FIXLIP_WRITE_DOCS"))
    runs = RUN.findall(page)
    assert {command.split()[1] for command, *_ in runs} | {"demo", "models"} == {
        c.__name__ for commands in PANELS.values() for c in commands
    }
    for command, _, printed in runs:
        code, out, _ = cli(*shlex.split(command)[1:])
        assert code == 0, command
        out = "\n".join(line.rstrip() for line in out.splitlines())
        if write:
            page = page.replace(f"{command} -->\n{printed}<!--", f"{command} -->\n{block(command, out)}\n<!--")
        else:
            assert alike(printed) == alike(block(command, out)), "write the page anew"
    rows = ["| schema | from | keys |\n| --- | --- | --- |\n"]
    for names, command in JSON.items():
        code, out, err = cli(*shlex.split(command), "--json")
        assert code == 0, err
        found = json.loads(out)
        keys = ", ".join(f"`{key}`" for key in found if key != "schema")
        rows.append(f"| `{found['schema']}` | {', '.join(f'`{n}`' for n in names.split(', '))} | {keys} |\n")
    if write:
        PAGE.write_text(SCHEMAS.sub(lambda _: "".join(rows), page), "utf-8")
    else:
        assert SCHEMAS.findall(page) == ["".join(rows)], "write the page anew"

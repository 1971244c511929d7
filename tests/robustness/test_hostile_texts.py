"""Texts of others on the terminal, in figures and in files of numbers: shown, not obeyed."""

import json
import re
import unicodedata
import warnings
from xml.etree import ElementTree

import pytest

from fixlip import Explanation, plots
from fixlip.cli.console import BIDI, Printer, shown
from fixlip.plots.style import to_bytes
from tests.helpers import results
from tests.helpers.hostile_texts import BROWSER, MARKUP, MATHEMATICS, ODD, TERMINAL, TEXTS, kinds, poisoned

IDS = [f"{k}" for k in range(len(TEXTS))]
SOME = [*TERMINAL[:2], *MATHEMATICS[:3], BROWSER[3], BROWSER[-1], ODD[0]]
every_text = pytest.mark.parametrize("text", TEXTS, ids=IDS)


def obeyed(output):
    """Characters that would steer a terminal."""
    return [c for c in output if c != "\n" and (unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDI)]


@every_text
def test_a_saved_explanation_on_the_terminal(cli, tmp_path, text):
    path = tmp_path / "x.fixlip"
    poisoned(text).save(path)
    code, out, err = cli("view", path, "--html", tmp_path / "x.html")
    assert code == 0, err
    assert not obeyed(out + err)
    assert shown(text).strip() in out or len(text) > 1000 or not text.strip()
    if text in MARKUP:
        assert text in out
    code, out, err = cli("view", path, "--json")
    assert code == 0
    assert json.loads(out)["provenance"]["model"] == text
    assert out.isascii()
    assert not obeyed(out + err)


@pytest.mark.parametrize("text", ["".join(TERMINAL), *MARKUP])
def test_several_saved_explanations_on_the_terminal(cli, tmp_path, text):
    for k in range(2):
        poisoned(text, k).save(tmp_path / f"{k}.fixlip")
    code, out, err = cli("view", tmp_path / "0.fixlip", tmp_path / "1.fixlip", "--html", tmp_path / "x.html")
    assert code == 0, err
    assert not obeyed(out + err)


@pytest.mark.parametrize("text", [t for t in (*TERMINAL, *MARKUP) if "\0" not in t])
def test_names_of_files_in_errors(cli, tmp_path, text):
    path = tmp_path / f"{text.replace('/', '')}.fixlip"
    for content in (None, b"hello"):
        if content is not None:
            path.write_bytes(content)
        for command in (("view", path), ("explain", path, "a dog", "--model", "demo-clip"), ("report", path)):
            code, out, err = cli(*command)
            assert code == 2
            assert not obeyed(out + err)
            assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize("text", ["".join(TERMINAL), "[/bold]"])
def test_a_report_on_the_terminal(cli, tmp_path, text):
    found = results.rows(2)
    for row in found:
        row |= {
            "item": f"{text}{row['item']}",
            "caption": text,
            "model": f"{row['model']}{text}" if row["model"] else "",
        }
        row |= {"reason": text, "fault": text} if row["status"] == "bad" else {}
    results.write(tmp_path, found, results.SETTINGS | {"data": text})
    code, out, err = cli("report", tmp_path, "--examples", 0)
    assert code == 0, err
    assert not obeyed(out + err)


@pytest.mark.parametrize("command", ["explain", "against", "captions"])
def test_a_caption_on_the_terminal(cli, photo, tmp_path, command):
    text = " ".join((*TERMINAL, *MARKUP)).replace("\0", "")
    (tmp_path / "captions.txt").write_text(f"a dog {text}".replace("\n", "").replace("\r", "") + "\na cat\n", "utf-8")
    given = {
        "explain": [f"a dog {text}"],
        "against": ["a dog", "--against", f"a cat {text}"],
        "captions": ["--captions", tmp_path / "captions.txt"],
    }[command]
    code, out, err = cli("explain", photo, *given, "--model", "demo-clip", "--image-masks", 64)
    assert code == 0, err
    assert not obeyed(out + err)


def test_text_is_neither_markup_nor_emoji(capsys):
    Printer().print("[bold]x[/bold] [/] :smile: \x1b[31m", "[red]", sep="\n")
    assert capsys.readouterr().out == "[bold]x[/bold] [/] :smile: \\x1b[31m\n[red]\n"


def test_warnings_are_one_line_on_the_terminal(cli, tmp_path, monkeypatch):
    def load(*_):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("a\x1b[31m\nb", stacklevel=1)
        raise FileNotFoundError(2, "no", "x")

    monkeypatch.setattr(Explanation, "load", load)
    code, _, err = cli("view", tmp_path / "x")
    assert code == 2
    assert err.splitlines()[0] == "fixlip: a\\x1b[31m\\nb"


@pytest.mark.parametrize("text", SOME[::2], ids=ascii)
def test_figures_draw_what_they_are_given(text):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*(No installed font|Glyph|missing from).*")
        for name, found in kinds(text).items():
            if name in ("gallery", "hits"):  # they have pages alone
                continue
            drawn = {"explanation": plots.overview, "comparison": plots.compare, "contrast": plots.contrast}[name](
                found
            )
            figure = drawn[0].get_figure(root=True) if isinstance(drawn, list) else drawn
            svg = to_bytes(figure, "svg")
            for element in ElementTree.fromstring(svg).iter():
                assert element.tag.rpartition("}")[2] not in ("script", "foreignObject", "a", "image-set", "iframe")
                for attribute, value in element.attrib.items():
                    assert not attribute.rpartition("}")[2].startswith("on")
                    if attribute.endswith("href"):
                        assert re.match(r"#|data:image/png;base64,", value)

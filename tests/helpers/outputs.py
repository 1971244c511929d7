"""Outputs that documents show: what must be the same when another machine makes them, and a size for pictures."""

import base64
import io
import re

import numpy as np
from PIL import Image

LIMIT = 150_000  # bytes of a picture in a notebook
NEAR = 6.0  # of 255, on average over the pixels; of axes and rasters that another machine draws


def alike(text):
    """Without figures, widths and bars, which another machine may change."""
    figures = re.sub(r"[+-]?\d[\d.,]*", "0", text).replace("0 min 0 s", "0 s")
    return re.sub(r"[ █●○]+|-{2,}", " ", figures).strip()


def shown(output):
    """What a reader of a notebook sees of an output: its text, and its picture or None."""
    data = output.get("data", {})
    text = output.get("text") or ("" if "image/png" in data else data.get("text/html", data.get("text/plain", "")))
    picture = data.get("image/png")
    return text, picture and Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")


def apart(one, other):
    """The mean difference of two pictures, of 255; infinite where their shapes differ by more than a twentieth."""
    if max(abs(a / b - 1) for a, b in zip(one.size, other.size, strict=True)) > 0.05:
        return float("inf")
    small = [np.asarray(p.resize((256, 256), Image.Resampling.BOX), dtype=float) for p in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


def kept(outputs):
    """Outputs as they are committed: pictures of few bytes instead of pages, text in one piece, no traces."""
    found = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if found and output.get("name") == found[-1].get("name") == "stdout":  # it comes in pieces as time has it
            found[-1]["text"] += output["text"]
            continue
        data = output.get("data", {})
        if "image/png" in data or "<iframe" in data.get("text/html", ""):
            data.pop("text/html", None)
        if "image/png" in data:
            data["image/png"] = fewer_bytes(data["image/png"])
        output.get("metadata", {}).clear()
        found.append(output)
    return found


def fewer_bytes(png):
    """A PNG in base64 with as many colours as fit in the limit."""
    if len(png) * 3 / 4 <= LIMIT:
        return png
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    for colours, width in ((256, 2000), (128, 1500), (128, 1200), (64, 1000)):
        file = io.BytesIO()
        picture.thumbnail((width, 10 * width))
        picture.quantize(colours).save(file, "PNG", optimize=True)
        if file.tell() <= LIMIT:
            break
    return base64.b64encode(file.getvalue()).decode()

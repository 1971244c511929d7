"""Random changes to bytes, to JSON and to saved explanations, for `scripts/fuzz.py`."""

import copy
import json
import math
from hashlib import sha256

WORDS = [
    b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"1e999", b"NaN", b"null", b"-1", b"[" * 500,
    b'{"a":' * 500, b"../../etc/passwd", b"/dev/zero", b"\xed\xa0\x80", b"\xef\xbb\xbf", "\u202e\u2028".encode(),
    "\U0001f469\u200d".encode(), b"&lol;", b"<!ENTITY a 'b'>", b"<!DOCTYPE a [", b"[/EN#1/x ", b"]", b"\n", b"\r", b" ",
    b"9" * 5000, b"grid:", b"=", b"'", b'"', b"\\",
]  # fmt: skip
VALUES = [
    None, True, False, -1, 0, 1, 2**15, 2**31, 2**63, 10**30, -(10**400), 0.5, -0.0, 1e-320, 1e308, math.inf, -math.inf,
    math.nan, "", " ", "0", "nan", "\0", "../../etc/passwd", "/dev/zero", "a" * 3000, "\ud800", "\u202e\u2028",
    "<script>", "\U0001f469\u200d", "\x1b[31m", [], {}, [[]], [None], [[[[[[[[]]]]]]]], [0] * 300, {"": {}}, {"a": 1},
    [1, 2, 3, 4],
]  # fmt: skip


def bytes_mutated(data, rng):
    """One to four small changes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 2, 4, 8, 30, 300))
        kind = rng.randrange(6)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place : place + length] = rng.randbytes(length)
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            word = rng.choice(WORDS)
            data[place : place + rng.choice((0, len(word)))] = word
        elif kind == 4:
            data[place:place] = data[place : place + length] * rng.choice((1, 1, 2, 50))
        elif rng.random() < 0.2:
            del data[place:]
    return bytes(data)


def json_mutated(document, rng):
    """One to three values replaced, removed, doubled or swapped."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(document))
        if not places:
            return rng.choice(VALUES)
        (holder, key), (other, its) = rng.choice(places), rng.choice(places)
        kind = rng.randrange(8)
        if kind < 3:
            holder[key] = copy.deepcopy(rng.choice(VALUES))
        elif kind == 3:
            holder[key] = copy.deepcopy(other[its])
        elif kind == 4:
            del holder[key]
        elif kind == 5 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif kind == 6 and isinstance(holder[key], str):
            holder[key] = bytes_mutated(holder[key].encode("utf-8", "surrogatepass"), rng).decode("utf-8", "replace")
        elif kind == 7 and type(holder[key]) in (int, float):
            holder[key] = rng.choice(
                (holder[key] + 1, -holder[key], holder[key] * 1000, holder[key] // 3, repr(holder[key]))
            )
        elif isinstance(holder, dict):
            holder[rng.choice(("", "extra", "\ud800", key + "x"))] = holder.pop(key)
    return document


def _places(document):
    if not isinstance(document, dict | list):
        return
    for key, value in list(document.items() if isinstance(document, dict) else enumerate(document)):
        yield document, key
        if isinstance(value, dict | list):
            yield from _places(value)


def text_of_json(document):
    """JSON with what Python's reader also takes: NaN, 1e999, halves of characters."""
    return json.dumps(document).replace("Infinity", "1e999").encode()


def archive_mutated(data, rng):
    """One file of an archive (a JSON object of names and texts) changed: as JSON where it is that, else as text."""
    files = json.loads(data)
    name = rng.choice(sorted(files))
    content = files[name].encode("utf-8", "surrogateescape")
    if rng.random() < 0.7 and name.endswith((".json", ".jsonl")):
        lines = content.split(b"\n") if name.endswith("l") else [content]
        k = rng.randrange(len(lines))
        try:
            lines[k] = text_of_json(json_mutated(json.loads(lines[k]), rng))
        except (ValueError, RecursionError):
            lines[k] = bytes_mutated(lines[k], rng)
        content = b"\n".join(lines)
    else:
        content = bytes_mutated(content, rng)
    files[name] = content[:100_000].decode("utf-8", "surrogateescape")
    return json.dumps(files).encode()


def explanation_mutated(data, rng):
    """Bytes, the header of fixlip, that of safetensors, or numbers changed; mostly signed anew."""
    try:
        length = int.from_bytes(data[:8], "little")
        outer, numbers = json.loads(data[8 : 8 + length]), data[8 + length :]
        kind = rng.randrange(5)
        if kind < 2:
            inner = json_mutated(json.loads(outer["__metadata__"]["fixlip"]), rng)
            outer["__metadata__"]["fixlip"] = text_of_json(inner).decode()
        elif kind == 2:
            outer = json_mutated(outer, rng)
        elif kind == 3:
            place = 8 * rng.randrange(len(numbers) // 8 + 1)
            wild = rng.choice((b"\0" * 6 + b"\xf8\x7f", b"\0" * 6 + b"\xf0\xff", b"\xff" * 8, b"\0" * 8))
            numbers = numbers[:place] + wild + numbers[place + 8 :]
        else:
            return signed(bytes_mutated(data, rng)) if rng.random() < 0.7 else bytes_mutated(data, rng)
        head = json.dumps(outer).encode()
        data = len(head).to_bytes(8, "little") + head + numbers
        return signed(data) if rng.random() < 0.9 else data
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return bytes_mutated(data, rng)


def signed(data):
    """With the checksum that a reader of version 2 expects, where there is a place for one."""
    before, mark, after = data.partition(b'\\"sha256\\": \\"')
    if not mark:
        return data
    blank = before + mark + b"0" * 64 + after[64:]
    return before + mark + sha256(blank).hexdigest().encode() + after[64:]

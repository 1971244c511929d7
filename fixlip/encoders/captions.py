"""Captions as a model reads them: token ids, and for each token the characters of the caption as typed.

The rules of each tokenizer (lower case, punctuation taken out, padding) are its own code's; here they are only followed
back to the characters.
"""

from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any

import torch

from fixlip.encoders.base import TextInput
from fixlip.encoders.bpe import token_spans
from fixlip.errors import InputError
from fixlip.players.alignment import Span, align
from fixlip.players.words import check_caption

_one_at_a_time = RLock()  # each call sets padding and truncation in the tokenizer itself, for all threads
UNKNOWN = "\ufffd"  # in the place of "<unk>", whose letters the caption may have too


def read_byte_pairs(tokenizer: Any, text: str) -> TextInput:
    """A caption by open_clip's `SimpleTokenizer`."""
    check_caption(text)
    tokens, spans = token_spans(tokenizer, text)
    ids = tokenizer([text])[0]
    room = len(ids) - 2
    if ids[1 : 1 + min(len(tokens), room)].tolist() != tokens[:room]:
        raise InputError(f"The caption {text!r} is tokenised differently by the model.")
    marks = {tokenizer.sot_token_id, tokenizer.eot_token_id}
    return _caption(text, ids, range(1, 1 + room), tokens, spans, marks)


def read_hugging_face(
    tokenizer: Any,
    text: str,
    length: int,
    *,
    clean: Callable[[str], str] = str,
    own: Callable[[str], torch.Tensor] | None = None,
) -> TextInput:
    """A caption by a tokenizer of transformers, padded to `length`.

    Args:
        tokenizer: a fast tokenizer, which knows its offsets, or a slow one, whose pieces are matched to the caption.
        text: the caption.
        length: tokens of the model's input.
        clean: what is done to the caption before the tokenizer gets it.
        own: caption -> ids [length], where the model's code wraps the tokenizer; its words must be the same.
    """
    check_caption(text)
    with _one_at_a_time:
        cleaned = clean(text)
        kinds = ("bos", "eos", "cls", "sep")
        marks: set[Any] = {getattr(tokenizer, f"{kind}_token_id", None) for kind in kinds} - {None}
        fitted = tokenizer(
            cleaned, padding="max_length", truncation=True, max_length=length, return_attention_mask=True
        )
        padded, present = fitted["input_ids"], fitted["attention_mask"]  # padding may be a word's token too, like "!"
        positions = [k for k, (i, there) in enumerate(zip(padded, present, strict=True)) if there and i not in marks]
        ids = torch.tensor(padded) if own is None else own(text)
        if ids[positions].tolist() != [padded[k] for k in positions]:
            raise InputError(f"The caption {text!r} is tokenised differently by the model.")
        places = align(cleaned, text) if cleaned != text else [(i, i + 1) for i in range(len(text))]
        if tokenizer.is_fast:
            whole = tokenizer(cleaned, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
            content = [k for k, special in enumerate(whole["special_tokens_mask"]) if not special]
            tokens = [whole["input_ids"][k] for k in content]
            spans = [_through(whole["offset_mapping"][k], cleaned, places) for k in content]
        else:
            tokens = [i for i in tokenizer(cleaned, verbose=False)["input_ids"] if i not in marks]
            pieces = tokenizer.convert_ids_to_tokens(tokens)
            spans = _pieces([UNKNOWN if piece == tokenizer.unk_token else piece for piece in pieces], text)
        return _caption(text, ids, positions, tokens, spans, marks)


def replacement_of(tokenizer: Any) -> int:
    """The id that stands for "some token" to a tokenizer of transformers: mask, unknown, padding, or 0."""
    ids = [getattr(tokenizer, f"{kind}_token_id", None) for kind in ("mask", "unk", "pad")]
    return next((i for i in ids if i not in (None, tokenizer.eos_token_id)), 0)


def _caption(
    text: str, ids: torch.Tensor, places: Sequence[int], tokens: list[int], spans: list[Span], marks: set[int]
) -> TextInput:
    if not tokens:
        raise InputError(f"The caption {text!r} holds nothing that the tokenizer reads.")
    if set(tokens) & marks:
        raise InputError("The caption holds the tokenizer's own begin or end mark.")
    kept = min(len(tokens), len(places))
    notes: tuple[str, ...] = ()
    if kept < len(tokens):
        lost = text[spans[kept][0] :]
        notes = (f"the model reads {kept} of {len(tokens)} tokens and does not see {lost!r}; shorten the caption",)
    return TextInput(text, ids, tuple(places[:kept]), tuple(spans[:kept]), notes)


def _through(offset: Span, cleaned: str, places: list[Span]) -> Span:
    """Map characters of the cleaned caption, without the space that some tokenizers count in, to those as typed."""
    start, end = offset
    while start < end - 1 and cleaned[start].isspace():
        start += 1
    if start >= end:
        start, end = max(0, min(start, len(places)) - 1), max(0, min(start, len(places)) - 1) + 1
    return places[start][0], places[end - 1][1]


def _pieces(pieces: list[str], text: str) -> list[Span]:
    """Spans of the pieces of a slow tokenizer; "▁" stands for a space."""
    plain = [piece.replace("▁", " ") for piece in pieces]
    places = align("".join(plain), text)
    spans, done = [], 0
    for piece in plain:
        first = done + (len(piece) - len(piece.lstrip()) if piece.strip() else 0)
        done += len(piece)
        spans.append((places[first][0], places[done - 1][1]))
    return spans

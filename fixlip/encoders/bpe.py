"""Character spans for open_clip's byte-pair tokenizer, which returns ids only."""

from typing import Any

from fixlip.players.alignment import Span, align


def token_spans(tokenizer: Any, text: str) -> tuple[list[int], list[Span]]:
    """Ids of the tokens of a text (no begin, no end) and the characters of `text` that each stands for.

    Follows `SimpleTokenizer.encode`: clean, split by its pattern, turn each chunk into byte pairs. A piece that holds a
    part of a character (of an emoji, say) stands for the whole of it.
    """
    cleaned = tokenizer.clean_fn(text)
    places = align(cleaned, text)
    ids: list[int] = []
    spans: list[Span] = []
    for match in tokenizer.pat.finditer(cleaned):
        chunk = match.group()
        char_of_byte = [i for i, char in enumerate(chunk) for _ in char.encode("utf-8")]
        pieces = tokenizer.bpe("".join(tokenizer.byte_encoder[b] for b in chunk.encode("utf-8"))).split(" ")
        byte = 0
        for piece in pieces:
            length = len(piece.removesuffix("</w>"))
            first, last = char_of_byte[byte], char_of_byte[byte + length - 1]
            byte += length
            ids.append(tokenizer.encoder[piece])
            spans.append((places[match.start() + first][0], places[match.start() + last][1]))
    return ids, spans

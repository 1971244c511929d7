"""Properties over explanations of any numbers: saved and read they are the same, and every method has an answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fixlip import Explanation, Player, Players
from fixlip.errors import FixlipError, InputError
from fixlip.players.base import grid_players
from fixlip.results.provenance import Provenance, StandardErrors

NUMBERS = st.one_of(
    st.floats(-100, 100), st.floats(-1e120, 1e120), st.just(float("nan")), st.sampled_from([0.0, -0.0, 5e-324])
)
TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(["dog", "<script>", "\u202e", "a\nb", "\x00", "👩\u200d👧"]))
JSONS = st.dictionaries(
    st.text(max_size=5), st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS), max_size=3
)


@st.composite
def explanations(draw, numbers=NUMBERS):
    """Anything that can be made: patches, regions or neither, with or without a picture and standard errors."""
    kind = draw(st.sampled_from(["grid", "regions", "neither"]))
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    n_image = rows * columns
    words = draw(st.lists(TEXTS, min_size=1, max_size=3))
    text = [Player("text", word, span=(3 * k, 3 * k + 2)) for k, word in enumerate(words)]
    image = grid_players(rows, columns) if kind == "grid" else [Player("image", f"region {k}") for k in range(n_image)]
    players = Players(
        tuple(image),
        tuple(text),
        (rows, columns) if kind == "grid" else None,
        draw(TEXTS) + "abc" * len(words),
        draw(st.none() | arrays(np.uint8, (4, 5, 3))),
        draw(arrays(np.int16, (3, 4), elements=st.integers(-1, n_image - 1))) if kind == "regions" else None,
    )
    n = n_image + len(words)
    half = np.triu(draw(arrays(float, (n, n), elements=numbers)), 1)
    errors = StandardErrors(draw(numbers), np.abs(half[0]), np.abs(half + half.T)) if draw(st.booleans()) else None
    provenance = Provenance(
        model=draw(TEXTS),
        logit_scale=draw(st.floats(0.1, 100)),
        logit_bias=draw(st.sampled_from([0.0, -10.0])),
        seed=draw(st.integers(0, 2**31)),
        options=draw(JSONS),
        r2=draw(numbers),
        status=draw(TEXTS),
        details=draw(st.dictionaries(st.text(max_size=5), numbers, max_size=2)),
    )
    unit = draw(st.sampled_from(["logit", "cosine", "relevance"]))
    first = draw(arrays(float, n, elements=numbers))
    ends = draw(numbers), draw(numbers), draw(numbers)
    return Explanation(
        ends[0], first, half + half.T, *ends[1:], draw(TEXTS), players, errors, unit=unit, provenance=provenance
    )


@given(found=explanations())
def test_saved_and_read(tmp_path, found):
    path = tmp_path / "found.fixlip"
    path.unlink(missing_ok=True)
    try:
        found.save(path)
    except InputError as error:
        assert "cannot be saved" in str(error)  # noqa: PT017
        assert not path.exists()
        return
    again = Explanation.load(path)
    assert again == found
    assert again.first_order.tobytes() == found.first_order.tobytes()


@given(explanations(st.floats(-100, 100)))
def test_what_is_ordinary_is_saved(tmp_path, found):
    found.save(tmp_path / "found.fixlip")
    assert Explanation.load(tmp_path / "found.fixlip") == found


@given(found=explanations(), data=st.data())
def test_methods(found, data):
    n, n_image = len(found.players), found.players.n_image
    masks = data.draw(arrays(bool, (3, n)))
    with np.errstate(over="ignore", invalid="ignore"):
        predicted, first = found.predict(masks), found.as_first_order()
        assert predicted.shape == (3,)
        assert first.shape == (n,)
        assert np.array_equal(found.value_of(np.flatnonzero(masks[0]).tolist()), predicted[0], equal_nan=True)
    for shape in ((n,), (1, n + 1), (1, 1, n)):
        with pytest.raises(InputError, match="shape"):
            found.predict(np.zeros(shape, dtype=bool))
    pairs = found.top_pairs(data.draw(st.integers(0, 30)))
    strengths = [abs(pair.value) for pair in pairs if not np.isnan(pair.value)]
    assert strengths == sorted(strengths, reverse=True)
    assert all(found.cross[pair.image, pair.text] == pair.value or np.isnan(pair.value) for pair in pairs)
    shares = found.share()
    assert all(value >= 0 for value in shares.values())
    assert abs(sum(shares.values()) - 1) < 1e-9 or set(shares.values()) == {0.0}
    words = data.draw(
        st.one_of(st.none(), TEXTS, st.integers(-2, 5), st.tuples(st.integers(-3, 9), st.integers(-3, 9)))
    )
    try:
        values = found.patch_values(words)
        assert values.shape == (n_image,)
        assert found.heatmap(words).ndim == 2
    except InputError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    assert isinstance(repr(found), str)
    assert found == found
    try:
        assert found.in_cosine().unit == "cosine"
    except FixlipError:
        assert found.unit == "relevance"


@given(explanations(st.floats(-1, 1)), st.integers(-2, 2), st.integers(-2, 2))
def test_shapes(found, more, wider):
    n = len(found.players)
    shape = max(n + more, 0), max(n + wider, 0)
    if shape == (n, n):
        return
    with pytest.raises(InputError, match="players need values"):
        Explanation(0.0, np.zeros(shape[0]), np.zeros(shape), 0.0, 0.0, "", found.players)

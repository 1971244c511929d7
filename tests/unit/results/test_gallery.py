from dataclasses import replace

import numpy as np
import pytest

from fixlip import InputError
from fixlip.results.gallery import Gallery
from tests.helpers.pictures import CAPTIONS, explanation, gallery, of_regions


def test_labels_are_the_captions_and_the_title_counts():
    found = gallery()
    assert found.labels == CAPTIONS
    assert [label for label, _ in found] == list(CAPTIONS)
    assert found["the bus is red"] is found[3]
    assert repr(found) == "Gallery('6 captions of one picture')"
    two = Gallery((explanation(seed=0), explanation(seed=3)))
    assert two.title == "one caption of 2 pictures"
    assert Gallery((explanation(),)).title == "one caption of one picture"


@pytest.mark.parametrize(("explanations", "labels"), [((), ()), ((explanation(),), ("a", "b"))])
def test_one_label_for_each(explanations, labels):
    with pytest.raises(InputError, match="give one each"):
        Gallery(explanations, labels)


def test_the_table_names_captions():
    found = Gallery((explanation(caption="there is a dog", words=["dog"]), of_regions()), ("x", "y"))
    rows = found.table()
    assert [row["label"] for row in rows] == ["x", "y"]
    assert rows[0]["caption"] == "there is a dog"
    assert rows[0]["similarity"] == 21.5
    assert np.isclose(sum(rows[1][f"share_{part}"] for part in ("image", "text", "cross", "within")), 1)


def test_explanations_in_other_units_share_no_scale():
    one = explanation()
    assert gallery().shared_scale
    assert not Gallery((one, replace(one, unit="cosine"))).shared_scale
    assert not Gallery((replace(one, unit="relevance"),) * 2).shared_scale

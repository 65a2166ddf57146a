import numpy as np
import pytest

from workbench.audit.region_shares import BACKGROUND, case_masks, region_shares, stage_shares
from workbench.core.annotation import Annotation
from workbench.core.case import Case
from workbench.core.explanation import Activations, StageActivations
from workbench.core.geometry import scaling


def case_of(*annotations):
    return Case("c", "p", "s", "c.png", width=8, height=4, annotations=annotations)


FLAG, BONE = Annotation("flag", (0, 0, 2, 4)), Annotation("anatomy", (1, 0, 4, 4))


def test_shares_and_areas_of_a_known_map():
    film_map = np.zeros((4, 8), dtype=np.float32)
    film_map[:, 0], film_map[:, 3], film_map[:, 7] = 1.0, 2.0, 1.0
    film_map[0, 5] = -9.0  # negative evidence is no mass
    shares = {each.category: each for each in region_shares(film_map, case_of(FLAG, BONE))}
    assert list(shares) == ["anatomy", "flag", BACKGROUND]
    assert [shares[name].share for name in shares] == [0.5, 0.25, 0.25]
    assert [shares[name].area for name in shares] == [0.375, 0.25, 0.5]
    assert shares["flag"].enrichment == 1.0


def test_nothing_known_gives_nothing():
    assert region_shares(np.ones((4, 8), dtype=np.float32), case_of()) == ()
    assert case_masks(case_of()) == {}


def test_a_map_without_mass_has_no_share():
    (flag, background) = region_shares(-np.ones((4, 8), dtype=np.float32), case_of(FLAG))
    assert np.isnan(flag.share)
    assert np.isnan(background.share)
    assert np.isnan(flag.enrichment)


def test_stages_say_where_along_the_network_a_thing_is_seen():
    early = np.zeros((1, 2, 2, 4))
    early[0, 0, :, 0] = 1.0  # all on the flag; the other map is empty and does not count
    late = np.zeros((1, 1, 1, 2))
    late[0, 0, 0, 1] = 1.0
    stages = (
        StageActivations("a", "Block 1", early, np.array([[5, 6]])),
        StageActivations("b", "Block 2", late, np.array([[7]])),
    )
    to_film = scaling(0.5, 0.5)[None]  # input 8 x 16, film 4 x 8
    found = Activations("activations", ("c",), stages, to_film, np.array([[4, 8]]), (8, 16))
    shares = {(stage, name): share for stage, name, share in stage_shares(found, 0, case_of(FLAG))}
    assert shares["Block 1", "flag"] == pytest.approx(1.75 / 2)  # bilinear: 1, 3/4 | 1/4 across the edge
    assert shares["Block 2", "flag"] == 0.0
    assert shares["Block 2", BACKGROUND] == 1.0
    np.testing.assert_array_equal(found.stage_to_film(0, 0), scaling(2, 2))

"""From a site's properties to the tiles of VIC's cell: shares, leaf area, seasons and factors."""

import numpy as np
import pytest

from legacy_models.vic.land_cover import FOREST, GRASS, cover_tiles

PROPERTIES = {"latitude": 41.5, "forest": 0.8, "bare": 0.0, "lai_max": 5.0, "lai_diff": 4.0}


def tiles(rmin_factor=1.0, lai_factor=1.0, **changed):
    return cover_tiles(PROPERTIES | changed, rmin_factor, lai_factor)


def test_the_tiles_are_those_that_the_shares_say():
    assert [(t.share, t.cover) for t in tiles()] == [(0.8, FOREST), (0.2, GRASS)]
    assert [(t.share, t.cover) for t in tiles(forest=1.0)] == [(1.0, FOREST)]
    assert [(t.share, t.cover) for t in tiles(forest=0.0)] == [(1.0, GRASS)]
    assert [(t.share, t.cover) for t in tiles(forest=0.3, bare=0.7)] == [(0.3, FOREST)]
    assert tiles(forest=0.0, bare=1.0) == ()


def test_the_roots_of_every_cover_sum_to_one():
    for cover in (FOREST, GRASS):
        assert sum(cover.root_fractions) == pytest.approx(1.0)


def test_leaf_area_follows_the_properties_and_the_factor():
    forest, grass = tiles()
    for tile, largest in ((forest, 5.0), (grass, 3.0)):
        lai = np.array(tile.vegetation.lai)
        assert lai.max() == pytest.approx(largest)
        assert lai.min() == pytest.approx(1.0)
        assert lai.argmax() in (5, 6)
    for one, other in zip(tiles(), tiles(lai_factor=1.7), strict=True):
        np.testing.assert_allclose(other.vegetation.lai, 1.7 * np.array(one.vegetation.lai))


def test_the_factor_of_resistance_holds_for_every_tile():
    assert [tile.vegetation.rmin for tile in tiles(rmin_factor=0.5)] == [75.0, 60.0]


def test_leaf_area_is_never_nothing():
    assert min(lai for tile in tiles(lai_max=1.0, lai_diff=1.0) for lai in tile.vegetation.lai) == 0.1


def test_seasons_are_half_a_year_apart_in_the_two_hemispheres():
    for north, south in zip(tiles(), tiles(latitude=-41.5), strict=True):
        assert south.vegetation.lai == north.vegetation.lai[6:] + north.vegetation.lai[:6]

"""What the comparisons share: the real VIC 5 where there is one, and real basins."""

import os

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.model import Forcing
from legacy_models.vic.disaggregation import NEEDED
from tests.vic_sites import BASINS


@pytest.fixture(scope="session")
def executable():
    """The path of the real VIC 5's classic driver."""
    path = os.environ.get("DPL_VIC_EXE")
    if not path:
        pytest.skip("DPL_VIC_EXE does not name a VIC 5 executable")
    return path


@pytest.fixture(scope="session")
def attributes(shared_data):
    """CAMELS attributes, one row a basin."""
    folder = shared_data / "camels_us" / "camels_attributes_v2.0"
    parts = (
        pd.read_csv(folder / f"camels_{n}.txt", sep=";", dtype={"gauge_id": str}) for n in ("topo", "soil", "vege")
    )
    return pd.concat([part.set_index("gauge_id") for part in parts], axis=1)


@pytest.fixture(scope="session")
def daily(shared_data):
    """Four years of forcing of six basins in six climates."""
    with xr.open_dataset(shared_data / "camels_us" / "daymet_streamflow.nc") as data:
        chosen = data.sel(gauge_id=BASINS, time=slice("1989-10-01", "1993-09-30"))
        dates = chosen.time.values.astype("datetime64[D]")
        values = np.stack([chosen[name].values.astype(float) for name in NEEDED], axis=-1)
    return {basin: Forcing(dates, block, NEEDED) for basin, block in zip(BASINS, values, strict=True)}

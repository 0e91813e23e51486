"""``dpl drift``: whether a finished run still fits new days, new basins or new observations, and what does not."""

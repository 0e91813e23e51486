"""``dpl evaluate``: finished runs side by side, every method on test and ungauged basins, with intervals."""

"""Where the files of CAMELS-US lie: the data set's folder, the attribute tables, forcing and flow of every basin."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from legacy_models.errors import UnknownNameError, UsageError
from pipeline.basins import Lack

FORCING_FOLDER = "basin_mean_forcing"
FLOW_FOLDER = "usgs_streamflow"


@dataclass(frozen=True, eq=False)
class BasinFiles:
    """The files of each basin; the HUC folder that one lies in does not follow from the id."""

    forcing_folder: Path
    flow_folder: Path
    forcing: dict[str, list[Path]]
    flow: dict[str, list[Path]]

    @classmethod
    def under(cls, root: Path, product: str) -> "BasinFiles":
        """Find the files of the forcing called ``product`` and of streamflow.

        Raises:
            UsageError: for a product that does not exist, with those that do, or one without a file.
        """
        folder, flow_folder = _product(root / FORCING_FOLDER, product), root / FLOW_FOLDER
        forcing = _by_basin(folder, "_forcing_leap.txt")
        if not forcing:
            raise UsageError(f"forcing: {folder} holds no file that ends in _forcing_leap.txt")
        return cls(folder, flow_folder, forcing, _by_basin(flow_folder, "_streamflow_qc.txt"))

    @property
    def basins(self) -> list[str]:
        """Ids of all basins that have a file of either kind."""
        return sorted({*self.forcing, *self.flow})

    def lacking(self, without_streamflow: bool) -> dict[str, Lack]:
        """Return what is wrong for every basin without exactly one file of each kind."""
        skip = "; options.skip_incomplete leaves such basins out"
        no_forcing = Lack(f"{self.forcing_folder}: there is no file of forcing", skip)
        no_flow = Lack(
            f"{self.flow_folder}: there is no file of streamflow",
            f"{skip}, options.without_streamflow reads them as gaps",
        )
        found = {b: no_flow for b in self.basins if b not in self.flow and not without_streamflow}
        found |= {b: no_forcing for b in self.basins if b not in self.forcing}
        for folder, files in ((self.flow_folder, self.flow), (self.forcing_folder, self.forcing)):
            found |= {b: Lack(f"{folder}: there is more than one file") for b, paths in files.items() if len(paths) > 1}
        return found


def data_folder(path: Path) -> Path:
    """Return the folder that holds the forcing: ``path`` or one up to two levels below it.

    Raises:
        UsageError: if there is none, or several.
    """
    if not path.is_dir():
        raise UsageError(f"path: there is no folder {path}")
    for level in ("", "*/", "*/*/"):
        found = sorted(place.parent for place in path.glob(level + FORCING_FOLDER) if place.is_dir())
        if len(found) > 1:
            raise UsageError(f"path: {path} holds {len(found)} data sets ({', '.join(map(str, found))}); name one")
        if found:
            return found[0]
    raise UsageError(f"path: neither {path} nor a folder up to two levels below it holds {FORCING_FOLDER}")


def attribute_tables(root: Path) -> tuple[Path, ...]:
    """Return the ``camels_*.txt`` nearest to ``root``: in it or up to two levels above, or in ``*attributes*`` there.

    Raises:
        UsageError: if there are none.
    """
    places = (root, *root.absolute().parents[:2])
    for place in places:
        for folder in (place, *sorted(place.glob("*attributes*"))):
            if found := sorted(folder.glob("camels_*.txt")):
                return tuple(found)
    raise UsageError(
        f"attributes: there are no camels_*.txt, nor *attributes*/camels_*.txt, in {' or '.join(map(str, places))}; "
        "name their folder"
    )


def _product(folder: Path, name: str) -> Path:
    held = sorted(place.name for place in folder.iterdir() if place.is_dir())
    if name not in held:
        near = get_close_matches(name, held, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UnknownNameError(f"forcing: {folder} holds no product {name!r}{hint}; there are: {', '.join(held)}")
    return folder / name


def _by_basin(folder: Path, end: str) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob(f"*{end}")):
        found.setdefault(path.name.partition("_")[0], []).append(path)
    return found

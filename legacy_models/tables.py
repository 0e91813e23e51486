"""Extension tables: a name leads to ``module:attribute``, imported only when it is asked for."""

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

from legacy_models.errors import UnknownNameError


class Table(Mapping[str, str]):
    """The entries of one extension point, for example all losses.

    Args:
        kind: what an entry is called in messages, for example ``"loss"``.
        entries: name -> ``"module:attribute"``.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def check(self, name: str) -> str:
        """Return ``name`` if it is in the table, without importing anything.

        Raises:
            UnknownNameError: with the nearest name and all names there are.
        """
        if name in self._entries:
            return name
        near = get_close_matches(name, self._entries, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UnknownNameError(
            f"no {self.kind} is called {name!r}{hint}; there are: {', '.join(sorted(self._entries))}"
        )

    def resolve(self, name: str) -> Any:
        """Import and return the entry called ``name``.

        Raises:
            UnknownNameError: if there is no such entry.
        """
        module, _, attribute = self._entries[self.check(name)].partition(":")
        return getattr(import_module(module), attribute)


def check_options(
    entry: Callable[..., Any], options: Collection[str], key: str, elsewhere: Collection[str] = ()
) -> None:
    """Refuse options that an entry of a table does not take; what it must be given is not one of them.

    Args:
        entry: what is called with the options.
        options: their names.
        key: of the configuration that holds them.
        elsewhere: what the entry takes, but from other keys.

    Raises:
        UnknownNameError: with the nearest option and all there are.
    """
    known = [
        name
        for name, parameter in signature(entry).parameters.items()
        if parameter.default is not Parameter.empty and name not in elsewhere
    ]
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UnknownNameError(f"{key}.{name}: no such option{hint}; there are: {', '.join(known) or 'none'}")

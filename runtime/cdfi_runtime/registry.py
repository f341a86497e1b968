"""Registries that fill themselves: one file in a folder is one entry, no list to keep."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from typing import Generic, Protocol, TypeVar

from cdfi_runtime.errors import CdfiError, UnknownNameError


class Named(Protocol):
    """Anything with a ``name``; every registered spec is a frozen dataclass with one."""

    @property
    def name(self) -> str:
        """The name to register under."""
        ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Specs by name, found on first use.

    Args:
        kind: The word for an entry in messages, e.g. ``"network"``.
        package: Package whose modules each register themselves when imported. They must be light:
            heavy libraries are imported inside the functions that use them.
        entry_point_group: Group through which other distributions or packages add modules.
    """

    def __init__(self, kind: str, package: str, entry_point_group: str | None = None) -> None:
        self.kind = kind
        self._package = package
        self._group = entry_point_group
        self._entries: dict[str, T] = {}
        self._broken: dict[str, str] = {}
        self._loaded = False

    def register(self, spec: T) -> T:
        """Add ``spec`` under ``spec.name`` and return it.

        Raises:
            ValueError: another spec already has that name.
        """
        known = self._entries.get(spec.name)
        if known is not None and known != spec:
            raise ValueError(f"two entries for the {self.kind} '{spec.name}'")
        self._entries[spec.name] = spec
        return spec

    def get(self, name: str) -> T:
        """The spec called ``name``.

        Raises:
            UnknownNameError: no such entry; the message lists the known ones.
            CdfiError: the entry point of that name exists but fails to load.
        """
        self._load()
        if name in self._broken and name not in self._entries:
            raise CdfiError(
                f"the {self.kind} '{name}' is installed but fails to load",
                got=self._broken[name],
                fix="repair or uninstall the package that brings it",
            )
        if name not in self._entries:
            raise UnknownNameError(self.kind, name, self._entries)
        return self._entries[name]

    def names(self) -> tuple[str, ...]:
        """Names of all entries, sorted."""
        self._load()
        return tuple(sorted(self._entries))

    def all(self) -> tuple[T, ...]:
        """All entries, sorted by name."""
        return tuple(self._entries[name] for name in self.names())

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self._package}.{module.name}")
        if self._group is not None:
            for entry in entry_points(group=self._group):
                try:
                    entry.load()
                except Exception as error:  # a broken plug-in must not take the others with it
                    self._broken[entry.name] = f"{entry.value}: {error}"

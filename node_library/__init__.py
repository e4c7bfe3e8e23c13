"""The nodes people build flows from, one folder each, and the contract that plugins write theirs to."""

from node_library.contract import BrokenNode, FolderNode, read_node
from node_library.library import NodeLibrary, PaletteEntry, Refused, load_library

__all__ = ["BrokenNode", "FolderNode", "NodeLibrary", "PaletteEntry", "Refused", "load_library", "read_node"]

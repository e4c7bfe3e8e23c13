"""Plays a node's cases and says what each did, for its author."""

from dataclasses import dataclass
from pathlib import Path

from node_library import BrokenNode, read_node
from node_library.cases import complaints_about
from node_library.conformance import complaints
from server.plugins.manifest import CALLS
from server.plugins.pack import about_of, node_folders


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one node: a line for each case, and one for everything else that is wrong."""

    title: str
    lines: tuple[str, ...]
    failures: int


def try_out(path: Path) -> list[Result]:
    """Every node of the plugin in the folder, and its calls; raises ValueError with a sentence when there is none."""
    about = about_of(path)
    folders = node_folders(path)
    if not folders:
        raise ValueError(f"{path} has no node. Write one with `chatloom node new my_node --into {path}`.")
    results = [_of_node(folder) for folder in folders]
    if about.calls and not (path / CALLS).is_file():
        results.append(Result(CALLS, (f"FAIL  plugin.json names the calls {', '.join(about.calls)}, but there is no {CALLS}",), 1))
    return results


def _of_node(folder: Path) -> Result:
    try:
        node = read_node(folder)
    except BrokenNode as broken:
        return Result(folder.name, (f"FAIL  {broken}",), 1)
    lines: list[str] = []
    told: set[str] = set()
    for case in node.cases:
        wrong = list(complaints_about(node, case))
        told.update(wrong)
        lines += [f"FAIL  {complaint}" for complaint in wrong] or [f"ok    {case['name']}"]
    others = [complaint for complaint in complaints(folder) if complaint not in told]
    lines += [f"FAIL  {complaint}" for complaint in others]
    failures = sum(line.startswith("FAIL") for line in lines)
    return Result(f"{node.title} ({node.type}, version {node.version}): {len(node.cases)} cases", tuple(lines), failures)

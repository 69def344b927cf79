"""What is wrong with what follows a run: exports that are none, URLs that cannot be called."""

from collections.abc import Collection, Iterator

from impexd.model import after, outbound
from impexd.model.faults import Fault, near, quoted
from impexd.model.outbound import Outbound


def faults(targets: tuple[str, ...], exports: Collection[str], calls: Outbound) -> Iterator[Fault]:
    """Pure: all that is wrong with the key `after`.  `exports` are the names of the export groups."""
    for position, target in enumerate(targets):
        at = ("after", position)
        if target in targets[:position]:
            yield Fault(at, f"{quoted(after.name(target))} stands here twice")
        elif target.startswith(after.EXPORT):
            name = target.removeprefix(after.EXPORT)
            if name not in exports:
                what = f"there is no export group {quoted(name)}" + near(name, exports)
                yield Fault(at, what)
        elif reason := after.url_fault(target) or outbound.fault(calls, target):
            yield Fault(at, f"{quoted(after.name(target))}: {reason}")

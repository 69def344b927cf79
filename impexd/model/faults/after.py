"""What is wrong with what follows a run: exports that are none, URLs that cannot be called."""

from collections.abc import Collection, Iterator

from impexd.core.text import shown
from impexd.model import after, outbound
from impexd.model.faults import Fault, near, quoted
from impexd.model.outbound import Outbound
from impexd.model.secret import Secret


def faults(
    targets: tuple[after.Target, ...], exports: Collection[str], calls: Outbound
) -> Iterator[Fault]:
    """Pure: all that is wrong with the key `after`.  `exports` are the names of the export groups."""
    for position, target in enumerate(targets):
        at = ("after", position)
        if target in targets[:position]:
            yield Fault(at, f"{quoted(after.name(target))} stands here twice")
        elif isinstance(target, Secret):
            continue  # what is kept there, `config` looks at
        elif target.startswith(after.EXPORT):
            name = target.removeprefix(after.EXPORT)
            if name not in exports:
                what = f"there is no export group {quoted(name)}" + near(name, exports)
                yield Fault(at, what)
        elif reason := after.url_fault(target) or outbound.fault(calls, target):
            yield Fault(at, f"{quoted(after.name(target))}: {reason}")
        elif key := after.telling(target):
            what = f"{quoted(after.name(target))}: `{shown(key, limit=40)}` looks like a secret"
            hint = 'write the whole URL into a file of mode 0600, and here { file = "..." }'
            yield Fault(at, f"{what}, which must not stand in the configuration; {hint}")

"""`impexd run`: the daemon with its listener, from the configuration to the exit status."""

from pathlib import Path

from impexd import config as configuration
from impexd import daemon
from impexd.core.signals import Bell


async def run(source: Path, bell: Bell, *, drain: bool = False) -> None:
    """
    Run the daemon until it is told to stop; with `drain` until nothing is left to do.

    Raises `ConfigError`, `Busy`, `Unsafe`, each with its exit status.
    """
    config = configuration.load(source)
    async with daemon.opened(source, config) as instance:
        if drain:
            await daemon.serve(instance, bell, drain=True)
            return
        from impexd.admin import api, server, web  # heavy, and nothing that a drain needs
        from impexd.feeds import listener

        async with (
            server.listening(api.app(instance), config.socket),
            web.opened(instance, config.etc),
            listener.opened(instance.feeds, lambda: instance.changed),
        ):
            await daemon.serve(instance, bell)

"""PostgreSQL as a pool that writes and a pool that reads one snapshot each time."""

from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from impexd.core.errors import Unsafe
from impexd.store import schema


def engines(url: str, *, readers: int) -> tuple[AsyncEngine, AsyncEngine]:
    """Make the writer and the readers."""
    address: URL = make_url(url).set(drivername="postgresql+psycopg")
    writer = create_async_engine(
        address, pool_size=4, max_overflow=16, pool_pre_ping=True, hide_parameters=True
    )
    reader = create_async_engine(
        address,
        pool_size=readers,
        max_overflow=readers,
        pool_pre_ping=True,
        hide_parameters=True,
        execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    )
    return writer, reader


async def inspect(writer: AsyncEngine, *, allow_unsafe_durability: bool) -> None:
    """Refuse, by `Unsafe`, a server that loses acknowledged work or tables newer than we are."""
    async with writer.connect() as conn:
        names = ("fsync", "full_page_writes", "synchronous_commit", "server_encoding")
        found = {name: str(await conn.scalar(text(f"SHOW {name}"))) for name in names}
        faults = unsafe(found)
        if found["server_encoding"] != "UTF8":
            raise Unsafe(
                f"the database is encoded in {found['server_encoding']}",
                hint="make it with ENCODING 'UTF8'",
            )
        if faults and not allow_unsafe_durability:
            raise Unsafe(
                f"the server would lose acknowledged work: {'; '.join(faults)}",
                hint="set it on the server, or `allow_unsafe_durability = true` under [store]",
            )
        schema.refuse_newer(await revision(conn), "the database")


def unsafe(found: dict[str, str]) -> list[str]:
    """Pure: name the settings under which a commit may be lost."""
    faults = [f"{name} = off" for name in ("fsync", "full_page_writes") if found[name] == "off"]
    if found["synchronous_commit"] == "off":
        faults.append("synchronous_commit = off")
    return faults


async def revision(conn: AsyncConnection) -> str | None:
    """Say which revision of our tables the database has; None if none."""
    if await conn.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = await conn.scalar(text("SELECT version_num FROM alembic_version"))
    return found

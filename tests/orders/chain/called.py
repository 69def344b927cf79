"""Orders that are paid, and a partner that is told of them by HTTP."""

from tests.orders.chain import partners
from tests.orders.chain.house import House, exporter, order
from tests.orders.chain.partners import Behave

HTTP = """
[http]
url = "{url}/orders"
[http.answer]
ref = "ref"
accept = "ok"
"""


def sender(url: str, **more: object) -> str:
    return exporter("http", "INITPAID", HTTP.format(url=url), **more)


def first(said: bytes | None, *, taken: bool) -> Behave:
    """Answer the first request so, having taken it or not; all others as partners do."""
    seen: list[str] = []

    def behave(partner: partners.Partner, headers: dict[str, str], body: str) -> bytes | None:
        seen.append(body)
        if len(seen) == 1:
            if taken:
                partner.take(headers, body)
            return said
        return partner.take(headers, body)

    return behave


async def paid(house: House, text: str, *numbers: str) -> None:
    await house.fresh(erp=text)
    await house.put(*(order(number) for number in numbers or ("1",)))
    for number in numbers or ("1",):
        await house.flag(number, "INITPAID")
    await house.turn()


def calling(url: str, *lines: str, **common: object) -> str:
    """An exporter that calls this URL."""
    said = "\n".join(lines)
    return exporter("http", "INITPAID", f'[http]\nurl = "{url}/orders"\n{said}\n', **common)


async def told(house: House, text: str) -> dict[str, object]:
    """Have a partner told of a paid order; gives the task."""
    await house.fresh(erp=text)
    await house.put(order())
    await house.flag("1001", "INITPAID")
    await house.turn()
    return await house.task("erp")

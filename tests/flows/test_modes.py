"""x"""
import pytest
from tests import shop
from tests.flows.place import Place
pytestmark = pytest.mark.asyncio(loop_scope="session")

@pytest.mark.parametrize("n", range(4))
async def test_it(place: Place, n: int) -> None:
    import time
    t=time.perf_counter()
    await place.fresh({k:v for k,v in shop.ETC.items() if k!="impexd.toml"})
    t1=time.perf_counter()
    run = await place.bring("all.zip", shop.zipped(shop.members(shop.rows(5))))
    t2=time.perf_counter()
    print(run["state"], run["counts"], t1-t, t2-t1)
    print((await place.table("product"))[:1], await place.waiting(), (await place.runs())[0]["state"])
    print(sorted(await place.everything()))

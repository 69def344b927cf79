import time, os, cProfile, pstats, json
from pathlib import Path
from tests import shop
from tests.flows import inside
from tests.flows.test_pictures import ETC
from tests.formats.pictures import png_of
from impexd.imports import worker, bench as b
from impexd.imports.order import Order
async def test_many(tmp_path, store_url):
    goods = shop.members(shop.rows(1000))
    pics = {f"P{n:06d}.png": png_of(300,300,os.urandom(100_000)) for n in range(990)}
    etc = dict(ETC) | {"impexd.toml": ETC["impexd.toml"].replace('"100 kB"','"1 MB"')}
    async with inside.opened(tmp_path, store_url, etc) as site:
        await site.load("goods.zip", shop.zipped(goods))
        data = shop.zipped(pics)
        (tmp_path/"x.zip").write_bytes(data)
        (tmp_path/"scr").mkdir()
        order = Order(task="stage", run=99, group="shop", source=str(tmp_path/"x.zip"), name="x.zip", scratch=str(tmp_path/"scr"), url=store_url, config=site.instance.config.hash)
        import anyio
        def go():
            for n in range(2):
                p = cProfile.Profile(); t=time.time(); c=time.process_time()
                p.enable()
                a = worker._served(order, site.instance.config, lambda a: None)
                p.disable()
                print("TIME", n, time.time()-t, time.process_time()-c, a.planned and len(a.planned.parts), a.trouble)
                pstats.Stats(p).sort_stats("cumtime").print_stats(45)
        worker._bounded = lambda l: None
        await anyio.to_thread.run_sync(go)

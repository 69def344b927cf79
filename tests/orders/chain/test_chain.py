"""The chain over real partners: HTTP, a person, mail, SFTP, a file; each told in order, once."""

import json
from pathlib import Path

import pytest

from tests.orders.chain import partners
from tests.orders.chain.house import House, exporter, order
from tests.orders.chain.partners import Partner, Postbox, Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
sender = "Shop <orders@shop.example>"
to = ["{{{{ warehouse.email }}}}"]
subject = "Order {{{{ order.number }}}}, delivery {{{{ delivery.number }}}}"
text = '''
Please send:
{{% for line in lines %}}{{{{ line.quantity }}}} x {{{{ line.sku }}}} {{{{ line.name }}}}
{{% endfor %}}'''
html = "<p>{{{{ order.customer.last_name }}}}</p>"
[[mail.attachment]]
name = "{{order}}.{{suffix}}"
[mail.attachment.body]
format = "csv"
column = [{{ from = "line.sku", to = "SKU" }}, {{ from = "line.quantity", to = "Qty" }}]
"""
SFTP = """
[sftp]
host = "127.0.0.1"
port = {server.port}
user = "shop"
known_hosts = "{server.known_hosts}"
password = {{ file = "{server.password}" }}
folder = "/"
name = "{{order}}-{{task}}.{{suffix}}"
[sftp.body]
format = "xml"
root = "order"
"""
WAREHOUSES = """
[entity.warehouse]
key = ["code"]
field = { code = {}, email = { null = true } }
"""
HTTP = """
[http]
url = "{url}/orders/{{order}}"
[http.answer]
accept = "ok"
ref = "ref"
"""


def chain(erp: Partner, box: Postbox, server: Server) -> dict[str, str]:
    """A: the ERP; a hold; B: the suppliers; C: the archive; the last flag, and who hears it."""
    return {
        "a_erp": exporter("http", "INITPAID", HTTP.format(url=erp.url), next="ERP_TOLD"),
        "gate": exporter("hold", "ERP_TOLD", next="APPROVED"),
        "b_supplier": exporter(
            "mail", "APPROVED", MAIL.format(port=box.port), per="delivery", next="SUPPLIER_TOLD"
        ),
        "c_archive": exporter(
            "sftp", "SUPPLIER_TOLD", SFTP.format(server=server), per="delivery", next="ALL_TOLD"
        ),
        "d_file": exporter("file", "ALL_TOLD", per="delivery"),
    }


async def begun(house: House, erp: Partner, box: Postbox, server: Server) -> None:
    """A paid order with three deliveries, two of them of one supplier, up to the hold."""
    await house.fresh(**chain(erp, box, server))
    await house.place.say({"entities/w.toml": WAREHOUSES})
    async with house.place.instance.store.writing() as tx:
        for code in ("W1", "W2"):
            await house.record(tx, "warehouse", code=code, email=f"{code.lower()}@supplier.example")
    await house.put(order(warehouses="W1,W1,W2"))
    await house.flag("1001", "INITPAID")
    await house.work()


async def test_a_then_a_person_then_b_then_c_each_told_once_and_in_order(
    house: House, tmp_path: Path
) -> None:
    async with partners.http() as erp, partners.smtp() as box, partners.sftp(tmp_path) as server:
        await begun(house, erp, box, server)
        assert await house.states() == {"a-erp 1001": "done", "gate 1001": "held"}
        assert box.mails == []
        gate = await house.task("gate")
        await house.decide("release", gate["id"], note="checked by phone")
        await house.work()
        states = await house.states()
    assert set(states.values()) == {"done"}
    assert len(states) == 2 + 3 + 3 + 3
    [(line, headers, body)] = erp.asked
    assert line == "POST /orders/1001 HTTP/1.1"
    assert json.loads(body)["order"]["lines"][0]["sku"] == "SKU-0"
    told = await house.task("a-erp")
    assert (told["ref"], told["key"]) == ("R-1", headers["idempotency-key"])
    assert sorted(box.to) == [["w1@supplier.example"]] * 2 + [["w2@supplier.example"]]
    mail = next(one for one in box.mails if "1001-1" in one["Subject"])
    assert mail["Subject"] == "Order 1001, delivery 1001-1"
    assert "2 x SKU-0 Thing 0" in mail.get_body(("plain",)).get_content()
    assert "O&#39;Neill &amp; Søn" in mail.get_body(("html",)).get_content()
    [attached] = mail.iter_attachments()
    assert attached.get_content().replace("\r", "") == "SKU;Qty\nSKU-0;2\n"
    assert len({one["Message-ID"] for one in box.mails}) == 3
    files = sorted(path.name for path in server.folder.iterdir())
    assert len(files) == 3 and all(name.endswith(".xml") for name in files)
    assert len(house.outbox("d-file")) == 3
    flags = (await house.why("1001"))["flags"]
    assert [one["flag"] for one in flags].count("ALL_TOLD") == 3
    journal = next(f for f in flags if f["flag"] == "ERP_TOLD")["tasks"][0]["journal"]
    assert [(one["to_state"], one["actor"], one["note"]) for one in journal] == [
        ("held", None, None),
        ("done", "anna", "checked by phone"),
    ]


async def test_refused_at_the_hold_nothing_further_happens(house: House, tmp_path: Path) -> None:
    async with partners.http() as erp, partners.smtp() as box, partners.sftp(tmp_path) as server:
        await begun(house, erp, box, server)
        gate = await house.task("gate")
        await house.decide("skip", gate["id"], note="address looks wrong")
        await house.work()
        assert await house.states() == {"a-erp 1001": "done", "gate 1001": "skipped"}
        assert box.mails == []
        told = await house.why("1001")
    assert {one["exporter"]: one["reason"] for one in told["not_called"]} == {
        "b-supplier": f"APPROVED is raised by gate, whose task {gate['id']} is skipped: skipped by anna",
        "c-archive": "SUPPLIER_TOLD is raised by b-supplier, which was not called either",
        "d-file": "ALL_TOLD is raised by c-archive, which was not called either",
    }


async def test_a_skipped_task_lets_the_chain_go_on_if_that_is_said(house: House) -> None:
    await house.fresh(
        gate=exporter("hold", "INITPAID", next="APPROVED"), last=exporter("file", "APPROVED")
    )
    await house.put(order())
    await house.flag("1001", "INITPAID")
    await house.work()
    await house.decide("skip", (await house.task("gate"))["id"], go_on=True)
    await house.work()
    assert await house.states() == {"gate 1001": "skipped", "last 1001": "done"}


async def test_a_hold_on_a_link_keeps_the_task_until_it_is_released(house: House) -> None:
    async with partners.http() as erp:
        await house.fresh(erp=exporter("http", "INITPAID", HTTP.format(url=erp.url), hold=True))
        await house.put(order())
        await house.flag("1001", "INITPAID")
        await house.work()
        assert (await house.states(), erp.asked) == ({"erp 1001": "held"}, [])
        await house.decide("release", (await house.task("erp"))["id"])
        await house.work()
        assert await house.states() == {"erp 1001": "done"}
        assert len(erp.effects) == 1

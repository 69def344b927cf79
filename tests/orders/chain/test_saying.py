"""What a partner reads: forms, XML, and an answer that keeps the contract."""

from urllib.parse import parse_qs

import pytest
from lxml import etree

from tests.orders.chain import partners
from tests.orders.chain.called import calling, told
from tests.orders.chain.house import House
from tests.peer import answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FORM = """
[http.body]
format = "form"
column = [
    { from = "order.number", to = "number" },
    { from = "order.total", to = "total" },
    { from = "order.customer.last_name", to = "name" },
    { from = "delivery.number", to = "delivery" },
]
"""


async def test_a_form_says_what_its_columns_say(house: House) -> None:
    async with partners.http() as erp:
        assert (await told(house, calling(erp.url, FORM)))["state"] == "done"
        [(_, headers, body)] = erp.asked
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body, keep_blank_values=True, strict_parsing=True) == {
        "number": ["1001"],
        "total": ["19.8"],
        "name": ["O'Neill & Søn"],
        "delivery": [""],
    }


@pytest.mark.parametrize("template", [False, True], ids=["whole", "by-template"])
async def test_xml_is_well_formed_whatever_a_customer_is_called(
    house: House, template: bool
) -> None:
    said = '[http.body]\nformat = "xml"\nroot = "paid"\n'
    if template:
        said += (
            "template = '<paid><order><customer><last_name>{{ order.customer.last_name }}"
            "</last_name></customer></order></paid>'\n"
        )
    async with partners.http() as erp:
        assert (await told(house, calling(erp.url, said)))["state"] == "done"
        [(_, headers, body)] = erp.asked
    tree = etree.fromstring(body.encode())
    assert (headers["content-type"], tree.tag) == ("application/xml", "paid")
    assert tree.findtext("order/customer/last_name") == "O'Neill & Søn"


async def test_an_answer_that_keeps_the_contract_leaves_its_reference(house: House) -> None:
    contract = '[http.answer]\naccept = "result.ok"\nref = "result.ids[0]"'
    said = answer(b'{"result": {"ok": true, "ids": [4711, 4712]}}', "202 Accepted")
    async with partners.http(lambda *_: said) as erp:
        task = await told(house, calling(erp.url, contract))
        assert (task["state"], task["ref"]) == ("done", "4711")

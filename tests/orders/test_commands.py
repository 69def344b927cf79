"""Orders as people at a terminal meet them: listed, placed, shown, moved; and woken by a daemon."""

import json
from pathlib import Path

from tests.crash import busy
from tests.processes import Site, until

STOCK = """
[entity.stock]
key = ["sku", "warehouse"]
[entity.stock.field]
sku       = { type = "text" }
warehouse = { type = "text" }
quantity  = { type = "decimal" }
reserved  = { type = "decimal", default = "0" }
"""
DESCRIPTOR = """
entity = "stock"
[file]
match = 'stock.*\\.csv'
delimiter = ";"
[[column]]
from = "sku"
to = "sku"
[[column]]
from = "warehouse"
to = "warehouse"
[[column]]
from = "quantity"
to = "quantity"
"""
ETC = {
    "impexd.toml": '[orders]\nstock = "stock"\nwarehouse = "W1"\nwake = 86400\n',
    "entities/stock.toml": STOCK,
    "descriptors/stock.toml": DESCRIPTOR,
    "groups/goods.toml": 'kind = "import"\ndescriptors = ["stock"]\n[inbox]\nsettle = 0.05\n',
}


def test_orders_are_placed_listed_shown_and_moved_by_commands_and_go_on_when_goods_come(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, ETC)
    paid = {"number": "1001", "lines": [{"sku": "A1", "quantity": 2}], "payment": {"state": "confirmed"}}  # fmt: skip
    later = {"number": "1002", "lines": [{"sku": "A1", "quantity": 1}]}
    file = tmp_path / "orders.json"
    file.write_text(json.dumps([paid, later]))
    with site.daemon():
        done = site.call("order", "place", str(file))
        assert (done.returncode, done.stdout) == (0, "1001: placed\n1002: placed\n"), done.stderr
        listed = site.ask("orders", "--state", "in_progress")
        assert [one["number"] for one in listed["orders"]] == ["1001"]
        assert listed["counts"] == {"in_progress": 1, "pending": 1}
        assert "awaiting_stock" in site.call("order", "1001").stdout

        moved = site.call("event", "1002", "cancelled", "--note", "the customer rang")
        assert moved.returncode == 0, moved.stderr
        assert "order 1002  cancelled" in moved.stdout
        again = site.call("event", "1002", "approved")
        assert again.returncode != 0
        assert "approved means nothing to an order that is cancelled" in again.stderr

        # The next look is a day away: only the applied file can have rung for it.
        site.drop("stock.csv", b"sku;warehouse;quantity\nA1;W1;5\n", group="goods")
        went = "SELECT 1 FROM delivery WHERE number LIKE '1001%' AND state = 'allocated'"
        until(lambda: site.query(went), "the delivery goes on")
        told = site.ask("order", "1001")
        assert [line["actor"] for line in told["audit"] if line["to_state"] == "allocated"] == ["schedule"]  # fmt: skip
    changed = json.loads(file.read_text())[0] | {"remarks": "another"}
    file.write_text(json.dumps(changed))
    refused = site.call("order", "place", str(file))
    assert refused.returncode == 1
    assert refused.stdout.startswith("1001: refused: ")


def test_what_is_wrong_with_an_order_is_told_in_plain_words_with_its_place(tmp_path: Path) -> None:
    site = Site(tmp_path, ETC)
    lines = [{"sku": "A1", "quantity": -1}, {"sku": "", "quantity": 1}, {"quantity": 1}]
    wrong = {"number": "1", "lines": lines, "payment": {"state": "payed"}, "foo": 1}
    file = tmp_path / "orders.json"
    with site.daemon():
        file.write_text(json.dumps(wrong))
        done = site.call("order", "place", str(file))
        assert done.returncode == 2
        assert "orders[0].lines[0].quantity: more than 0 is wanted here;" in done.stderr
        assert "orders[0].lines[1].sku: this may not be empty" in done.stderr
        assert "orders[0].lines[2].sku: is missing" in done.stderr
        assert 'orders[0].payment.state: "open", "pending"' in done.stderr
        assert "orders[0].foo: is not known here" in done.stderr
        assert "at least 1" not in done.stderr
        file.write_text("[]")
        assert "there is no order in orders.json" in site.call("order", "place", str(file)).stderr
        said = site.call("event", "1", "shipp").stderr
        assert "there is no event shipp" in said
        assert "amended" not in said


def test_the_api_takes_one_order_a_list_and_orders_with_a_name(tmp_path: Path) -> None:
    site = Site(tmp_path, ETC)
    line = {"sku": "A1", "quantity": 1}
    with site.daemon():
        for body in (
            {"number": "1", "lines": [line]},
            [{"number": "2", "lines": [line]}],
            {"orders": [{"number": "3", "lines": [line]}]},
        ):
            status, done = busy.asked(site, "POST", "/api/v1/orders", body)
            assert (status, done["orders"][0]["outcome"]) == (201, "placed")
        status, told = busy.asked(site, "POST", "/api/v1/orders", {"number": "4"})
        assert (status, told["detail"]) == (422, "orders[0].lines: is missing, and has to be said")


def test_a_tracking_number_told_by_hand_is_how_its_courier_is_understood(tmp_path: Path) -> None:
    site = Site(tmp_path, ETC)
    lines = [{"sku": "A1", "quantity": 1, "delivery": name} for name in ("D1", "D2")]
    paid = {"number": "1001", "lines": lines, "payment": {"state": "confirmed"}}
    with site.daemon():
        assert busy.asked(site, "POST", "/api/v1/orders", paid)[0] == 201
        words = ("event", "1001", "line_update", "--tracking", "T7", "--carrier", "dhl")
        assert "which delivery" in site.call(*words).stderr
        done = site.call(*words, "--delivery", "D2")
        assert done.returncode == 0, done.stderr
        assert "T7" in done.stdout
        first, second = site.ask("order", "1001")["deliveries"]
        assert (first["tracking"], second["tracking"], second["carrier"]) == (None, "T7", "dhl")
        assert site.call("event", "1001", "cancelled", "--tracking", "T7").returncode == 2

"""What can be wrong with an exporter, and with the chain that they make: each told with its line."""

from pathlib import Path

import pytest

from impexd import config
from tests.etc import mistakes, told, write

X = "exporters/x.toml"
FILE = 'type = "file"\nflags = ["INITPAID"]\n'
HTTP = 'type = "http"\nflags = ["INITPAID"]\n[http]\nurl = "https://erp.example/x"\n'
MAIL = (
    'type = "mail"\nflags = ["INITPAID"]\n[mail]\nhost = "mx.example"\n'
    'sender = "a@shop.example"\nto = ["b@shop.example"]\nsubject = "s"\ntext = "t"\n'
)
SFTP = 'type = "sftp"\nflags = ["INITPAID"]\n[sftp]\nhost = "h"\nuser = "u"\nknown_hosts = "k"\n'
KEY = 'key = { file = "k" }\n'


@pytest.mark.parametrize(
    ("text", "key", "parts"),
    [
        ('type = "fax" # here\nflags = ["INITPAID"]\n', "type", ["no exporter of type `fax`"]),
        ('type = "file"\nflags = [] # here\n', "flags", ["at least 1"]),
        ('type = "file"\nflags = ["INITPAYD"] # here\n', "flags.1", ["did you mean `INITPAID`"]),
        ('type = "file"\nflags = ["VIP"] # here\n', "flags.1", ["nobody raises", "by_hand"]),
        ('type = "file"\nflags = ["SHIPPED"] # here\n', "flags.1", ['per = "delivery"']),
        (FILE + 'by_hand = ["VIP"] # here\n', "by_hand.1", ["not among `flags`"]),
        (FILE + 'by_hand = ["INITPAID"] # here\n', "by_hand.1", ["raised by impexd"]),
        (FILE + 'next = "COMPLETED" # here\n', "next", ["raised by impexd"]),
        (FILE + "flagz = 1 # here\n", "flagz", ["did you mean `flags`"]),
        (FILE + 'max_age = "soon" # here\n', "max_age", ["a number with s, min, h or d"]),
        (FILE + 'on_unknown = "ask" # here\n', "on_unknown", ["cannot ask"]),
        (FILE + '[retry]\nfirst = "2 h" # here\n', "retry.first", ["longer than `most`"]),
        (FILE + '[[when]]\nfield = "order.totl" # here\nvalue = 1\n', "when.1.field", ["`total`"]),
        (
            FILE + '[[when]]\nfield = "delivery.kind" # here\nvalue = "x"\n',
            "when.1.field",
            ["know no delivery"],
        ),
        (
            FILE + '[[when]]\nfield = "order.total"\nop = ">"\nvalue = "much" # here\n',
            "when.1.value",
            ["a number"],
        ),
        (FILE + '[file]\nname = "{order}" # here\n', "file.name", ["{task} or {key}"]),
        (
            FILE + '[file]\nname = "{number}-{task}" # here\n',
            "file.name",
            ["there is no `{number}`"],
        ),
        (FILE + '[file]\npath = "../out" # here\n', "file.path", ["leads upwards"]),
        (FILE + '[file]\nfolder = "x" # here\n', "file.folder", ["not known here"]),
        (
            FILE + '[file.body]\nformat = "json"\ntemplate = "{{ x" # here\n',
            "file.body.template",
            ["line 1"],
        ),
        (FILE + '[file.body] # here\nformat = "csv"\n', "file.body.column", ["needs columns"]),
        ('type = "hold" # here\nflags = ["INITPAID"]\n', "", ["holds nothing up"]),
        (HTTP.replace("https", "http").replace('/x"', '/x" # here'), "http.url", ["https only"]),
        (
            HTTP.replace("erp.example/x", "{order}/x").replace('/x"', '/x" # here'),
            "http.url",
            ["must not depend"],
        ),
        (HTTP + '[http.answer]\nref = "a[" # here\n', "http.answer.ref", ["no JMESPath"]),
        (
            HTTP + 'headers = { Authorization = "x" } # here\n',
            "http.headers.Authorization",
            ["not yours"],
        ),
        (HTTP + 'bearer = { text = "s3cret" } # here\n', "http.bearer.text", []),
        (
            MAIL.replace("a@shop.example", "shop").replace('shop"', 'shop" # here'),
            "mail.sender",
            ["no address"],
        ),
        (MAIL + 'user = "u" # here\n', "mail.user", ["go together"]),
        (SFTP.replace("[sftp]", "[sftp] # here"), "sftp", ["needs `key` or `password`"]),
        (SFTP + KEY + "port = 0 # here\n", "sftp.port", []),
    ],
    ids=lambda value: (
        "" if not isinstance(value, str) or "\n" in value else value.replace(".", "-")
    ),
)
def test_what_is_wrong_with_an_exporter_is_told_with_its_line(
    tmp_path: Path, text: str, key: str, parts: list[str]
) -> None:
    told(mistakes(write(tmp_path, {X: text})), X, text, key, parts)


def test_a_chain_that_comes_back_to_its_beginning_is_refused(tmp_path: Path) -> None:
    files = {
        "exporters/a.toml": 'type = "file"\nflags = ["INITPAID", "C"]\nnext = "A"\n',
        "exporters/b.toml": 'type = "file"\nflags = ["A"]\nnext = "B"\n',
        "exporters/c.toml": 'type = "file"\nflags = ["B"]\nnext = "C"\n',
    }
    said = mistakes(write(tmp_path, dict(files)))
    assert (
        "etc/exporters/a.toml:3: next: this chain comes back to where it began: a -> b -> c -> a"
        in said
    )


def test_a_flag_raised_on_deliveries_is_not_heard_by_an_exporter_of_orders(tmp_path: Path) -> None:
    files = {
        "exporters/a.toml": 'type = "file"\nflags = ["SHIPPED"]\nper = "delivery"\nnext = "A"\n',
        "exporters/b.toml": 'type = "file"\nflags = ["A"]\n',
    }
    [said] = mistakes(write(tmp_path, dict(files)))
    assert said == (
        'etc/exporters/b.toml:2: flags.1: `A` is raised on deliveries by a: say per = "delivery"'
    )


def test_an_exporter_that_is_right_is_there_with_its_table(tmp_path: Path) -> None:
    found = config.load(write(tmp_path, {X: FILE + "[file]\ncompanion = true\n"})).exporters["x"]
    assert found.flags == ("INITPAID",)
    assert found.settings == {"companion": True}

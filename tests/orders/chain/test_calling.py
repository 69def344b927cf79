"""What a partner sees of a call: who we are, and that it is unchanged."""

import base64
import hmac
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.orders.chain import partners
from tests.orders.chain.called import calling, told
from tests.orders.chain.house import House
from tests.peer import OUTBOUND, answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "s3cret & more"


def keep(house: House, name: str, text: str = SECRET, mode: int = 0o600) -> str:
    """Put a secret into a file; gives its path, below etc."""
    path = house.place.home / "etc" / name
    path.touch(mode=0o600)
    path.write_text(f"{text}\n")
    path.chmod(mode)
    return name


# --- signatures ---


def signed(encoded: Callable[[bytes], str], *, stamped: bool) -> partners.Behave:
    """A partner that takes nothing that is not signed as it was agreed."""

    def behave(partner: partners.Partner, headers: dict[str, str], body: str) -> bytes:
        data = body.encode()
        if stamped:
            data = headers["x-moment"].encode() + b"." + data
        right = encoded(hmac.digest(SECRET.encode(), data, "sha256"))
        if not hmac.compare_digest(headers.get("x-sign", ""), right):
            return answer(b"{}", "401 Unauthorized")
        return partner.take(headers, body)

    return behave


@pytest.mark.parametrize(
    ("said", "encoded", "stamped"),
    [
        ("", lambda digest: f"sha256={digest.hex()}", False),
        (
            'encoding = "base64"\nprefix = ""\ntimestamp = "X-Moment"',
            lambda digest: base64.b64encode(digest).decode(),
            True,
        ),
    ],
    ids=["hex", "base64-with-its-moment"],
)
async def test_a_partner_can_tell_that_it_is_unchanged_and_ours(
    house: House, said: str, encoded: Callable[[bytes], str], stamped: bool
) -> None:
    async with partners.http(signed(encoded, stamped=stamped)) as erp:
        sign = f'[http.sign]\nsecret = {{ file = "{keep(house, "hmac")}" }}\nheader = "X-Sign"'
        assert (await told(house, calling(erp.url, sign, said)))["state"] == "done"
        keep(house, "hmac", "another")
        task = await told(house, calling(erp.url, sign, said))
        assert (task["state"], task["reason"]) == ("failed", "answered 401: {}")
        assert len(erp.effects) == 1
        if stamped:
            moments = [headers["x-moment"] for _, headers, _ in erp.asked]
            assert moments == [str(int(house.clock.now().timestamp()))] * 2


# --- who we are ---


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("bearer = { SECRET }", f"Bearer {SECRET}"),
        (
            'basic = { user = "shop", password = { SECRET } }',
            f"Basic {base64.b64encode(f'shop:{SECRET}'.encode()).decode()}",
        ),
    ],
    ids=["bearer", "basic"],
)
async def test_a_partner_is_told_who_we_are_and_nobody_else_is(
    house: House, said: str, wanted: str
) -> None:
    async with partners.http() as erp:
        place = f'file = "{keep(house, "who")}"'
        task = await told(house, calling(erp.url, said.replace("SECRET", place)))
        assert task["state"] == "done"
        [(_, headers, _)] = erp.asked
        assert headers["authorization"] == wanted
        kept = await house.place.asked.get(f"/api/v1/tasks/{task['id']}")
        assert SECRET not in str(kept)
        assert SECRET not in str(await house.why("1001"))


async def test_without_its_secret_nothing_is_sent_until_it_is_there(house: House) -> None:
    async with partners.http() as erp:
        text = calling(erp.url, f'bearer = {{ file = "{keep(house, "late", mode=0o644)}" }}')
        task = await told(house, text)
        assert (task["state"], task["maybe"], erp.asked) == ("retry", False, [])
        assert "chmod 600" in str(task["reason"])
        keep(house, "late")
        house.clock.tick(3600)
        await house.turn()
        assert (await house.task("erp"))["state"] == "done"
        assert len(erp.effects) == 1


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates: an authority, a server that it vouches for, a client, and a client of nobody's."""
    home = tmp_path_factory.mktemp("tls")
    (home / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    lines = [
        f"req -x509 {new} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        f"req {new} -subj /CN=erp -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        " -extfile san -out server.pem",
        f"req {new} -subj /CN=shop -keyout client.key -out client.csr",
        "x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out client.pem",
        f"req -x509 {new} -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.pem",
    ]
    for line in lines:
        subprocess.run(["openssl", *line.split()], cwd=home, check=True, capture_output=True)
    return home


def serving(tls: Path) -> ssl.SSLContext:
    """A server that speaks only to clients with a certificate of the authority."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tls / "server.pem", tls / "server.key")
    made.load_verify_locations(tls / "ca.pem")
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def certificate(tls: Path, name: str) -> str:
    return f'certificate = {{ certificate = "{tls}/{name}.pem", key = "{tls}/{name}.key" }}'


async def trusting(house: House, ca: Path) -> None:
    """Have partners believed whom this authority vouches for."""
    store = f'[store]\nurl_file = "{house.place.home / "database.url"}"\n'
    await house.place.say({"impexd.toml": f'{OUTBOUND}ca_file = "{ca}"\n{store}'})


async def test_a_partner_knows_us_by_our_certificate(house: House, tls: Path) -> None:
    await trusting(house, tls / "ca.pem")
    async with partners.http(tls=serving(tls)) as erp:
        task = await told(house, calling(erp.url, certificate(tls, "client")))
        assert (task["state"], erp.names, len(erp.effects)) == ("done", ["shop"], 1)


async def test_a_stranger_s_certificate_gets_nobody_in(house: House, tls: Path) -> None:
    await trusting(house, tls / "ca.pem")
    async with partners.http(tls=serving(tls)) as erp:
        task = await told(house, calling(erp.url, certificate(tls, "stranger")))
        assert task["state"] in ("retry", "unknown")  # TLS 1.3 says no after the request has gone
        assert erp.asked == []
        text = calling(erp.url, certificate(tls, "client"))
        await house.place.say({"exporters/erp.toml": text})
        house.clock.tick(3600)
        await house.turn()
        assert (await house.task("erp"))["state"] == "done"
        assert len(erp.effects) == 1


async def test_a_partner_nobody_vouches_for_is_told_nothing(house: House, tls: Path) -> None:
    await trusting(house, tls / "stranger.pem")
    async with partners.http(tls=serving(tls)) as erp:
        task = await told(house, calling(erp.url, certificate(tls, "client")))
        assert (task["state"], task["maybe"], erp.asked) == ("retry", False, [])


async def test_a_certificate_that_is_renewed_is_used(house: House, tls: Path) -> None:
    await trusting(house, tls / "ca.pem")
    for kind in ("pem", "key"):
        shutil.copy(tls / f"stranger.{kind}", tls / f"ours.{kind}")
    async with partners.http(tls=serving(tls)) as erp:
        text = calling(erp.url, certificate(tls, "ours"))
        assert (await told(house, text))["state"] != "done"
        for kind in ("pem", "key"):
            shutil.copy(tls / f"client.{kind}", tls / f"new.{kind}")
            (tls / f"new.{kind}").replace(tls / f"ours.{kind}")
        house.clock.tick(3600)
        await house.turn()
        assert (await house.task("erp"))["state"] == "done"


async def test_a_certificate_that_is_not_there_is_said_and_nothing_is_sent(
    house: House, tls: Path
) -> None:
    await trusting(house, tls / "ca.pem")
    async with partners.http(tls=serving(tls)) as erp:
        task = await told(house, calling(erp.url, certificate(tls, "nowhere")))
        assert (task["state"], task["maybe"], erp.asked) == ("retry", False, [])
        assert "nowhere" in str(task["reason"])

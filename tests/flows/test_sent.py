"""What the commands say of files that go elsewhere."""

from pathlib import Path

from tests import shop
from tests.exports import peers
from tests.processes import Site


def test_the_commands_say_where_a_file_is_and_what_it_waits_for(site: Site, tmp_path: Path) -> None:
    with peers.sftp_apart(tmp_path, site.etc) as partner:
        for name, text in shop.EXPORT.items():
            site.say(name, text + (partner.target() if name.startswith("groups/") else ""))
        assert site.call("check").returncode == 0
        partner.known(peers.asyncssh.generate_private_key("ssh-ed25519"))
        waits = site.call("export", "changes")
        assert waits.returncode == 1, waits
        mine = site.var / "outbox" / "changes" / "changes-1.csv"
        assert f"file:    {mine}" in waits.stdout
        assert "waits for sftp://shop@127.0.0.1" in waits.stdout
        assert "nothing was sent" in waits.stdout
        assert "1 file waits for sftp://" in site.call("status").stdout
        assert "does not have" in site.call("outbox").stdout
        partner.known()
        site.drain()
        sent = f"sftp://shop@127.0.0.1:{partner.port}/changes-1.csv"
        assert f"sent: {sent}" in site.call("show", "1").stdout
        assert sent in site.call("outbox", "changes").stdout
        again = site.ask("send", "1")
        assert (again["sent"]["state"], again["sent"]["name"]) == ("done", "changes-1-2.csv")
        assert peers.PASSWORD not in waits.stdout + waits.stderr
        assert partner.files()["changes-1-2.csv"] == mine.read_bytes()

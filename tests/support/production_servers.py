"""Redis and Postgres as an operator has them (TCP, TLS, passwords, accounts with few rights), and nginx before the API."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psycopg2
import redis
from authority import certify
from documented import ROOT
from programs import free_port
from stack import wait_for

from devstack.postgres import DATABASE, Postgres

PASSWORD = "p4ssw0rd"
ACCESS = (
    "local all nightshift trust\nlocal all all scram-sha-256\n"  # the superuser's name is that of the embedded server
)
STUNNEL = """
foreground = yes
pid =
[postgres]
accept = 127.0.0.1:{port}
connect = {socket}
protocol = pgsql
cert = {certificate}
key = {key}
"""
NGINX = """
daemon off;
pid {home}/nginx.pid;
error_log {home}/nginx.log warn;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {home}/nginx-body;
    proxy_temp_path {home}/nginx-proxy;
    include {home}/nightshift.conf;
}}
"""


class Servers:
    """`database_url`: with TLS. `direct_url`: on the database's own machine, without (the bundle's pg_dump has no TLS)."""

    def __init__(self, home: Path) -> None:
        home.chmod(0o755)
        self.home, self._processes = home, list[subprocess.Popen[bytes]]()
        self.postgres = Postgres(home / "postgres", shared_buffers="64MB")
        files = home / "tls"
        files.mkdir()
        self.authority, self._certificate, self._key = certify(files)
        self._ports = {name: free_port() for name in ("postgres", "redis", "https")}
        self.base_url = f"https://127.0.0.1:{self._ports['https']}"
        self._databases = 0

    def start(self, connections: int) -> None:
        """`connections`: how many the application's role may have."""
        self.postgres.start()
        (self.postgres.data / "pg_hba.conf").write_text(ACCESS)
        self.sql("SELECT pg_reload_conf()")
        self.sql(f"CREATE ROLE support LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT {connections}")
        self._start_stunnel()
        self._start_redis()

    def create_database(self) -> int:
        """An empty one with the extension; its number, which is that of an empty Redis database too."""
        self._databases += 1
        self.sql(f"CREATE DATABASE support{self._databases} OWNER support")
        self.sql("CREATE EXTENSION vector", f"support{self._databases}")
        return self._databases

    def sql(self, query: str, database: str = DATABASE) -> list[tuple[object, ...]]:
        """As the superuser."""
        connection = psycopg2.connect(self.postgres.url.replace(f"/{DATABASE}?", f"/{database}?"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def database_url(self, number: int) -> str:
        tls = f"sslmode=verify-full&sslrootcert={self.authority}"
        return f"postgresql://support:{PASSWORD}@127.0.0.1:{self._ports['postgres']}/support{number}?{tls}"

    def direct_url(self, number: int) -> str:
        socket = quote(str(self.postgres.socket.parent), safe="")
        return f"postgresql://support:{PASSWORD}@/support{number}?host={socket}&port=5432"

    def redis_url(self, number: int) -> str:
        port = self._ports["redis"]
        return f"rediss://nightshift:{PASSWORD}@127.0.0.1:{port}/{number}?ssl_ca_certs={self.authority}"

    def nginx_errors(self) -> str:
        """What it logged, but for the connections that were refused."""
        lines = (self.home / "nginx.log").read_text().splitlines()
        return "\n".join(line for line in lines if "Connection refused" not in line and "disabled" not in line)

    def start_nginx(self, *ports: int) -> None:
        """With deploy/nginx.conf before the API at these two ports."""
        conf = (ROOT / "deploy/nginx.conf").read_text()
        for example, own in {
            "127.0.0.1:3001": f"127.0.0.1:{ports[0]}", "127.0.0.1:3002": f"127.0.0.1:{ports[1]}",
            "listen 443 ssl": f"listen 127.0.0.1:{self._ports['https']} ssl", "support.example.com": "127.0.0.1",
            "/etc/nightshift/tls/fullchain.pem": str(self._certificate), "/etc/nightshift/tls/privkey.pem": str(self._key),
        }.items():  # fmt: skip
            assert example in conf
            conf = conf.replace(example, own)
        (self.home / "nightshift.conf").write_text(conf)
        main = self.home / "nginx.conf"
        main.write_text(NGINX.format(home=self.home))
        checked = subprocess.run([_nginx(), "-t", "-c", main], capture_output=True, text=True)
        assert checked.returncode == 0 and "[warn]" not in checked.stderr, checked.stderr
        self._launch("nginx", _nginx(), "-c", main)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(20)
        self.postgres.remove()

    def _start_stunnel(self) -> None:
        conf = self.home / "stunnel.conf"
        names = dict(socket=self.postgres.socket, certificate=self._certificate, key=self._key)
        conf.write_text(STUNNEL.format(port=self._ports["postgres"], **names))
        self._launch("stunnel", "stunnel", conf)
        number = self.create_database()
        self._wait(lambda: psycopg2.connect(self.database_url(number)).close(), "stunnel")

    def _start_redis(self) -> None:
        """Its user has the rights that docs/operations.md lists."""
        [rights] = re.findall(r"`ACL SETUSER nightshift on >PASSWORD (.*)`", (ROOT / "docs/operations.md").read_text())
        users = self.home / "users.acl"
        users.write_text(f"user default off\nuser nightshift on >{PASSWORD} {rights}\n")
        tls = ("--tls-cert-file", self._certificate, "--tls-key-file", self._key, "--tls-ca-cert-file", self.authority)
        listen = ("--port", "0", "--tls-port", str(self._ports["redis"]), "--tls-auth-clients", "no", *tls)
        kept = ("--appendonly", "yes", "--maxmemory-policy", "noeviction", "--dir", self.home, "--aclfile", users)
        self._launch("redis", "redis-server", *listen, *kept)
        self._wait(lambda: redis.Redis.from_url(self.redis_url(0)).get("nightshift:x"), "redis")

    def _launch(self, name: str, *command: str | Path) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))

    def _wait(self, act: Callable[[], object], name: str) -> None:
        def works() -> bool:
            try:
                act()
            except (psycopg2.OperationalError, redis.ConnectionError):
                return False
            return True

        wait_for(works, explain=(self.home / f"{name}.log").read_text)


def _nginx() -> str:
    return shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "nginx"

"""Makes roles by CQL, as an operator would: roles.py HOST TOKEN AUTHORITY [NAME PASSWORD]..., AUTHORITY "-" where there is no TLS."""

import ssl
import sys

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster


def make_roles(host, token, authority, roles):
    is_secure = authority != "-"
    context = ssl.create_default_context(cafile=authority) if is_secure else None
    cluster = Cluster([host], auth_provider=PlainTextAuthProvider("op", token), ssl_context=context,
                      ssl_options={"server_hostname": host} if is_secure else None)
    session = cluster.connect()
    for name, password in roles:
        session.execute(f"CREATE ROLE \"{name}\" WITH PASSWORD = '{password}' AND LOGIN = true")
    cluster.shutdown()


if __name__ == "__main__":
    words = sys.argv[4:]
    make_roles(*sys.argv[1:4], list(zip(words[::2], words[1::2])))
    print("done", flush=True)

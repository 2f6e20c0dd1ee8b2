"""The certificate of an authority of our own is given out, so that players can be told to trust it."""

import pytest

from testbed.servers.nginx_server import NginxServer
from testbed.viewers.http1 import RawConnection

# What Nginx is given has no need to be a certificate; it must only come out as it went in.
PEM = "-----BEGIN CERTIFICATE-----\n" + "MIIBxTCCAWugAwIBAgIUZ0\n" * 30 + "-----END CERTIFICATE-----"


@pytest.mark.parametrize(("pem", "status", "kind"), [(PEM, 200, "application/x-pem-file"), ("", 204, None)])
def test_the_authority_is_given_out_where_there_is_one(pem: str, status: int, kind: str | None) -> None:
    with NginxServer.prepared(__nginx_authority_pem=pem) as nginx:
        nginx.start()
        for method in ("GET", "HEAD"):
            with RawConnection(nginx.https_port, nginx.ca_file) as connection:
                answer = connection.get("/ca.pem", method=method)
            assert (answer.status, answer.header("Content-Type")) == (status, kind)
            if method == "GET":
                assert answer.body.decode() == pem
        with RawConnection(nginx.https_port, nginx.ca_file) as connection:
            assert connection.get("/ca.pem", method="DELETE").status == 405

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.cluster import collect_hosts

from penstock.core.bootstrap_servers import checked_servers
from penstock.core.errors import SettingError


@pytest.mark.parametrize(
    ("value", "servers"),
    [
        ("localhost:9092", "localhost:9092"),
        (" a.example:1 , b-2_c:65535 ", "a.example:1,b-2_c:65535"),
        ("10.0.0.1:9092,[::1]:9093,[fe80::1]:9094", "10.0.0.1:9092,[::1]:9093,[fe80::1]:9094"),
        ("bücher.example:9092", "bücher.example:9092"),
        ("host.:9092", "host.:9092"),
    ],
)
def test_addresses_as_kafka_takes_them(value: str, servers: str) -> None:
    assert checked_servers(value) == servers


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("'localhost:9092'", "the quotes are part of it"),
        ('"localhost:9092"', "the quotes are part of it"),
        ("localhost", "the port is missing"),
        ("localhost:", "the port is missing"),
        ("[::1]", "the port is missing"),
        (":9092", "the host is missing"),
        ("localhost:kafka", "the port 'kafka' is no number"),
        ("localhost:90 92", "the port '90 92' is no number"),
        ("localhost:٩", "the port '٩' is no number"),
        ("localhost:-1", "the port '-1' is no number"),
        ("localhost:0", "the port 0 is not between 1 and 65535"),
        ("localhost:65536", "the port 65536 is not between 1 and 65535"),
        (f"localhost:{'9' * 5000}", "is not between 1 and 65535"),
        ("kafka://localhost:9092", "it is a URL; leave out 'kafka://'"),
        ("PLAINTEXT://localhost:9092", "it is a URL; leave out 'PLAINTEXT://'"),
        ("a:1,http://b:2/", "in it 'http://b:2/': it is a URL"),
        ("a:1,,b:2", "in it '': an address is empty"),
        ("a:1,", "in it '': an address is empty"),
        (" ", "an address is empty"),
        ("::1:9092", "an IPv6 address stands in brackets"),
        ("fe80::1", "an IPv6 address stands in brackets"),
        ("[::1:9092", "too many colons"),
        ("[::x]:9092", "[::x] is no IPv6 address"),
        ("a:b:9092", "too many colons"),
        ("a b:9092", "'a b' is no host name"),
        ("a:1;b:2", "too many colons"),
        ("a:1 b:2", "too many colons"),
        ("a..b:9092", "'a..b' is no host name"),
        ("x" * 64 + ":9092", "is no host name"),
        ("localhost:9092/", "the port '9092/' is no number"),
    ],
)
def test_what_is_no_address_is_named_with_the_way_out(value: str, problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        checked_servers(value)
    assert caught.value.message.startswith("KAFKA_BOOTSTRAP_SERVERS is ")
    assert problem in caught.value.message
    assert value in caught.value.message
    assert caught.value.fix


def test_a_password_is_not_told() -> None:
    for value in ("user:secret@host:9092", "kafka://user:secret@host:9092", "a:1,user:secret@b:2"):
        with pytest.raises(SettingError) as caught:
            checked_servers(value)
        assert "secret" not in str(caught.value)


@given(st.lists(st.text("a1.:[]@/ \t-_'\",é٩", max_size=12), min_size=1, max_size=3).map(",".join))
def test_any_text_is_refused_or_taken_by_kafkas_client(value: str) -> None:
    try:
        servers = checked_servers(value)
    except SettingError:
        return
    assert all(0 < port < 65536 for _, port, _ in collect_hosts(servers))

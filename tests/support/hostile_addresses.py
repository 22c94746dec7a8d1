"""Addresses that must never be asked, and the names among them with what they resolve to."""

PRIVATE_V4 = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "100.64.0.1",  # carrier-grade NAT
    "169.254.1.1",
    "169.254.169.254",  # metadata: AWS, GCP, Azure
    "169.254.170.2",  # metadata: ECS
    "100.100.100.200",  # metadata: Alibaba
    "192.0.0.192",  # metadata: Oracle
    "168.63.129.16",  # Azure's wire server, on a public address
    "198.18.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_V6 = [
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "fe80::1",
    "fe80::1%25eth0",
    "fe80::1%eth0",
    "::1%25lo",
    "fc00::1",
    "fd00:ec2::254",  # metadata: AWS
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "100::1",
    "::ffff:127.0.0.1",  # IPv4-mapped
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",  # IPv4-compatible
    "::7f00:1",
    "::169.254.169.254",
    "::ffff:0:127.0.0.1",  # IPv4-translated
    "::ffff:0:a9fe:a9fe",
    "64:ff9b::127.0.0.1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",  # 6to4
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",  # Teredo
]
OTHER_SPELLINGS = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://425.510.425.510/",  # octets that wrap around
    "http://00000127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.1../",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://[::1]./",
    "http://[::1/",
    "http://[127.0.0.1]/",
    "http:/127.0.0.1/",
    "http:127.0.0.1",
    "//127.0.0.1/",
    "127.0.0.1",
    "http:///127.0.0.1/",
]
TRICKS = [
    "http://example.com@127.0.0.1/",
    "http://user:password@93.184.215.14/",
    "http://@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1?@example.com/",
    "http://exa\tmple.com/",
    "http://example.com\r\nHost:%20x/",
    "http://93.184.215.14/\x00",
    "http://127.0.0.1 example.com/",
    "http://\u200b127.0.0.1/",
    "http://93.184.215.14:22/",
    "http://93.184.215.14:6379/",
    "http://93.184.215.14:443/",
    "https://93.184.215.14:80/",
    "https://93.184.215.14:8443/",
    "http://93.184.215.14:99999/",
    "http://93.184.215.14:-1/",
    "http://127.0.0.1:80@93.184.215.14:80/",
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/",
    "data:text/html,hello",
    "javascript:alert(1)",
    "jar:http://127.0.0.1!/",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "http://" + "a" * 64 + ".com/",
    "http://93.184.215.14/" + "a" * 2048,
    "",
]
NAMES = {  # as the resolver answers
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "loop.example.com": ["127.0.0.1"],
    "loop6.example.com": ["::1"],
    "mapped.example.com": ["::ffff:10.0.0.1"],
    "compatible.example.com": ["::127.0.0.1"],
    "zone.example.com": ["fe80::1%2"],
    "mixed.example.com": ["93.184.215.14", "10.0.0.1"],  # one bad address spoils a name
    "mixed6.example.com": ["93.184.215.14", "fd00::1"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "xn--bcher-kva.example.com": ["192.168.0.1"],
}
LITERALS = PRIVATE_V4 + [f"[{address}]" for address in PRIVATE_V6]
HOSTILE = [
    *(f"http://{host}/" for host in LITERALS),
    *(f"https://{host}/" for host in LITERALS),
    *OTHER_SPELLINGS,
    *TRICKS,
    *(f"http://{name}/" for name in NAMES),
    "http://LOCALHOST./",
    "http://bücher.example.com/",
]

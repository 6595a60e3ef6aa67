"""A contract with a field of every type and rule, and the values that such fields fear."""

from __future__ import annotations

CONTRACT = r"""
apiVersion: v3.1.0
kind: DataContract
id: things
version: 1.0.0
status: active
schema:
  - name: things
    physicalName: {topic}
    properties:
      - {{name: thing_id, logicalType: string, primaryKey: true, required: true}}
      - {{name: amount, logicalType: number, physicalType: "DECIMAL(18,4)", required: true}}
      - {{name: happened, logicalType: timestamp, required: true}}
      - {{name: count, logicalType: integer}}
      - name: small
        logicalType: integer
        physicalType: INTEGER
        logicalTypeOptions: {{minimum: -1000, exclusiveMaximum: 1000}}
      - {{name: share, logicalType: number, physicalType: "DECIMAL(5,5)"}}
      - {{name: huge, logicalType: number, physicalType: "DECIMAL(38,0)"}}
      - name: price
        logicalType: number
        physicalType: "DECIMAL(12,2)"
        logicalTypeOptions: {{exclusiveMinimum: 0, maximum: 99999.99}}
      - {{name: flag, logicalType: boolean}}
      - {{name: born, logicalType: date}}
      - name: opened
        logicalType: timestamp
        logicalTypeOptions: {{defaultTimezone: Australia/Lord_Howe}}
      - name: code
        logicalType: string
        logicalTypeOptions: {{minLength: 2, maxLength: 5, pattern: "^[a-z][a-z0-9]*$"}}
      - name: kind
        logicalType: string
        quality: [{{metric: invalidValues, arguments: {{validValues: [a, "b'c", "☃"]}}, mustBe: 0}}]
      - {{name: visit, logicalType: string, physicalType: UUID}}
      - {{name: item_id, physicalName: itemId, logicalType: integer}}
      - {{name: shipped_at, physicalName: shippedAt, logicalType: timestamp}}
      - name: cost
        physicalName: "cost: $/<item> \"it's\" \\ {{0}}.[*]é"
        logicalType: number
        physicalType: "DECIMAL(9,3)"
      - {{name: remark, physicalName: $.remark, logicalType: string, logicalTypeOptions: {{maxLength: 60}}}}
      - {{name: select, logicalType: string}}
"""
COST = 'cost: $/<item> "it\'s" \\ {0}.[*]é'


def _words(text: str) -> list[str]:
    return text.split()


NUMBERS = _words("""
0 -0 0.0 -0.0 1 -1 7 999 1000 -1000 -1001 2147483647 2147483648 -2147483648 -2147483649 9007199254740993
9223372036854775807 1000000000000000000 1234567890123456789 9223372036854775808 -9223372036854775808
-9223372036854775809 18446744073709551615
18446744073709551616 123456789012345678901234567890 99999999999999999999999999999999999999
100000000000000000000000000000000000000 -99999999999999999999999999999999999999 1.0 1.5 0.1 0.00001 0.000001
0.99999 0.999999 1.2345 1.23450 1.23456 -1.2345 99999999999999.9999 99999999999999.99991 100000000000000
100000000000000.0 12345678901234.5678 0.30000000000000004 9007199254740993.0 99999.99 99999.990 100000.00
0.01 0.001 1e0 1e2 1E2 1e+2 1e-2 1E-4 1e-5 12e-1 1e13 1e14 1e37 1e38 1e400 1E400 -1e400 1e-400 1E-400 0e400
0e-400 0E999999999999999999999 1e99999999999999999999 1e-99999999999999999999 1.7976931348623157e308
4.9406564584124654e-324 12345678.9e1 1234567890.12345e5 0.1e1 10e-1 1000000e-6 123456789012345.1e-1
""")
TIMES = _words("""
2024-05-01T12:00:00Z 2024-05-01t12:00:00z 2024-05-01T12:00:00.5Z 2024-05-01T12:00:00.123456Z
2024-05-01T12:00:00.1234567Z 2024-05-01T12:00:00.1234560Z 2024-05-01T12:00:00.123456000Z
2024-05-01T12:00:00.120000000+05:45 2024-05-01T12:00:00.000000000Z 2024-05-01T12:00:00.123456789Z
2024-05-01T12:00:00.000000001Z 2024-05-01T12:00:00.500000000000000000000000000000Z
2024-05-01T12:00:00.000000000000000000000000000001Z 2024-05-01T12:00:00.12345600000
2024-05-01t12:00:00.1z 2024-05-01T12:00:00.12-00:00 9999-12-31T23:59:59.999999000Z
2024-05-01T12:00:00.Z 2024-05-01T12:00:00,5Z
2024-05-01T12:00:00+00:00 2024-05-01T12:00:00-00:00 2024-05-01T12:00:00+14:00 2024-05-01T12:00:00-12:00
2024-05-01T12:00:00+23:59 2024-05-01T12:00:00-23:59 2024-05-01T12:00:00+24:00 2024-05-01T12:00:00+05:60
2024-05-01T12:00:00+0530 2024-05-01T12:00:00+05 2024-05-01T12:00:00+5:30 2024-05-01T12:00:00UTC
2024-05-01T12:00:00 2024-05-01T12:00Z 2024-05-01 2024-05-01T24:00:00Z 2024-05-01T23:59:59Z
2024-05-01T23:59:60Z 2024-05-01T12:60:00Z 2024-02-29T00:00:00Z 2023-02-29T00:00:00Z 2024-02-30T00:00:00Z
2024-04-31T00:00:00Z 2024-13-01T00:00:00Z 2024-00-01T00:00:00Z 2024-01-00T00:00:00Z 1970-01-01T00:00:00Z
1969-12-31T23:59:59.999999Z 0001-01-01T00:00:00Z 0001-01-01T00:00:00+00:01 0000-01-01T00:00:00Z
9999-12-31T23:59:59.999999Z 9999-12-31T23:59:59-00:01 10000-01-01T00:00:00Z -2024-05-01T12:00:00Z
+2024-05-01T12:00:00Z 1900-01-01T00:00:00 2024-04-07T01:45:00 2024-04-07T01:29:59 2024-04-07T02:00:00
2024-10-06T02:15:00 2024-10-06T02:30:00 2024-10-06T01:59:59.999999 1981-03-01T00:15:00 0001-01-01T00:00:00
9999-12-31T23:59:59 1582-10-10T00:00:00Z 2024-5-1T12:00:00Z 24-05-01T12:00:00Z 2024-05-01T12:00:00+05:30
epoch infinity -infinity now 1714564800 2024-05-01T12:00:00Z[UTC] 2024-W18-3T12:00:00Z 2024-122T12:00:00Z
""")
DATES = _words("""
2024-02-29 2023-02-29 2024-02-30 2024-04-31 1970-01-01 0001-01-01 0000-01-01 9999-12-31 10000-01-01 2024-1-1
2024/01/01 20240101 2024-01-01T00:00:00 2024-01-01Z 01-01-2024 1582-10-10 1900-02-29 2000-02-29 infinity
""")
TEXTS = [
    "", " ", "a", "ab", "abcde", "abcdef", "ab\n", "Ab", "1a", "b'c", "☃", "A", "null", "true", "0", "1.5",
    "NaN", "'; DROP TABLE raw.things; --", '" OR 1=1 --', "$1", "{{ name }}", "%s", "\\", '\\\\"', "/", "é",
    "e\u0301", "ee\u0301", "😀", "a😀b", "\x00", "ab\x00", "a\x00b", "\ufeff", "\u2028", "\x7f", "\x85",
    "\uffff",
    "\U0010ffff", "x" * 1_000, "[1,]", '{"a":1,"a":2}', ",}", "\x01\x02\x03", "\xa0",
    "2024-05-01T12:00:00Z\x00", "2024-05-01T12:00:00Z ", " 2024-05-01T12:00:00Z", "２０２４-05-01",
    "2024-05-01\n", "#1", "$x", "inf", "-Infinity", "<script>alert('$x')</script>", "a:b", "::", "${HOME}",
    "C:\\temp\\new", '"quoted"', "it's: <b>&amp;</b>", "{{ x }}{% y %}", "$$", "\\u0041", "--", "/* */",
]  # fmt: skip
KEYS = [
    "", " ", "new", 'na"me', "na'me", "na\\me", "$", "$.thing_id", "$thing_id", "thing_id\x00", "\x00",
    "Thing_Id", "AMOUNT", "thing_id ", "_unknown", "_offset", "a.b", "a/b", "a[0]", "~0", "*", "**", "é",
    "e\u0301", "☃", "😀", "'; DROP TABLE x", "#1", "null", "0", "x" * 300, "_value_amount", "tokens",
    "item_id", "itemID", "shipped_at", "cost", "remark", "$remark", "remark: <b>", "Visit", "a:b",
]  # fmt: skip
TOKENS = [
    "null", "true", "false", "[]", "{}", "[1]", '{"a":1}', '[null,{"b":[1.10,"x"]}]', '{"thing_id":"inner"}',
]  # fmt: skip
NO_JSON = [
    "NaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "undefined", "True", "None", "01", "-01", "+1",
    "1.", ".5", "1e", "1e+", "--1", "- 1", "0x10", "1_000", "1,5", "'x'", '"', '"\\x41"', '"\\u12"',
    '"\\ud800"', '"\\udc00\\ud800"', '"\x01"', '"\t"', '"\n"', "[1,]", "[,1]", '{"a":1,}', '{"a":}', "{a:1}",
    "{'a':1}", '{"a" 1}', "[1 2]", "/**/1", "1//x", "", "nul", "tru", '"\\', "[", "]", "{", "}",
]  # fmt: skip
NO_UTF8 = [
    b"\xff", b"\xfe", b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80",
    b"\xed\xb0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe2\x82",
    b"\xf0\x9f\x98", b"\xe9", b"\xfc\x80\x80\x80\x80\x80",
]  # fmt: skip
WHOLE = [
    b"", b" ", b"\n", b"\x00", b"null", b"true", b"1", b"1.5", b'"x"', b"[]", b"[{}]", b"{}", b" {} ",
    b"{}{}", b"{},{}", b"{}\n{}", b"[1,2", b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b"{", b"}", b'{"', b"nan",
    b"\x1f\x8b\x08\x00", b"\x00\x00\x00\x00\x01{}", b"<xml/>", b"a=1&b=2", b"\xac\xed\x00\x05", b"{}\x00",
    b"{} \x00", b"\x00{}", b"\x0c{}", b"{}\x0b", b"\xc2\xa0{}", b"[" * 127 + b"]" * 127,
    b"[" * 129 + b"]" * 129,
]  # fmt: skip
HEADER_NAMES = [
    b"", b"a", b"a", "é☃".encode(), b"\x00", b"x" * 300, b"\xff", b"caf\xe9", b"\xed\xa0\x80",
]  # fmt: skip
LAST_TIMESTAMP = 253_402_300_799_999  # milliseconds: the end of year 9999
TIMESTAMPS = [0, 1, 999, 1_700_000_000_001, LAST_TIMESTAMP, LAST_TIMESTAMP + 1, 2**62]

"""Writes the pickles of this folder and what is in them: python3 generate.py"""

import json
import logging
import logging.handlers
import pickle
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def write(name, data):
    (FOLDER / name).write_bytes(data)


def values(protocol):
    """Every kind of plain data that the protocol has without asking for a class."""
    shared = ["shared", 1]
    plain = {
        "none": None,
        "true": True,
        "false": False,
        "ints": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**63 - 1, -(2**63), 2**64 - 1],
        "floats": [0.0, -1.5, 1e300, 5e-324, 0.1],
        "texts": ["", "text", "größe", "€ 😀", "line\nbreak\r\t\\u0041\\ \x00\x1a'\"", "x" * 300],
        "list": [],
        "nested": [[1, [2, [3]]], {"a": {"b": []}}],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "shared": [shared, shared],
    }
    expected = json.loads(json.dumps(plain))
    if protocol >= 3:
        plain["bytes"] = [b"", b"abc", b"y" * 300]
        expected["bytes"] = ["", "abc", "y" * 300]
    if protocol >= 4:
        plain["sets"] = [set(), {1}, frozenset(["a"])]
        expected["sets"] = [[], [1], ["a"]]
    if protocol >= 5:
        plain["bytearray"] = bytearray(b"abc")
        expected["bytearray"] = "abc"
    return plain, expected


class Catcher(logging.handlers.SocketHandler):
    """Keeps what would be sent."""

    def __init__(self):
        super().__init__("localhost", None)
        self.sent = []

    def makePickle(self, record):
        # Wherever this was generated.
        def moved(text):
            return text and text.replace(str(FOLDER), "/srv/shop")

        if record.exc_info:
            record.exc_text = moved(logging.Formatter().formatException(record.exc_info))
        record.stack_info = moved(record.stack_info)
        record.pathname = moved(record.pathname)
        return super().makePickle(record)

    def send(self, data):
        self.sent.append(data)


def records():
    catcher = Catcher()
    logger = logging.getLogger("shop.orders")
    logger.setLevel(1)
    logger.propagate = False
    logger.addHandler(catcher)

    logger.info("order %d placed by %s", 1001, "Zoë", extra={"order_id": 1001, "tags": ["shop", "eu"]})
    try:
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("bad order:\nno such customer") from error
    except ValueError:
        logger.exception("order failed", extra={"nested": {"a": [1, 2.5, None, True], 7: "seven"}})
    logger.critical("%(what)s is %(state).1f %% full", {"what": "disk", "state": 99.25}, stack_info=True)
    logger.log(5, "a level of its own")
    return catcher.sent


CASES = [
    ("%s %s", ("a", 1)),
    ("%s", ("ä",)),
    ("100%%", ()),
    ("%d%%", (5,)),
    ("%s %s", ("one",)),
    ("%s", ("one", "two")),
    ("no place", ("x",)),
    ("%", ("x",)),
    ("%y", ("x",)),
    ("%d", ("x",)),
    ("%(a)s %(b)d %(a)s", {"a": "x", "b": 2}),
    ("%(c)s", {"a": 1}),
    ("%s", {"a": 1}),
    ("plain", {"a": 1}),
    ("%(a", {"a": 1}),
    ("[%5d] [%-5d] [%05d] [%+d] [% d] [%+05d]", (42, 42, 42, 42, 42, -42)),
    ("[%8.3f] [%-8.2f] [%08.2f] [%.0f] [%f]", (3.14159, 2.5, -2.5, 2.5, 1)),
    ("%e %E %.3e %.0e", (12345.678, 0.00012, 0.0, 1e100)),
    ("%g %g %g %g %g %G %#g", (0.0001, 0.00001, 123456, 1234567, 1.5, 1e-10, 1.5)),
    ("%.3g %.10g %g %g", (1234.5, 1 / 3, 100000, 0.0)),
    ("%f %e %g", (float("inf"), float("-inf"), float("nan"))),
    ("[%05f] [%5g]", (float("inf"), float("nan"))),
    ("%x %X %o %#x %#X %#o %08x %#06x", (255, 255, 8, 255, 255, 8, 255, 255)),
    ("%x %x", (-255, True)),
    ("%x", (1.5,)),
    ("%d %i %u", (2.9, -2.9, True)),
    ("%.5d %8.5d %x", (42, 42, 10)),
    ("%c%c", (65, "€")),
    ("%c", ("ab",)),
    ("[%10s] [%-10s] [%.2s] [%5.1s]", ("right", "left", "cut", "äö")),
    ("[%*d] [%-*d] [%*s] [%.*f]", (5, 1, 5, 2, -4, "x", 2, 1.005)),
    ("%r %r %r %r", ("a", "it's", 'say "it\'s"', "tab\t\n\\\x01é")),
    ("%s %s %s %s", (None, True, False, 1.0)),
    ("%s", ([1, "a", None, 2.5, (1,), {"k": [True]}, ()],)),
    ("%s %s", (b"bytes\xff'\n", {"a": b"x"})),
    ("%s %s %s", (set(), {1}, frozenset())),
    ("%s %s %s %s", (1e16, 1e15, 1e-4, 1e-5)),
    ("%s %s %s %s", (1.5e300, 123456789.123, -0.0, 5e-324)),
    ("%s %s", (2**63, -(2**127))),
    ("%ld %5.2lf", (1, 2.0)),
    ("%2000d", (1,)),
]


def percent():
    table = []
    for template, arguments in CASES:
        try:
            result = template % arguments
        except Exception:
            result = None
        if result is not None and len(result) > 1500:
            # Python would; we do not pad that far.
            result = None
        if "frozenset" in repr(arguments):
            # Of a set and a frozen one, one is told here.
            result = result.replace("frozenset()", "set()")
        table.append({"format": template, "arguments": pickle.dumps(arguments, 4).hex(), "result": result})
    return table


def main():
    expected = {}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        plain, expected[f"values-{protocol}"] = values(protocol)
        write(f"values-{protocol}.pickle", pickle.dumps(plain, protocol))
    for index, data in enumerate(records()):
        assert int.from_bytes(data[:4], "big") == len(data) - 4
        write(f"record-{index}.pickle", data[4:])
    (FOLDER / "values.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")
    (FOLDER / "percent.json").write_text(json.dumps(percent(), ensure_ascii=False, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

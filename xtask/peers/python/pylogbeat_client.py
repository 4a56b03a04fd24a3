"""Sends the lines of a file with PyLogBeat, as the other clients do.

Takes the flags of the Go program; -level is left unused, because PyLogBeat always compresses.

Prints `connected` with each connection, and at the end `cost CPU`, the seconds of the processor, and
`acked EVENTS SECONDS`: both run from the first connection attempt to the last acknowledgement.
"""

import argparse
import sys
import time

import pylogbeat

from parent import exit_with_parent


def main():
    flags = read_flags()
    exit_with_parent()
    with open(flags.input, 'rb') as file:
        events = file.read().rstrip(b'\n').split(b'\n')
    host, port = flags.addr.rsplit(':', 1)

    started, before_all = time.monotonic(), time.process_time()
    acked = 0
    while acked < len(events):
        before = acked
        try:
            client = pylogbeat.PyLogBeatClient(
                host, int(port), timeout=flags.timeout, ssl_enable=flags.ca is not None, ca_certs=flags.ca)
            with client:
                print('connected', flush=True)
                for start in range(acked, len(events), flags.window):
                    window = events[start:start + flags.window]
                    client.send(window)
                    acked += len(window)
        except Exception as error:  # also struct.error, where a connection ends inside an acknowledgement
            if time.monotonic() - started >= flags.retry:
                sys.exit(f'{acked} of {len(events)} events acknowledged: {type(error).__name__}: {error}')
            if acked == before:
                time.sleep(0.02)  # the pause between two attempts to connect
    print('cost', time.process_time() - before_all)
    print('acked', acked, time.monotonic() - started, flush=True)


def read_flags():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument('-addr', required=True)
    parser.add_argument('-in', required=True, dest='input')
    parser.add_argument('-window', type=int, default=2048)
    parser.add_argument('-level', type=int)
    parser.add_argument('-ca')
    parser.add_argument('-timeout', type=microseconds, default=30.0)
    parser.add_argument('-retry', type=microseconds, default=0.0)
    return parser.parse_args()


def microseconds(text):
    if not text.endswith('us'):
        raise ValueError(text)
    return int(text[:-2]) / 1e6


if __name__ == '__main__':
    main()

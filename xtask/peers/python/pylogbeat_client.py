"""Sends the lines of a file with PyLogBeat over one connection.

usage: pylogbeat_client.py PORT FILE BATCH

Prints `acked EVENTS` after each batch that was acknowledged.
"""

import sys

import pylogbeat

from parent import exit_with_parent


def main():
    port, path, batch = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    exit_with_parent()
    with open(path, 'rb') as file:
        events = file.read().rstrip(b'\n').split(b'\n')

    acked = 0
    with pylogbeat.PyLogBeatClient('127.0.0.1', port, timeout=10) as client:
        for start in range(0, len(events), batch):
            window = events[start:start + batch]
            client.send(window)
            acked += len(window)
            print('acked', acked, flush=True)


if __name__ == '__main__':
    main()

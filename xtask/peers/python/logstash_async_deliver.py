"""Logs through python-logstash-async: memory cache, Beats transport, everything else at its defaults.

usage: logstash_async_deliver.py PORT EVENTS SIZE

SIZE is that of the documents, in bytes, about. Prints `log P50 P99 P99.9`, nanoseconds of a call that logs, then
`cost CPU`, the seconds of the processor, and `acked EVENTS SECONDS`: both run from the first call until the handler
is closed, which delivers what is left.
"""

import logging
import sys
import time

from logstash_async.formatter import LogstashFormatter
from logstash_async.handler import AsynchronousLogstashHandler

from parent import exit_with_parent


def main():
    port, events, size = (int(argument) for argument in sys.argv[1:])
    exit_with_parent()
    handler = AsynchronousLogstashHandler(
        '127.0.0.1', port, database_path=None, transport='logstash_async.transport.BeatsTransport')
    formatter = LogstashFormatter()
    handler.setFormatter(formatter)
    logger = logging.Logger('shop.orders', logging.DEBUG)
    logger.addHandler(handler)
    order = {'order': 1001, 'customer': 'Ada Lovelace', 'amount': 59.9, 'express': True}
    example = logger.makeRecord('shop.orders', logging.INFO, __file__, 1, '', (), None, 'main', order)
    message = 'order placed'.ljust(max(size - len(formatter.format(example)), 0), '.')

    spent = []
    started, before = time.monotonic(), time.process_time()
    for _ in range(events):
        called = time.perf_counter_ns()
        logger.info(message, extra=order)
        spent.append(time.perf_counter_ns() - called)
    handler.close()
    cost, took = time.process_time() - before, time.monotonic() - started
    spent.sort()
    print('log', *(spent[int((events - 1) * share)] for share in (0.5, 0.99, 0.999)))
    print('cost', cost)
    print('acked', events, took, flush=True)


if __name__ == '__main__':
    main()

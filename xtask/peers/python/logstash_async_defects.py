"""Makes python-logstash-async do what it is known to do wrong, one thing at a time.

usage: logstash_async_defects.py CASE PORT [ARGUMENT]

What each case does is told with its function. Each prints what it saw, ends with `done SECONDS`, the time that it
took to close the handler, and is ended by its parent at the latest. Intervals are shortened, not changed in what
they mean.
"""

import contextlib
import io
import json
import logging
import os
import socket
import sys
import time
from datetime import datetime, timedelta, timezone

from logstash_async.constants import constants
from logstash_async.database import DatabaseCache
from logstash_async.formatter import LogstashFormatter
from logstash_async.handler import AsynchronousLogstashHandler

from parent import exit_with_parent


def order(port, _):
    """Logs 40 events of the same millisecond while the worker waits, their texts in descending order."""
    handler, logger = start(port, check=0.4)
    logger.info('first')
    time.sleep(0.2)
    for number in range(40, 0, -1):
        record = logger.makeRecord('shop', logging.INFO, __file__, 1, f'event {number:02}', (), None)
        record.created = 1_700_000_000.0
        logger.handle(record)
    close(handler)


def handlers(port, other):
    """Logs an event to each of two handlers with peers of their own, and closes both."""
    (first, of_first), (second, of_second) = start(port), start(int(other))
    of_first.info('for the first')
    of_second.info('for the second')
    first.close()
    close(second)


def loss(port, _):
    """Logs five events that nobody takes, closes the handler, and prints what was told about it."""
    told = io.StringIO()
    constants.SOCKET_CLOSE_WAIT_TIMEOUT = 0
    with contextlib.redirect_stderr(told):
        handler, logger = start(port)
        for _ in range(5):
            logger.info('lost')
        handler.close()
    print('told', ' '.join(told.getvalue().split()))
    print('done', 0, flush=True)


def refused(port, _):
    """Logs an event over TCP where nobody listens. By default it waits 30 seconds, not 2."""
    constants.SOCKET_CLOSE_WAIT_TIMEOUT = 2.0
    handler, logger = start(port, transport='Tcp')
    logger.info('nobody listens')
    close(handler)


def starve(port, database):
    """Logs as steadily as an application under load, for so long that a flush is due several times."""
    handler, logger = start(port, database=database)
    started, number = time.monotonic(), 0
    while time.monotonic() - started < 1.5:
        for _ in range(5):
            number += 1
            logger.info('event %d', number)
        time.sleep(0.0005)
    print('logged', number, flush=True)
    time.sleep(60)


def unacknowledged(port, database):
    """Logs five events that are sent and not acknowledged, and closes the handler when somebody connects."""
    control = socket.create_server(('127.0.0.1', 0))
    print('control', '%s:%d' % control.getsockname(), flush=True)
    handler, logger = start(port, database=database)
    for number in range(5):
        logger.info('event %d', number)
    control.accept()
    close(handler)


def another(port, database):
    """Logs one event."""
    handler, logger = start(port, database=database)
    logger.info('another')
    close(handler)


def directory(port, database):
    """Logs events while the directory of the database is not there yet."""
    with contextlib.redirect_stderr(io.StringIO()):
        handler, logger = start(port, database=database)
        for number in range(5):
            logger.info('event %d', number)
        time.sleep(0.4)
        os.mkdir(os.path.dirname(database))
        time.sleep(0.2)
        close(handler)


def expired(port, database):
    """Starts with 60 events that are older than their time to live: enough for a flush at once."""
    cache = DatabaseCache(path=database, event_ttl=1)
    for number in range(60):
        cache.add_event(b'{"message":"old %d"}' % number)
    time.sleep(2.1)
    handler, logger = start(port, database=database, event_ttl=1)
    logger.info('new')
    close(handler)


def poison(port, _):
    """Logs an event that no datagram can hold between two others."""
    handler, logger = start(port, transport='Udp', check=0.2)
    for second, text in enumerate(['before', 'x' * 70_000, 'behind']):
        record = logger.makeRecord('shop', logging.INFO, __file__, 1, text, (), None)
        record.created = 1_700_000_000.0 + second
        logger.handle(record)
    with contextlib.redirect_stderr(io.StringIO()):
        time.sleep(1.5)
    print('done', 0, flush=True)
    os._exit(0)


def retry(port, _):
    """Logs an event for a peer that hangs up, and goes on trying."""
    with contextlib.redirect_stderr(io.StringIO()):
        _, logger = start(port, check=0.1)
        logger.info('try again')
        time.sleep(60)


def partial(port, _):
    """Logs two windows, and closes the handler when somebody connects."""
    control = socket.create_server(('127.0.0.1', 0))
    print('control', '%s:%d' % control.getsockname(), flush=True)
    # Both are in its hands when it sends.
    handler, logger = start(port, check=0.5, interval=0.4)
    for number in range(50):
        logger.info('event %d', number)
    control.accept()
    close(handler)


def fork(port, _):
    """Forks while events wait in memory; both processes close their handler."""
    handler, logger = start(port, check=0.5, interval=60)
    logger.info('first')
    time.sleep(0.2)
    logger.info('second')
    time.sleep(1)
    child = os.fork()
    if child == 0:
        logger.info('of the child')
        handler.close()
        os._exit(0)
    os.waitpid(child, 0)
    close(handler)


def feeding(port, _):
    """Logs one event through the root logger while nobody listens, then waits for the peer."""
    handler, _ = start(port, check=0.1)
    logging.root.addHandler(handler)
    logging.root.error('only')
    time.sleep(1)
    print('waiting', flush=True)
    time.sleep(60)


def complaints(port, _):
    """Counts what it says of failures in one second, of which it is told to say two a minute."""
    said = []
    counter = logging.Handler()
    counter.emit = said.append
    constants.ERROR_LOG_RATE_LIMIT = '2 per minute'
    _, logger = start(port, check=0.1)
    logging.getLogger('LogProcessingWorker').addHandler(counter)
    logger.info('nobody listens')
    time.sleep(1.5)
    print('said', len(said))
    print('done', 0, flush=True)
    os._exit(0)


def values(_, __):
    """Prints documents with a time of another zone, and with a number that JSON has not."""
    os.environ['TZ'] = 'America/New_York'
    time.tzset()
    moment = datetime(2024, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone(timedelta(hours=9)))
    logger = logging.Logger('shop')
    for name, value in [('time', moment), ('number', float('nan'))]:
        record = logger.makeRecord('shop', logging.INFO, __file__, 1, '', (), None, None, {'value': value})
        print(name, json.dumps(LogstashFormatter().format(record)))
    print('done', 0, flush=True)


def start(port, transport='Beats', database=None, check=0.1, interval=0.05, **options):
    constants.QUEUE_CHECK_INTERVAL = check
    constants.QUEUED_EVENTS_FLUSH_INTERVAL = interval
    handler = AsynchronousLogstashHandler(
        '127.0.0.1', port, database_path=database,
        transport=f'logstash_async.transport.{transport}Transport', **options)
    # A logger of its own, so that what the library logs about itself is not an event.
    logger = logging.Logger('shop', logging.DEBUG)
    logger.addHandler(handler)
    return handler, logger


def close(handler):
    started = time.monotonic()
    handler.close()
    print('done', time.monotonic() - started, flush=True)


if __name__ == '__main__':
    exit_with_parent()
    globals()[sys.argv[1]](int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)

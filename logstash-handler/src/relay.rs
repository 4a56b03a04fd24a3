//! The relay: a collector of logs and a proxy, the program `logstash-relay` as a library.
//!
//! It receives log events over the network and hands each of them to the outputs that its routes name.
//! Each output is a [`Handler`](crate::Handler) with a queue of its own, and none waits for another.
//!
//! A [`RelayConfig`] says what it does, a [`Relay`] does it.
//!
//! # As a program
//!
//! `logstash-relay run --config FILE`, or with `--input` and `--output` and no file; `logstash-relay check` with the
//! same arguments tries whether that would work, and `logstash-relay help` tells the rest. Configurations to start from
//! are in `examples/relay` of this crate, with a unit for systemd and a Dockerfile.
//!
//! | signal | what it does |
//! | --- | --- |
//! | SIGTERM, SIGINT | stops to listen, hands on what is in hand, delivers and stores for `shutdown_timeout`, and reports; the second one ends at once |
//! | SIGHUP | reads the file and the certificates again; what stays the same stays, see [below](#when-the-configuration-changes) |
//!
//! Under systemd it says when it is ready, reloads and stops, and feeds the watchdog.
//!
//! # State and figures
//!
//! | path of `metrics` | what is there |
//! | --- | --- |
//! | `/` | a page that shows what flows, what waits, and what went wrong lately |
//! | `/status.json` | the same as JSON |
//! | `/metrics` | figures for Prometheus: [`InputStats`] by input, the ledger of [`Stats`](crate::Stats) by output and reason |
//! | `/healthz` | 200 while the process answers |
//! | `/readyz` | 200 while events are taken, otherwise 503 |
//!
//! Who can reach that address can read all this; nothing can be changed there.
//!
//! # What happens when it is too much
//!
//! | what | bound | beyond it |
//! | --- | --- | --- |
//! | one message | `max_length` of the input | it is cut, tagged and counted |
//! | connections of an input | `max_connections`, `max_connections_per_peer`; the limit of open files of the process is raised for them as far as the system allows | closed at once and counted |
//! | a TLS handshake, a PROXY header | `handshake_timeout` | closed and counted |
//! | memory of a connection | lines, JSON, syslog, Python: the longest message, and 64 KiB to read; a datagram socket: one message, 64 KiB at least; Beats: what its windows take that no output has yet, 4 times the longest message for those that are not complete | nothing more is read; the connection of a larger window is closed |
//! | memory of all connections of Beats | `max_memory` of the input; beyond it one connection at a time, in the order in which they begin, ends its window and hands it over | the others are not read until there is room; clients are told to wait, but those of version 1, and the wait counts as nobody's silence; who does not end his window within 30 s of his turn is closed, and sends it again; an output that has no room for a complete one by then, and is to be waited for, keeps all of them waiting until it has, and a problem names it |
//! | an output without room | its queue | by `when_full`: connections wait, and datagrams are dropped and counted; or all is dropped and counted |
//!
//! # Who is at the other end of TLS
//!
//! Inputs over TLS ask clients for certificates if `tls_client_ca` is given, and refuse those that are not right;
//! the problems tell which, and why. Routes can go by the names in the certificates. Where OpenSSL is not the
//! library of the system, on macOS and Windows, that option is refused. Revocation is not looked up: where a
//! certificate gets into wrong hands, give a new authority, or name those that may come in `tls_client_names`.
//!
//! Events that come over TLS tell about it:
//!
//! | in documents of Logstash | of ECS | what |
//! | --- | --- | --- |
//! | `tls` | `tls.established` | `true` |
//! | `tls_peer.protocol` | `tls.version`, `tls.version_protocol` | `TLSv1.3`; in ECS `1.3`, `tls` |
//! | `tls_peer.cipher_suite` | `tls.cipher` | as IANA names it |
//! | `tls_peer.status` | | `verified` if there is a certificate, `unverified` if not |
//! | `tls_peer.subject`, `tls_peer.issuer` | `tls.client.subject`, `tls.client.issuer` | names as by RFC 4514 |
//! | `tls_peer.sha256` | `tls.client.hash.sha256`, in upper case | fingerprint of the certificate |
//! | | `tls.client.not_after` | until when it is valid |
//!
//! These are the names of `[@metadata][tls_peer]`, which the Beats input of Logstash adds. What is passed on as it
//! came tells nothing of it: JSON documents, lines in the format `raw`, and Beats, whose windows are not looked into.
//!
//! # What is acknowledged
//!
//! Only Beats has acknowledgements: a window is acknowledged when all outputs that it is for have stored
//! it, or by option delivered; outputs that drop when they are full are not waited for. What came over
//! anything else may be lost with the process until it is stored, some 20 ms later.
//!
//! # When the configuration changes
//!
//! Inputs and outputs that stay the same keep connections, queues and order. An output with other settings is another
//! one: it takes events from then on, while the one before delivers what it has, for `shutdown_timeout` at most.
//!
//! * Order does not hold across the change: both are at work at the same time, and what is left of a queue on disk is
//!   taken over within five seconds after the end of the one before, behind what came meanwhile. To wait for that end
//!   would stop the inputs for as long, and a configuration that fails could not be undone. Where order counts more,
//!   restart the relay: a queue on disk goes on where it ended.
//! * What the one before still has in memory when its time is over is lost, and counted in its report.
//! * A window of Beats that is to be stored or delivered by an output that ends without it is not acknowledged: its
//!   connection is closed, and the client sends it again over a new one, to the outputs that there are then. Outputs
//!   that have it already get it twice.
//!
//! # Coming from pysyslog
//!
//! `examples/relay/pysyslog.toml` does its job; `logstash-relay HOST PORT --cert FILE --key FILE` is its command line,
//! with the same defaults.
//!
//! | original | here | what differs |
//! | --- | --- | --- |
//! | `HOST`, `PORT` | the same, or `listen = "lines+tcp://HOST:PORT"` | IPv6 too; `syslog+tcp://` also reads what the lines say |
//! | `--cert`, `--key` | the same, or `listen = "lines+tls://…"`, `tls_cert`, `tls_key` | only one of them is an error, and was plain text; a handshake has its time and holds nobody up |
//! | `--max-queue-size`, 50,000 lines | `handler.queue` of an output | bytes, in memory or on disk |
//! | `--poll-interval` | none | nothing polls |
//! | `--logging-config`: a logger for each address, handlers | `[[routes]]` with `peers`, outputs | networks, inputs and severities too; read again on SIGHUP |
//! | `"propagate": false` | `final = true` of a route | |
//! | `INFO:ADDRESS:line` on the standard output | `endpoint = "stdout:"`, also without configuration | documents, of which `host` is the address; only the line with `format = "raw"` |
//! | blanks at both ends are cut, empty lines are events | only the line end is cut, and there is no event without a byte | |
//! | bytes that are not UTF-8 end the writer | U+FFFD in documents, `raw` passes them on | |
//! | Ctrl-C loses what waits | delivered or stored within `shutdown_timeout`, and reported | |
//! | lines and connections without limits | `max_length`, `max_connections`, `idle_timeout` | |
//!
//! # Coming from pystash
//!
//! `examples/relay/pystash.toml` does its job, on its ports. Programs in Python keep their handlers, and Logstash its
//! Redis input.
//!
//! | original | here | what differs |
//! | --- | --- | --- |
//! | `--bind-ip`, `--tcp-port`, `--udp-port` | `listen = "python+tcp://IP:PORT"`, `"python+udp://IP:PORT"` | limits, and `python+tls://` |
//! | `pickle.loads` | a decoder of data | what would run code is refused, tagged and counted |
//! | `--redis-host`, `--redis-port`, `--redis-queue` | `endpoint = "redis://HOST:PORT/0?key=QUEUE"` | user, password, database, `rediss://`; what Redis does not take waits and is not lost |
//! | `--message-type` | `type` of an input | |
//! | `--logstash-tags` | `tags` of an input | to those of the record, as there |
//! | `--fqdn` | none | `host` is the address of the peer, not the name of the relay |
//! | `--logstash-version` | none | `@version` is `"1"`, and was a number |
//! | `levelname`, `logger`, `filename`, `lineno` | `levelname`, `logger_name`, `path`, `line` | |
//! | `exc_info`, a text | `error_type`, `error_message`, `stack_trace` | |
//! | `msg`, the template of the message | none | `args` if they do not fit into it |
//! | `LogstashTCPHandler` | `SocketHandler` of the standard library, to `python+tcp://` | the former puts nothing between documents |
//! | `LogstashUDPHandler` | the same handler, to `json+udp://` | |
//! | `RedisHandler` | the record goes to the relay, and from there to Redis | |

mod cli;
pub use cli::command_line;

mod config;
pub use config::{
    Acknowledge, Carrier, ConfigError, FormatName, InputConfig, Listen, ListenError, OutputConfig, Protocol,
    RelayConfig, RouteConfig, Severity, WhenFull,
};

mod counters;
pub use counters::InputStats;

mod error;
pub use error::RelayError;

mod format;

mod framing;
pub use framing::{Extent, Frame, Framer, FramerOptions, Framing, TooLong};

mod history;
mod input;
mod leftover;
mod metrics;
mod open_files;
mod output;

mod pickle;
pub use pickle::{
    Pickle, PickleEntries, PickleError, PickleErrorKind, PickleItems, PickleLimits, PickleValue,
    PythonEcsFields, PythonRecord,
};

mod probe;
pub use probe::{Finding, probe};

mod problems;
pub use problems::Problem;

mod record;
mod router;

mod server;
pub use server::{Relay, RelayReport};

mod service;

mod source;
mod status;

mod syslog;
pub use syslog::{
    SyslogEcsFields, SyslogElement, SyslogError, SyslogErrorKind, SyslogFormat, SyslogMessage,
    SyslogParameters, SyslogParser, SyslogPriority, SyslogStructuredData, SyslogZone, UnknownZone,
};

mod text;
mod tls_peer;

mod view;
pub use view::RelayStats;

mod web;

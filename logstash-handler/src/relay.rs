//! The relay: a collector of logs and a proxy, the program `logstash-relay` as a library.
//!
//! It receives log events over the network and hands each of them to the outputs that its routes name.
//! Each output is a [`Handler`](crate::Handler) with a queue of its own.

mod framing;
pub use framing::{Extent, Frame, Framer, FramerOptions, Framing, TooLong};

mod pickle;
pub use pickle::{
    Pickle, PickleEntries, PickleError, PickleErrorKind, PickleItems, PickleLimits, PickleValue, PythonRecord,
};

mod syslog;
pub use syslog::{
    SyslogEcsFields, SyslogElement, SyslogError, SyslogErrorKind, SyslogFormat, SyslogMessage,
    SyslogParameters, SyslogParser, SyslogPriority, SyslogStructuredData, SyslogZone, UnknownZone,
};

mod text;

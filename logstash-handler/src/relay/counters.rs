//! What an input has seen.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($(#[doc = $text:literal] $name:ident,)*) => {
        /// Figures of an input since it began, as they are counted.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// Figures of an input since it began.
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct InputStats {
            $(#[doc = $text] pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn stats(&self) -> InputStats {
                InputStats { $($name: self.$name.count(),)* }
            }
        }

        impl InputStats {
            /// Each figure with its stable name and what it means.
            pub fn figures(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), $text.trim_ascii(), self.$name),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Events that came in.
    received,
    /// Bytes that came in.
    bytes,
    /// Events that met no route, and were dropped.
    unrouted,
    /// Events that could not be read as what the input expects, and were passed on as text, tagged.
    unparsed,
    /// Events that were too long, and were cut.
    truncated,
    /// Bytes that were cut off.
    truncated_bytes,
    /// Connections that were accepted.
    connections,
    /// Connections that are open.
    open_connections,
    /// Connections that were closed at once, because there were too many.
    refused_connections,
    /// Connections and datagrams from addresses that are not allowed, closed at once or dropped.
    not_allowed,
    /// TLS handshakes that failed or took too long.
    failed_handshakes,
    /// Connections that were closed because nothing came for too long.
    idle_connections,
    /// Connections that broke off after their first byte, or did not keep to the protocol.
    failed_connections,
    /// Datagrams that the system dropped, because they came faster than they were read.
    kernel_drops,
    /// Events of Beats that were not acknowledged, because they could not be kept; the sender has them.
    unacknowledged,
}

/// A number that goes up, and down again where it counts what is open. Who sees that it went up sees as well what was
/// counted before.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Release);
    }

    pub(crate) fn sub(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

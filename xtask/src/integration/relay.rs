//! Senders of others to the relay as a program, whose output is our receiver.

mod client_certificates;
mod documents;
mod feed;
mod logger;
mod openssl;
mod rig;
mod rsyslog;
mod syslog_ng;

pub(super) use client_certificates::cases as client_certificates;
pub(super) use logger::cases as logger;
pub(super) use openssl::cases as openssl;
pub(super) use rsyslog::cases as rsyslog;
pub(super) use syslog_ng::cases as syslog_ng;

//! Senders of others to the relay as a program, whose output is our receiver.

mod beats;
mod client_certificates;
mod documents;
mod feed;
mod filebeat;
mod haproxy;
mod logger;
mod logstash_async;
mod openssl;
mod rig;
mod rsyslog;
mod standard_python;
mod syslog_ng;

pub(super) use beats::cases as beats;
pub(super) use client_certificates::cases as client_certificates;
pub(super) use filebeat::cases as filebeat;
pub(super) use haproxy::cases as haproxy;
pub(super) use logger::cases as logger;
pub(super) use logstash_async::cases as logstash_async;
pub(super) use openssl::cases as openssl;
pub(super) use rsyslog::cases as rsyslog;
pub(super) use standard_python::{as_logged, cases as standard_python};
pub(super) use syslog_ng::cases as syslog_ng;

//! logstash-handler

pub mod queue;

//! logstash-transport

//! logstash-format

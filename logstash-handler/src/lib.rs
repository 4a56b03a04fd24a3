//! logstash-handler

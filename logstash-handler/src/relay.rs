//! The relay: a collector of logs and a proxy, the program `logstash-relay` as a library.
//!
//! It receives log events over the network and hands each of them to the outputs that its routes name.
//! Each output is a [`Handler`](crate::Handler) with a queue of its own.

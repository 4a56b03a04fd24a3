//! Beats in: to Redis, and to a terminal. go-lumber is what Beats are built on.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::super::events::{documents, same, write_lines};
use super::example::Example;
use super::{Links, PATIENCE, end, free_addresses};
use crate::failure::Failure;
use crate::peers::{Client, ClientKind, Redis, Sent};

/// A Beat sends, and Logstash finds in a Redis that wants a password what was sent.
pub(super) fn to_redis(links: &Links) -> Result<String, Failure> {
    let folder = links.folder("beats-to-redis")?;
    let [beats, metrics, redis] = free_addresses()?;
    let mut redis = Redis::start(redis, &folder, Some("open sesame"))?;
    let relay = Example::read(links, "beats-to-redis.toml")?
        .put("0.0.0.0:5044", beats)?
        .put("127.0.0.1:9600", metrics)?
        .put("redis.example:6379", redis.address())?
        .put("/var/lib/logstash-relay", folder.join("queue").display())?
        .start(links, &folder, &[("REDIS_PASSWORD", "open%20sesame")])?;
    let sent = documents(10_000)?;
    send(links, &folder, beats, &sent)?;
    same(&sent, &redis.take("logstash", sent.len(), PATIENCE)?)?;
    end(relay)?;
    Ok(format!("{} events in Redis as the Beat sent them, in order", sent.len()))
}

/// A Beat sends, and a developer sees it in his terminal.
pub(super) fn to_terminal(links: &Links) -> Result<String, Failure> {
    let folder = links.folder("development")?;
    let [beats] = free_addresses()?;
    let example = Example::read(links, "development.toml")?.put("127.0.0.1:5044", beats)?;
    let mut relay = example.start(links, &folder, &[])?;
    let sent = documents(500)?;
    send(links, &folder, beats, &sent)?;
    let mut shown = Vec::new();
    while shown.len() < sent.len() {
        match relay.next_line(PATIENCE)? {
            Some(line) => shown.push(line),
            None => return Err(relay.fault("ended before everything was shown")),
        }
    }
    same(&sent, &shown)?;
    end(relay)?;
    Ok(format!("{} events on the terminal as the Beat sent them", sent.len()))
}

/// Sends as Filebeat does by default, and waits until all is acknowledged.
fn send(links: &Links, folder: &Path, address: SocketAddr, sent: &[Vec<u8>]) -> Result<(), Failure> {
    let events = folder.join("events");
    write_lines(&events, sent)?;
    let mut client = links.go.send(&Client {
        kind: ClientKind::Async { in_flight: 2 },
        address,
        events: &events,
        window: 2048,
        level: 3,
        timeout: Duration::from_secs(30),
        retry: Duration::ZERO,
        authority: None,
        encode: false,
    })?;
    Sent::expect(&mut client, PATIENCE).map(drop)
}

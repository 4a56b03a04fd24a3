//! What pystash did: a program in Python, the relay, Redis, Logstash.

use serde_json::Value;

use super::super::events::parsed;
use super::super::relay::as_logged;
use super::example::Example;
use super::{Links, PATIENCE, end, free_addresses};
use crate::failure::{Failure, fail};
use crate::peers::Redis;

/// Both handlers log, and Logstash finds in Redis what they logged.
pub(super) fn run(links: &Links) -> Result<String, Failure> {
    let folder = links.folder("pystash")?;
    let [stream, datagrams, metrics, redis] = free_addresses()?;
    let mut redis = Redis::start(redis, &folder, None)?;
    let relay = Example::read(links, "pystash.toml")?
        .put("127.0.0.1:9020", stream)?
        .put("127.0.0.1:9021", datagrams)?
        .put("127.0.0.1:9600", metrics)?
        .put("localhost:6379", redis.address())?
        .put("/var/lib/logstash-relay", folder.join("queue").display())?
        .start(links, &folder, &[])?;

    // As many datagrams as the buffer of a socket holds by default.
    let handlers = [
        ("SocketHandler", "socket-handler", stream, 1000),
        ("DatagramHandler", "datagram-handler", datagrams, 50),
    ];
    let mut all = 0;
    for (handler, _, address, events) in handlers {
        links.python.log(handler, address, events, &folder.join(handler))?.succeed(PATIENCE)?;
        all += events;
    }
    let arrived = parsed(&redis.take("logstash", all, PATIENCE)?)?;
    if let Some(other) = arrived.iter().find(|document| document["type"] != "pystash") {
        fail!("a document has another type: {other}");
    }
    let mut refused = 0;
    for (handler, input, _, events) in handlers {
        let of_handler: Vec<Value> =
            arrived.iter().filter(|document| document["input"] == input).cloned().collect();
        if of_handler.len() != events {
            fail!("{} of {events} events came from the {handler}", of_handler.len());
        }
        refused += as_logged(&folder.join(handler), &of_handler)?;
    }
    end(relay)?;
    Ok(format!("{all} records in Redis as they were logged, in order, but {refused} that were code"))
}

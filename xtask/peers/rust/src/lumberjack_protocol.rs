use std::error::Error;

use lumberjack::{Client, Server};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Outcome;
use crate::client::{self, Settings};
use crate::flags::Flags;
use crate::server::{Behaviour, Output};

pub struct Sender(Client);

impl client::Sender for Sender {
    const RECONNECTS: bool = false;

    async fn connect(settings: &Settings) -> Result<Self, Box<dyn Error>> {
        let builder = Client::builder()
            .compression_level(settings.level)
            .ack_timeout(settings.timeout)
            .write_timeout(settings.timeout);
        Ok(Self(builder.connect(settings.address.as_str()).await?))
    }

    /// The library serialises events itself; a raw value is written as it is.
    type Document = Box<RawValue>;

    fn document(json: Vec<u8>) -> Outcome<Box<RawValue>> {
        Ok(RawValue::from_string(String::from_utf8(json)?)?)
    }

    async fn send(&mut self, window: Vec<Box<RawValue>>) -> Result<usize, Box<dyn Error>> {
        Ok(self.0.send(&window).await? as usize)
    }

    async fn encode_and_send(&mut self, window: Vec<Value>) -> Result<usize, Box<dyn Error>> {
        Ok(self.0.send(&window).await? as usize)
    }
}

/// Prints `listening HOST:PORT` once it accepts.
pub async fn serve(flags: &Flags) -> Outcome<()> {
    let behaviour = Behaviour::new(flags)?;
    let mut output = Output::new(flags)?;
    let builder = match behaviour.keepalive {
        keepalive if keepalive.is_zero() => Server::builder().no_keepalive(),
        keepalive => Server::builder().keepalive(keepalive),
    };
    let mut server = builder.bind(behaviour.listen.as_str()).await?;
    println!("listening {}", server.local_addr());

    let mut dropped = 0;
    while let Some(batch) = server.recv().await {
        if dropped < behaviour.drop {
            dropped += 1;
            println!("dropped {}", batch.len());
            drop(batch);
            continue;
        }
        output.write(batch.events().iter().map(|event| &event[..]))?;
        tokio::time::sleep(behaviour.delay).await;
        batch.ack();
    }
    Ok(())
}

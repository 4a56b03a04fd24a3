use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

use ferro_lumberjack::client::{Client, ClientBuilder};
use ferro_lumberjack::server::{Server, ServerConnection};
use serde_json::Value;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::Outcome;
use crate::client::{self, Settings};
use crate::flags::Flags;
use crate::server::{Behaviour, Output};

pub struct Sender(Client);

impl client::Sender for Sender {
    const RECONNECTS: bool = true;

    async fn connect(settings: &Settings) -> Result<Self, Box<dyn Error>> {
        let builder = ClientBuilder::new()
            .add_host(settings.address.as_str())
            .compression_level(settings.level)
            .timeout(settings.timeout);
        Ok(Self(builder.connect().await?))
    }

    type Document = Vec<u8>;

    fn document(mut json: Vec<u8>) -> Outcome<Vec<u8>> {
        json.shrink_to_fit();
        Ok(json)
    }

    async fn send(&mut self, window: Vec<Vec<u8>>) -> Result<usize, Box<dyn Error>> {
        Ok(self.0.send_json(window).await? as usize)
    }

    async fn encode_and_send(&mut self, window: Vec<Value>) -> Result<usize, Box<dyn Error>> {
        self.send(window.iter().map(serde_json::to_vec).collect::<Result<_, _>>()?).await
    }
}

/// Prints `listening HOST:PORT` once it accepts.
pub async fn serve(flags: &Flags) -> Outcome<()> {
    let behaviour = Rc::new(Behaviour::new(flags)?);
    let output = Rc::new(RefCell::new(Output::new(flags)?));
    let listener = Server::builder().bind(behaviour.listen.as_str()).await?;
    println!("listening {}", listener.local_addr()?);
    LocalSet::new()
        .run_until(async {
            loop {
                let connection = listener.accept().await?;
                let (behaviour, output) = (Rc::clone(&behaviour), Rc::clone(&output));
                tokio::task::spawn_local(async move {
                    if let Err(error) = receive(connection, &behaviour, &output).await {
                        eprintln!("a connection ended: {error}");
                    }
                });
            }
        })
        .await
}

/// The library sends no keepalives of its own: its application has to acknowledge 0 while it works.
async fn receive(
    mut connection: ServerConnection,
    behaviour: &Behaviour,
    output: &RefCell<Output>,
) -> Outcome<()> {
    while let Some(window) = connection.read_window().await? {
        output.borrow_mut().write(window.events.iter().map(|event| event.payload.as_slice()))?;
        let end = Instant::now() + behaviour.delay;
        while !behaviour.keepalive.is_zero() && Instant::now() + behaviour.keepalive < end {
            sleep_until(Instant::now() + behaviour.keepalive).await;
            connection.send_ack(0).await?;
        }
        sleep_until(end).await;
        connection.send_ack(window.last_seq).await?;
    }
    Ok(())
}

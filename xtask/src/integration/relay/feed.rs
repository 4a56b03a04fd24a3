//! What a syslog daemon is to pass on to the relay.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::documents::{TWO_LINES, texts};
use crate::failure::{Failure, Trying, fail};
use crate::process;

/// Messages of an application, and the moment of all of them.
pub(super) struct Feed {
    texts: Vec<String>,
    /// `2003-08-24T05:14:15`, in universal time.
    second: String,
}

/// What a format of a daemon leaves of a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    /// Message id and structured data.
    pub(super) structured: bool,
    /// The milliseconds of the time.
    pub(super) fraction: bool,
}

impl Feed {
    /// Texts of all kinds, many times but for datagrams; those of two lines only where these fit into a message.
    pub(super) fn new(is_datagrams: bool, lines_in_messages: bool) -> Result<Self, Failure> {
        let second = process::output(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S"]), PATIENCE)?;
        let mut texts: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
        texts.insert(1, String::new());
        texts.extend(lines_in_messages.then(|| TWO_LINES.to_owned()));
        let rounds = if is_datagrams { 1 } else { ROUNDS };
        let texts = std::iter::repeat_n(texts, rounds).flatten().collect();
        Ok(Self { texts, second: second.trim().to_owned() })
    }

    pub(super) const fn len(&self) -> usize {
        self.texts.len()
    }

    /// Gives everything to a daemon as soon as it listens: by RFC 5424, with the length before each message. The
    /// connection is to stay until the daemon has passed it on.
    pub(super) fn send(&self, daemon: SocketAddr) -> Result<TcpStream, Failure> {
        let mut stream = connect(daemon)?;
        let mut frames = Vec::new();
        for (number, text) in self.texts.iter().enumerate() {
            let (priority, second) = (priority(number), &self.second);
            let message = format!(
                "<{priority}>1 {second}.123456Z web-1.example shop.orders 4711 ORDER-7 {DATA} {text}"
            );
            frames.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
        }
        stream.write_all(&frames).trying("cannot write to the daemon")?;
        Ok(stream)
    }

    /// What has to come of it; `peer` is the address of the daemon, if the relay can know it.
    pub(super) fn expected(&self, kept: Kept, peer: Option<&str>) -> Vec<Value> {
        let each = self.texts.iter().enumerate().map(|(number, text)| {
            let priority = priority(number);
            let milliseconds = if kept.fraction { "123" } else { "000" };
            let data = json!({"order@32473": {"id": "17", "note": "a \"quoted\" \\ ] value für €"}});
            json!({
                "message": text, "priority": priority, "facility": priority / 8, "severity": priority % 8,
                "hostname": "web-1.example", "appname": "shop.orders", "procid": "4711", "pid": 4711,
                "@timestamp": format!("{}.{milliseconds}Z", self.second),
                "msgid": if kept.structured { json!("ORDER-7") } else { Value::Null },
                "structured_data": if kept.structured { data } else { Value::Null },
                "host": peer,
            })
        });
        each.collect()
    }
}

/// Another one for each message.
const fn priority(number: usize) -> usize {
    8 + number * 11 % 184
}

fn connect(daemon: SocketAddr) -> Result<TcpStream, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(daemon) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > deadline => {
                fail!("nobody listens on {daemon}: {error}");
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

const DATA: &str = r#"[order@32473 id="17" note="a \"quoted\" \\ \] value für €"]"#;

/// So often that frames come in all positions of what is read at once.
const ROUNDS: usize = 100;

const PATIENCE: Duration = Duration::from_secs(30);

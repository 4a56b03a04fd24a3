use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::Missing;
use super::driver::PROMPT;
use crate::failure::{Failure, Trying, fail};
use crate::process::{self, Running};

/// A server of Redis, and as much of a client as it takes to read a list as Logstash does.
#[derive(Debug)]
pub(crate) struct Redis {
    _process: Running,
    address: SocketAddr,
    connection: BufReader<TcpStream>,
}

impl Redis {
    /// Sees that the server and its command line are installed.
    pub(crate) fn prepare() -> Result<(), Missing> {
        for program in ["redis-server", "redis-cli"] {
            process::output(Command::new(program).arg("--version"), PROMPT).map_err(|failure| {
                Missing::new(&failure, "install Redis (Debian: apt-get install redis-server)")
            })?;
        }
        Ok(())
    }

    /// Starts a server that keeps everything in memory, and waits until it answers.
    pub(crate) fn start(address: SocketAddr, folder: &Path, password: Option<&str>) -> Result<Self, Failure> {
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder);
        if let Some(password) = password {
            command.args(["--requirepass", password]);
        }
        let mut process = Running::captured(&mut command)?;
        let deadline = Instant::now() + PROMPT;
        let stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                Err(error) => return Err(process.fault(&format!("does not listen: {error}"))),
            }
        };
        stream.set_read_timeout(Some(PROMPT)).trying("cannot set a timeout")?;
        let mut redis = Self { _process: process, address, connection: BufReader::new(stream) };
        if let Some(password) = password {
            redis.ask(&["AUTH", password])?;
        }
        redis.ask(&["PING"])?;
        Ok(redis)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes so many elements of a list, and no more may be there: the first of them as Logstash's redis input does
    /// with a `batch_count` of 1, the others as it does by default, with a script.
    pub(crate) fn take(
        &mut self,
        list: &str,
        count: usize,
        patience: Duration,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let deadline = Instant::now() + patience;
        let mut taken = Vec::new();
        while taken.len() < count {
            // Whatever comes, it is waited for no longer than a second at a time.
            match self.ask(&["BLPOP", list, "1"])? {
                Reply::List(pair) => taken.extend(pair.into_iter().nth(1).and_then(Reply::into_text)),
                _ if Instant::now() < deadline => continue,
                _ => fail!("{} of {count} elements are in the list {list}", taken.len()),
            }
            loop {
                let Reply::List(batch) = self.ask(&["EVAL", BATCH, "1", list, BATCH_COUNT])? else {
                    fail!("the script that reads the list {list} returns no list");
                };
                if batch.is_empty() {
                    break;
                }
                taken.extend(batch.into_iter().filter_map(Reply::into_text));
            }
        }
        if taken.len() > count {
            fail!("{} elements are in the list {list}, and not {count}", taken.len());
        }
        Ok(taken)
    }

    fn ask(&mut self, words: &[&str]) -> Result<Reply, Failure> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.connection.get_mut().write_all(request.as_bytes()).trying("cannot ask redis-server")?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply, Failure> {
        let mut line = String::new();
        self.connection.read_line(&mut line).trying("redis-server does not answer")?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        let length = usize::try_from(rest.parse::<i64>().unwrap_or(-1)).ok();
        match (kind, length) {
            ("+", _) => Ok(Reply::Text(rest.as_bytes().to_vec())),
            (":", Some(_)) => Ok(Reply::Nothing),
            ("$" | "*", None) => Ok(Reply::Nothing),
            ("$", Some(length)) => {
                let mut text = vec![0; length + 2];
                self.connection.read_exact(&mut text).trying("redis-server does not answer")?;
                text.truncate(length);
                Ok(Reply::Text(text))
            }
            ("*", Some(length)) => {
                Ok(Reply::List((0..length).map(|_| self.reply()).collect::<Result<_, _>>()?))
            }
            _ => fail!("redis-server answers {line:?}"),
        }
    }
}

/// As much as is looked at of what a server answers.
#[derive(Debug)]
enum Reply {
    List(Vec<Self>),
    Nothing,
    Text(Vec<u8>),
}

impl Reply {
    fn into_text(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Nothing => None,
        }
    }
}

/// Takes as many elements as there are, up to a number; Logstash's does the same.
const BATCH: &str = "\
local last = tonumber(ARGV[1]) - 1
local batch = redis.call('LRANGE', KEYS[1], 0, last)
redis.call('LTRIM', KEYS[1], last + 1, -1)
return batch";

/// The default of Logstash.
const BATCH_COUNT: &str = "125";

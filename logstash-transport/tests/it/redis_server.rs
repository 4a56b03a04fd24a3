//! A real redis-server, and a client to look at it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A server of one test; killed when it is dropped.
pub(crate) struct RedisServer {
    process: Child,
    port: u16,
    settings: Vec<String>,
    folder: tempfile::TempDir,
}

impl RedisServer {
    /// A server with these settings, such as `["--maxmemory", "1mb"]`.
    ///
    /// `None` where redis-server is not installed, except in CI on Linux, where it must be.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok();
        if !cfg!(target_os = "linux") || !installed {
            let must = cfg!(target_os = "linux") && std::env::var_os("CI").is_some();
            assert!(!must, "redis-server is not installed, and must be in CI");
            eprintln!("SKIPPED: this needs redis-server, on Linux");
            return None;
        }
        let mut folder = tempfile::tempdir().unwrap();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        // Another process can take the port before the server does.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let process = spawn(port, &settings, folder.path());
            let mut server = Self { process, port, settings: settings.clone(), folder };
            if server.wait_until(|_| true) {
                return Some(server);
            }
            folder = std::mem::replace(&mut server.folder, tempfile::tempdir().unwrap());
        }
        panic!("redis-server does not start with {settings:?}");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `redis://127.0.0.1:PORT` and what follows.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("redis://{}{rest}", self.address())
    }

    pub(crate) fn client(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address()).unwrap()))
    }

    /// One command over a connection of its own.
    pub(crate) fn run(&self, words: &[&str]) -> Value {
        self.client().run(words)
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again on the same port, with what it has on its disk.
    pub(crate) fn restart(&mut self) {
        self.restart_until(|reply| !matches!(reply, Value::Error(text) if text.starts_with("LOADING")));
    }

    /// Starts it again, while it still reads what it has on its disk.
    pub(crate) fn restart_loading(&mut self) {
        self.restart_until(|_| true);
    }

    fn restart_until(&mut self, enough: fn(&Value) -> bool) {
        self.kill();
        self.process = spawn(self.port, &self.settings, self.folder.path());
        assert!(self.wait_until(enough), "redis-server does not start again");
    }

    /// Keeps it from running; what is sent to it waits.
    pub(crate) fn freeze(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }

    fn wait_until(&mut self, enough: fn(&Value) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.process.try_wait().unwrap().is_none() {
            // Whoever took the port need not answer.
            if let Ok(socket) = TcpStream::connect(self.address())
                && socket.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
                && Client(BufReader::new(socket)).try_run(&["PING"]).is_some_and(|reply| enough(&reply))
            {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(port: u16, settings: &[String], folder: &Path) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(settings)
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a server answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    Error(String),
    Integer(i64),
    List(Vec<Self>),
    Null,
    Text(String),
}

impl Value {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub(crate) fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            other => panic!("{other:?} is no list"),
        }
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.list().iter().map(Self::text).collect()
    }
}

/// A connection that waits for each answer.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn run(&mut self, words: &[&str]) -> Value {
        self.try_run(words).unwrap()
    }

    pub(crate) fn send(&mut self, words: &[&str]) {
        self.try_send(words).unwrap();
    }

    fn try_send(&mut self, words: &[&str]) -> std::io::Result<()> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(command.as_bytes())
    }

    /// What arrives next.
    pub(crate) fn receive(&mut self) -> Value {
        self.read().unwrap()
    }

    fn try_run(&mut self, words: &[&str]) -> Option<Value> {
        self.try_send(words).ok()?;
        self.read()
    }

    fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        let (kind, rest) = line.trim_end().split_at_checked(1)?;
        let number = || rest.parse::<i64>().unwrap();
        Some(match kind {
            "+" => Value::Text(rest.to_owned()),
            "-" => Value::Error(rest.to_owned()),
            ":" => Value::Integer(number()),
            "$" if number() < 0 => Value::Null,
            "$" => {
                let mut text = vec![0; usize::try_from(number()).unwrap() + 2];
                self.0.read_exact(&mut text).ok()?;
                text.truncate(text.len() - 2);
                Value::Text(String::from_utf8(text).unwrap())
            }
            "*" if number() < 0 => Value::Null,
            "*" => Value::List((0..number()).map(|_| self.read()).collect::<Option<_>>()?),
            _ => panic!("{line:?} is no reply"),
        })
    }
}

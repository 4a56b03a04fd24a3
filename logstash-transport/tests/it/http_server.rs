//! An HTTP server on a real socket that answers as scripted and keeps what it was asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// What a connection is made of; a socket, or TLS over one.
pub(crate) trait Stream: Read + Write + Send {
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

/// Answers what is scripted, one request after the other, and 200 afterwards.
pub(crate) struct HttpServer {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    connections: AtomicUsize,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `POST /path HTTP/1.1`.
    pub(crate) line: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Sends these bytes and goes on.
    Send(Vec<u8>),
    /// Sends these bytes and closes.
    Close(Vec<u8>),
    /// Sends these bytes and resets the connection.
    Reset(Vec<u8>),
    /// Sends these bytes, and nothing more until the peer closes.
    Stall(Vec<u8>),
}

impl Answer {
    pub(crate) fn status(status: &str) -> Self {
        Self::with(status, "", "")
    }

    /// `headers` end with a line break each.
    pub(crate) fn with(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Send(
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes(),
        )
    }

    pub(crate) fn raw(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }
}

impl HttpServer {
    pub(crate) fn start() -> Self {
        Self::start_with(Some)
    }

    /// `accept` makes the stream of a connection, or gives it up.
    pub(crate) fn start_with<S: Stream + 'static>(
        accept: impl Fn(TcpStream) -> Option<S> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let accept = Arc::new(accept);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (Ok(socket), state, accept) = (socket, Arc::clone(&shared), Arc::clone(&accept)) else {
                    continue;
                };
                state.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || accept(socket).and_then(|stream| serve(stream, &state)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn script(&self, answers: impl IntoIterator<Item = Answer>) -> &Self {
        self.state.script.lock().unwrap().extend(answers);
        self
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub(crate) fn wait_for_requests(&self, count: usize) {
        let requests = self.state.requests.lock().unwrap();
        let missing = |requests: &mut Vec<Request>| requests.len() < count;
        let waited = self.state.arrived.wait_timeout_while(requests, DEADLINE, missing).unwrap();
        assert!(!waited.1.timed_out(), "{} of {count} requests came", waited.0.len());
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

fn serve(stream: impl Stream, state: &State) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read_request(&mut stream)?;
        let answer = state.script.lock().unwrap().pop_front().unwrap_or_else(|| Answer::status("200 OK"));
        state.requests.lock().unwrap().push(request);
        state.arrived.notify_all();
        let (Answer::Send(bytes) | Answer::Close(bytes) | Answer::Reset(bytes) | Answer::Stall(bytes)) =
            &answer;
        stream.get_mut().write_all(bytes).ok()?;
        stream.get_mut().flush().ok()?;
        match answer {
            Answer::Send(_) => {}
            Answer::Close(_) => return None,
            Answer::Reset(_) => {
                let socket = socket2::SockRef::from(stream.get_ref().socket());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return None;
            }
            Answer::Stall(_) => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).ok()?;
                return None;
            }
        }
    }
}

/// Reads one request; the body by its length, or in chunks.
fn read_request(stream: &mut impl BufRead) -> Option<Request> {
    let line = read_line(stream)?;
    let mut headers = Vec::new();
    loop {
        let header = read_line(stream)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { line, headers, body: Vec::new() };
    if request.header("transfer-encoding") == Some("chunked") {
        loop {
            let length = usize::from_str_radix(&read_line(stream)?, 16).ok()?;
            let mut chunk = vec![0; length];
            stream.read_exact(&mut chunk).ok()?;
            read_line(stream)?;
            request.body.extend(chunk);
            if length == 0 {
                return Some(request);
            }
        }
    }
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// A line without its end; `None` at the end of the connection.
fn read_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
}

/// For what must happen.
const DEADLINE: Duration = Duration::from_secs(20);

//! Receivers that take events as inputs of Logstash do, from whomever they come.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Trying, fail};

/// What has arrived at a receiver.
pub(super) struct Inbox {
    address: SocketAddr,
    documents: Receiver<Result<Vec<u8>, Failure>>,
}

type Documents = Sender<Result<Vec<u8>, Failure>>;

impl Inbox {
    /// As the http input with its default codecs: each body is a JSON document or an array of them, by POST.
    pub(super) fn requests() -> Result<Self, Failure> {
        Self::over_tcp(answer_requests)
    }

    /// As the tcp input with the codec json_lines.
    pub(super) fn lines() -> Result<Self, Failure> {
        Self::over_tcp(|stream, documents| {
            for line in BufReader::new(stream).split(b'\n') {
                let _ = documents.send(line.trying("cannot read a line"));
            }
            Ok(())
        })
    }

    /// As the udp input with the codec json: a document in each datagram.
    pub(super) fn datagrams() -> Result<Self, Failure> {
        let socket = UdpSocket::bind("127.0.0.1:0").trying("cannot bind")?;
        let address = socket.local_addr().trying("cannot bind")?;
        let (sender, documents) = mpsc::channel();
        thread::spawn(move || {
            let mut datagram = vec![0; 65_536];
            loop {
                let length = socket.recv(&mut datagram).trying("cannot receive");
                if sender.send(length.map(|length| datagram[..length].to_vec())).is_err() {
                    return;
                }
            }
        });
        Ok(Self { address, documents })
    }

    fn over_tcp(take: fn(TcpStream, &Documents) -> Result<(), Failure>) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").trying("cannot listen")?;
        let address = listener.local_addr().trying("cannot listen")?;
        let (sender, documents) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender: Documents = sender.clone();
                thread::spawn(move || {
                    let taken = stream.trying("cannot accept").and_then(|stream| take(stream, &sender));
                    if let Err(failure) = taken {
                        let _ = sender.send(Err(failure));
                    }
                });
            }
        });
        Ok(Self { address, documents })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for that many documents and no more, and takes them out.
    pub(super) fn take(&self, count: usize, patience: Duration) -> Result<Vec<Vec<u8>>, Failure> {
        let deadline = Instant::now() + patience;
        let mut taken = Vec::new();
        while taken.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.documents.recv_timeout(left) {
                Ok(document) => taken.push(document?),
                Err(_) => fail!("{} of {count} documents arrived", taken.len()),
            }
        }
        match self.so_far()?.len() {
            0 => Ok(taken),
            more => fail!("{more} documents more than {count} arrived"),
        }
    }

    /// Takes out what has arrived so far.
    pub(super) fn so_far(&self) -> Result<Vec<Vec<u8>>, Failure> {
        self.documents.try_iter().collect()
    }
}

fn answer_requests(stream: TcpStream, documents: &Documents) -> Result<(), Failure> {
    let mut stream = BufReader::new(stream);
    while let Some(body) = read_request(&mut stream)? {
        let parsed: serde_json::Value = serde_json::from_slice(&body)
            .map_err(|error| Failure::because("the body of a request is not JSON", error))?;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        match parsed {
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| drop(documents.send(Ok(item.to_string().into_bytes()))));
            }
            other => drop(documents.send(Ok(other.to_string().into_bytes()))),
        }
        stream.get_mut().write_all(answer).trying("cannot answer")?;
    }
    Ok(())
}

/// The body of the next request; `None` at the end of the connection.
fn read_request(stream: &mut BufReader<TcpStream>) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = String::new();
    if stream.read_line(&mut line).trying("cannot read a request")? == 0 {
        return Ok(None);
    }
    if !line.starts_with("POST ") {
        fail!("a request begins with {line:?}");
    }
    let mut length = None;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).trying("cannot read a header")?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
        if name.eq_ignore_ascii_case("content-type") && value.trim() != "application/json" {
            fail!("the content type is {value:?}");
        }
    }
    let Some(length) = length else { fail!("a request has no length") };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).trying("cannot read a body")?;
    Ok(Some(body))
}

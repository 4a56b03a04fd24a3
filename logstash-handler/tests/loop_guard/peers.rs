//! What the transports deliver to: each kind as simple as it can be, with TLS in front where it is asked for.

use crate::{LONG, documents_of};
use native_tls::{Identity, TlsAcceptor};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The messages that have arrived.
pub(crate) type Arrived = Arc<Mutex<Vec<String>>>;

fn keep(arrived: &Arrived, document: &[u8]) {
    arrived.lock().unwrap().extend(documents_of(document));
}

/// Serves each connection on a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Takes lines.
pub(crate) fn lines(arrived: &Arrived) -> SocketAddr {
    let arrived = Arc::clone(arrived);
    listen(move |stream| {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            keep(&arrived, line.as_bytes());
        }
    })
}

/// Takes datagrams.
pub(crate) fn datagrams(arrived: &Arrived) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let arrived = Arc::clone(arrived);
    thread::spawn(move || {
        let mut datagram = vec![0; 65_536];
        while let Ok(length) = socket.recv(&mut datagram) {
            keep(&arrived, &datagram[..length]);
        }
    });
    address
}

/// Takes requests.
pub(crate) fn http(arrived: &Arrived) -> SocketAddr {
    let arrived = Arc::clone(arrived);
    listen(move |stream| {
        let mut stream = BufReader::new(stream);
        while let Some(body) = read_body(&mut stream) {
            keep(&arrived, &body);
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
    })
}

/// The body of the next request, if there is one.
fn read_body(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).ok()?;
            return Some(body);
        }
    }
}

/// A redis-server; killed when it is dropped.
pub(crate) struct Redis {
    process: Child,
    address: SocketAddr,
}

impl Redis {
    /// `None` where redis-server is not installed, except in CI on Linux, where it must be.
    pub(crate) fn start() -> Option<Self> {
        // Another process can take the port before the server does.
        for _ in 0..10 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut command = Command::new("redis-server");
            command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""]);
            let Ok(process) = command.stdout(Stdio::null()).stdin(Stdio::null()).spawn() else {
                let must = cfg!(target_os = "linux") && std::env::var_os("CI").is_some();
                assert!(!must, "redis-server is not installed, and must be in CI");
                return None;
            };
            let mut redis = Self { process, address };
            if redis.is_up() {
                return Some(redis);
            }
        }
        panic!("redis-server does not start");
    }

    /// Waits until it answers; `false` when it has ended instead.
    fn is_up(&mut self) -> bool {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline && self.process.try_wait().unwrap().is_none() {
            let mut answer = [0; 5];
            let asked = TcpStream::connect(self.address).and_then(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_secs(1)))?;
                stream.write_all(b"PING\r\n")?;
                stream.read_exact(&mut answer)
            });
            if asked.is_ok() && answer == *b"+PONG" {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is in a list, which is empty afterwards.
    pub(crate) fn take(&self, list: &str) -> Vec<String> {
        let mut stream = BufReader::new(TcpStream::connect(self.address).unwrap());
        let mut messages = Vec::new();
        loop {
            stream.get_mut().write_all(format!("LPOP {list}\r\n").as_bytes()).unwrap();
            let mut head = String::new();
            stream.read_line(&mut head).unwrap();
            let Ok(length) = head.trim_end().trim_start_matches('$').parse::<usize>() else {
                return messages;
            };
            let mut document = vec![0; length + 2];
            stream.read_exact(&mut document).unwrap();
            messages.extend(documents_of(&document));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Takes TLS off, with a certificate that nobody knows, and hands the rest on.
pub(crate) fn behind_tls(upstream: SocketAddr) -> SocketAddr {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let identity = Identity::from_pkcs8(certificate.as_bytes(), key.as_bytes()).unwrap();
    let acceptor = TlsAcceptor::new(identity).unwrap();
    listen(move |stream| {
        let Ok(tls) = acceptor.accept(stream) else { return };
        let _ = shuttle(tls, upstream);
    })
}

fn shuttle(mut tls: native_tls::TlsStream<TcpStream>, upstream: SocketAddr) -> io::Result<()> {
    let mut plain = TcpStream::connect(upstream)?;
    // One thread for both directions, because a TLS stream cannot be parted.
    plain.set_read_timeout(Some(Duration::from_millis(1)))?;
    tls.get_ref().set_read_timeout(Some(Duration::from_millis(1)))?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match tls.read(&mut buffer) {
            Ok(0) => return plain.shutdown(Shutdown::Both),
            Ok(length) => plain.write_all(&buffer[..length])?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
        match plain.read(&mut buffer) {
            Ok(0) => return tls.shutdown(),
            Ok(length) => tls.write_all(&buffer[..length])?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

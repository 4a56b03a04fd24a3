//! Proxies that open a way through: `CONNECT` of HTTP, and SOCKS5.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy that notes where it is asked to connect to, and connects to one target.
pub(crate) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Speaks HTTP, and wants `user:secret`.
    pub(crate) fn http(target: SocketAddr) -> Self {
        Self::start(target, |stream| {
            let mut lines = BufReader::new(stream.try_clone()?).lines();
            let line = lines.next().unwrap_or_else(|| Ok(String::new()))?;
            let mut allowed = false;
            for header in lines {
                let header = header?.to_ascii_lowercase();
                allowed |= header == "proxy-authorization: basic dxnlcjpzzwnyzxq=";
                if header.is_empty() {
                    break;
                }
            }
            let status = if allowed { "200 Connected" } else { "407 Proxy Authentication Required" };
            stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())?;
            Ok(allowed.then_some(line))
        })
    }

    /// Speaks SOCKS5, and wants names to be left to it.
    pub(crate) fn socks5(target: SocketAddr) -> Self {
        Self::start(target, |stream| {
            let mut greeting = [0; 2];
            stream.read_exact(&mut greeting)?;
            stream.read_exact(&mut vec![0; usize::from(greeting[1])])?;
            stream.write_all(&[5, 0])?;
            let mut request = [0; 5];
            stream.read_exact(&mut request)?;
            assert_eq!(request[..4], [5, 1, 0, 3], "connect to a name");
            let mut name = vec![0; usize::from(request[4]) + 2];
            stream.read_exact(&mut name)?;
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            name.truncate(name.len() - 2);
            Ok(Some(String::from_utf8_lossy(&name).into_owned()))
        })
    }

    /// `greet` returns what was asked for, unless it refuses.
    fn start(target: SocketAddr, greet: fn(&mut TcpStream) -> io::Result<Option<String>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(mut client) = client else { return };
                let Ok(Some(wanted)) = greet(&mut client) else { continue };
                noted.lock().unwrap().push(wanted);
                let server = TcpStream::connect(target).unwrap();
                copy(client.try_clone().unwrap(), server.try_clone().unwrap());
                copy(server, client);
            }
        });
        Self { address, asked }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

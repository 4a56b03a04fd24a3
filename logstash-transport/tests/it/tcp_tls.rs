//! [`TcpTransport`] over TLS.

use crate::line_receiver::LineReceiver;
use crate::tls_matrix::{Rig, tls_matrix};
use bytes::Bytes;
use logstash_transport::{Batch, ConnectionOptions, Endpoint, Scheme, TcpTransport, Transport};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

struct Lines(LineReceiver);

impl Rig for Lines {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn transport(&self, host: &str, port: u16, tls: TlsConfig) -> Box<dyn Transport> {
        let options = ConnectionOptions::new().tls(tls).handshake_timeout(Duration::from_secs(2));
        // The verdict on a client certificate is waited for, and this machine may be busy.
        let transport =
            TcpTransport::to(Endpoint::new(Scheme::Tcp, host, port)).settle_time(Duration::from_millis(500));
        Box::new(transport.connection(options))
    }

    fn events(&self, count: usize) -> Vec<Bytes> {
        self.0.lines(count)
    }
}

tls_matrix!(Lines(LineReceiver::start()));

/// As a load balancer does that has no server to lead to, for now.
#[test]
fn a_peer_that_hangs_up_during_the_handshake_is_unavailable() {
    for resets in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut greeting = [0; 5];
            stream.read_exact(&mut greeting).unwrap();
            if resets {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            } else {
                // With something unread, closing would be a reset too.
                stream
                    .read_exact(&mut vec![0; usize::from(greeting[3]) << 8 | usize::from(greeting[4])])
                    .unwrap();
            }
        });
        let mut transport = TcpTransport::new(&format!("tcp+tls://{address}")).unwrap();
        let error = transport.send(&mut Batch::from_events(["{}"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        peer.join().unwrap();
    }
}

/// A TLS record of 16 KiB, announced at once and delivered one byte at a time, so that the library always
/// has something to read and never a whole message.
#[test]
fn a_handshake_that_drips_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let drip = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(&[0x16, 3, 3, 0x40, 0]).unwrap();
        // Nothing to wait for but time: this peer is slow.
        while stream.write_all(&[2]).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let options = ConnectionOptions::new().handshake_timeout(Duration::from_millis(300));
    let mut transport = TcpTransport::new(&format!("tcp+tls://{address}")).unwrap().connection(options);
    let started = Instant::now();
    let error = Transport::probe(&mut transport).unwrap_err();
    let took = started.elapsed();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    drip.join().unwrap();
}

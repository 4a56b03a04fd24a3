//! Through a SOCKS5 proxy.

use crate::support::numbered;
use logstash_transport::testing::Receiver;
use logstash_transport::{
    Batch, BeatsTransport, ConnectionOptions, ErrorKind, Socks5Proxy, Transport, TransportError, error_chain,
};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A proxy that leads everything to one address, and notes what was asked for.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `password`: what it demands, for the user `user`. `reply`: what it answers.
    fn start(target: SocketAddr, password: Option<&'static str>, reply: u8) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let notes = Arc::clone(&notes);
                thread::spawn(move || {
                    stream.and_then(|stream| serve(stream, target, password, reply, &notes))
                });
            }
        });
        Self { address, asked }
    }

    fn options(&self) -> Socks5Proxy {
        Socks5Proxy::new("127.0.0.1", self.address.port())
    }
}

fn serve(
    mut client: TcpStream,
    target: SocketAddr,
    password: Option<&str>,
    reply: u8,
    notes: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let [5, count] = read(&mut client)? else { panic!("greeting") };
    let mut methods = vec![0; count.into()];
    client.read_exact(&mut methods)?;
    let method = if password.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, method])?;
    if let Some(password) = password {
        let [1] = read(&mut client)? else { panic!("version of the authentication") };
        let given = (short(&mut client)?, short(&mut client)?);
        let right = given == ("user".into(), password.into());
        client.write_all(&[1, u8::from(!right)])?;
    }
    let [5, 1, 0, kind] = read(&mut client)? else { panic!("request") };
    let host = match kind {
        1 => std::net::Ipv4Addr::from(read::<4>(&mut client)?).to_string(),
        3 => short(&mut client)?,
        4 => std::net::Ipv6Addr::from(read::<16>(&mut client)?).to_string(),
        _ => panic!("kind {kind}"),
    };
    let port = u16::from_be_bytes(read(&mut client)?);
    notes.lock().unwrap().push(format!("{host} {port}"));
    // One byte at a time, to be read in pieces; the address has the form of a name.
    for byte in [&[5, reply, 0, 3, 4][..], b"name", &[0, 0]].concat() {
        client.write_all(&[byte])?;
    }
    if reply != 0 {
        return Ok(());
    }
    let server = TcpStream::connect(target)?;
    copy(client.try_clone()?, server.try_clone()?);
    copy(server, client);
    Ok(())
}

fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

fn short(stream: &mut TcpStream) -> io::Result<String> {
    let [length] = read(stream)?;
    let mut text = vec![0; length.into()];
    stream.read_exact(&mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn send(host: &str, proxy: Socks5Proxy) -> Result<(), TransportError> {
    let options = ConnectionOptions::new().proxy(proxy).handshake_timeout(Duration::from_secs(2));
    let mut transport = BeatsTransport::new(host).unwrap().connection(options);
    transport.send(&mut Batch::from_events(numbered(0..3)))
}

#[test]
fn names_are_resolved_by_the_proxy_unless_it_shall_not() {
    let receiver = Receiver::start().unwrap();
    let proxy = Proxy::start(receiver.address(), None, 0);
    send("only-the-proxy-knows.invalid:5044", proxy.options()).unwrap();
    assert_eq!(receiver.events(), numbered(0..3));
    send("[::1]:5044", proxy.options()).unwrap();
    send("127.0.0.9:5044", proxy.options()).unwrap();
    send("localhost:5044", proxy.options().local_resolution(true)).unwrap();
    let asked = proxy.asked.lock().unwrap().clone();
    assert_eq!(asked[..3], ["only-the-proxy-knows.invalid 5044", "::1 5044", "127.0.0.9 5044"]);
    assert!(["127.0.0.1 5044", "::1 5044"].contains(&&*asked[3]), "{asked:?}");
    // No resolver asks the network for a label that long.
    let nameless = format!("{}.invalid", "x".repeat(64));
    let error = send(&nameless, proxy.options().local_resolution(true)).unwrap_err();
    assert!(error.to_string().contains("cannot resolve"), "{error}");
}

#[test]
fn user_and_password_are_given_where_they_are_wanted() {
    let receiver = Receiver::start().unwrap();
    let proxy = Proxy::start(receiver.address(), Some("secret"), 0);
    send("logstash", proxy.options().credentials("user", "secret")).unwrap();
    assert_eq!(receiver.events(), numbered(0..3));
    for (options, sign) in [
        (proxy.options(), "wants a user name"),
        (proxy.options().credentials("user", "wrong"), "does not accept"),
        (proxy.options().credentials("user", "x".repeat(256)), "255 bytes"),
    ] {
        assert!(!format!("{options:?}").contains("wrong"));
        let error = send("logstash", options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error_chain(&error).contains(sign), "{}", error_chain(&error));
    }
}

#[test]
fn what_the_proxy_answers_decides_whether_to_try_again() {
    let receiver = Receiver::start().unwrap();
    for (reply, kind) in [
        (1, ErrorKind::Unavailable),
        (2, ErrorKind::Misconfigured),
        (3, ErrorKind::Unavailable),
        (4, ErrorKind::Unavailable),
        (5, ErrorKind::Unavailable),
        (6, ErrorKind::Unavailable),
        (7, ErrorKind::Misconfigured),
        (8, ErrorKind::Misconfigured),
        (200, ErrorKind::Unavailable),
    ] {
        let proxy = Proxy::start(receiver.address(), None, reply);
        let error = send("logstash", proxy.options()).unwrap_err();
        assert_eq!(error.kind(), kind, "reply {reply}: {}", error_chain(&error));
    }
    // A peer of another protocol: the receiver itself closes, an HTTP server answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let error =
        send("logstash", Socks5Proxy::new("127.0.0.1", silent.local_addr().unwrap().port())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let port = silent.local_addr().unwrap().port();
    let http = thread::spawn(move || {
        let (_first, _) = silent.accept().unwrap();
        let (mut stream, _) = silent.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    let error = send("logstash", Socks5Proxy::new("127.0.0.1", port)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error_chain(&error).contains("no SOCKS5 proxy"), "{}", error_chain(&error));
    http.join().unwrap();
}

#[test]
fn a_probe_tells_of_the_proxy() {
    let receiver = Receiver::start().unwrap();
    let proxy = Proxy::start(receiver.address(), None, 0);
    let options = ConnectionOptions::new().proxy(proxy.options());
    let report = BeatsTransport::new("logstash").unwrap().connection(options).probe().unwrap();
    let names: Vec<_> = report.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["resolve", "connect", "proxy", "protocol"]);
}

#[cfg(feature = "http")]
#[test]
fn over_http_a_proxy_that_refuses_means_the_same() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (password, user, reply, kind) in [
        (Some("secret"), None, 0, ErrorKind::Misconfigured),
        (Some("secret"), Some("wrong"), 0, ErrorKind::Misconfigured),
        (None, None, 2, ErrorKind::Misconfigured),
        (None, None, 5, ErrorKind::Unavailable),
        (None, None, 7, ErrorKind::Misconfigured),
    ] {
        let proxy = Proxy::start(nobody, password, reply);
        let options = match user {
            Some(password) => proxy.options().credentials("user", password),
            None => proxy.options(),
        };
        let options = ConnectionOptions::new().proxy(options);
        let mut transport =
            logstash_transport::HttpTransport::new("http://logstash.invalid").unwrap().connection(options);
        let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
        assert_eq!(error.kind(), kind, "{password:?} {user:?} {reply}: {}", error_chain(&error));
        assert_eq!(transport.probe().unwrap_err().kind(), kind);
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_goes_through_the_proxy() {
    use crate::authority::Authority;
    use crate::tls_server::TlsServer;
    use logstash_transport::TlsConfig;

    let (receiver, ca) = (Receiver::start().unwrap(), Authority::new("ca"));
    let front = TlsServer::new(&ca.server(&["logstash.internal"])).in_front_of(receiver.address());
    let proxy = Proxy::start(front.address(), None, 0);
    let options = ConnectionOptions::new().proxy(proxy.options()).tls(TlsConfig::new().ca_bytes(ca.pem()));
    let mut transport = BeatsTransport::new("logstash.internal").unwrap().connection(options);
    transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
    assert_eq!(receiver.events(), numbered(0..3));
    assert_eq!(front.first().unwrap().name.as_deref(), Some("logstash.internal"));
}

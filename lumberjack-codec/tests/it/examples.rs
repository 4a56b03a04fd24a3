//! The examples, against each other on loopback.

#[allow(dead_code, reason = "its main is not called here")]
#[path = "../../examples/echo_server.rs"]
mod echo_server;
#[allow(dead_code, reason = "its main is not called here")]
#[path = "../../examples/send_file.rs"]
mod send_file;
#[allow(dead_code, reason = "its main is not called here")]
#[path = "../../examples/tokio_client.rs"]
mod tokio_client;
#[allow(dead_code, reason = "its main is not called here")]
#[path = "../../examples/tokio_server.rs"]
mod tokio_server;

use lumberjack_codec::Payload;
use std::io::{Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

fn documents(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{{\"message\":\"line {n}\"}}")).collect()
}

fn lines(count: usize) -> String {
    documents(count).join("\n") + "\n"
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_file_arrives_at_the_echo_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let mut out = Vec::new();
        echo_server::serve(listener.accept().unwrap().0, &mut out).unwrap();
        out
    });
    let input = format!("\n{}\n", lines(5000));
    let sent = send_file::send(TcpStream::connect(address).unwrap(), Cursor::new(input)).unwrap();
    assert_eq!(sent, 5000);
    assert_eq!(String::from_utf8(server.join().unwrap()).unwrap(), lines(5000));
}

#[test]
fn the_echo_server_prints_only_whole_windows() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}2W\0\0\0\x022J\0\0\0\x01\0\0\0\x02{}").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut out = Vec::new();
    echo_server::serve(listener.accept().unwrap().0, &mut out).unwrap();
    assert_eq!(out, b"{}\n");
}

#[test]
fn the_echo_server_prints_events_of_version_1_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"1W\0\0\0\x011D\0\0\0\x01\0\0\0\x01\0\0\0\x01k\0\0\0\x01v").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut out = Vec::new();
    echo_server::serve(listener.accept().unwrap().0, &mut out).unwrap();
    assert_eq!(out, b"[(b\"k\", b\"v\")]\n");
}

/// A good window, then more garbage than is read at once. The answer to the window must arrive.
fn send_garbage(address: std::net::SocketAddr) -> Vec<u8> {
    let mut client = TcpStream::connect(address).unwrap();
    let mut bytes = b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}".to_vec();
    bytes.resize(300_000, b'?');
    client.write_all(&bytes).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn input_that_is_not_read_does_not_turn_the_close_of_the_servers_into_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || send_garbage(address));
    echo_server::serve(listener.accept().unwrap().0, &mut Vec::new()).unwrap();
    assert_eq!(client.join().unwrap(), b"2A\0\0\0\x01");

    let client = thread::spawn(move || send_garbage(address));
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    runtime().block_on(async {
        let server = tokio::net::TcpStream::from_std(server).unwrap();
        tokio_server::serve(server, |_| async {}).await.unwrap();
    });
    assert_eq!(client.join().unwrap(), b"2A\0\0\0\x01");
}

#[test]
fn the_sender_reports_a_server_that_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n").unwrap();
    let error = send_file::send(stream, Cursor::new(lines(1))).unwrap_err();
    assert!(error.to_string().contains("the peer speaks HTTP"), "{error}");
}

#[test]
fn client_and_server_on_tokio_understand_each_other() {
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (stored, mut received) = tokio::sync::mpsc::unbounded_channel();
        let store = move |events: Vec<Payload>| {
            stored.send(events).unwrap();
            async {}
        };
        let sent = documents(10_000);
        let (served, acknowledged) = tokio::join!(tokio_server::serve(server, store), async {
            let acknowledged = tokio_client::send(&mut client, &sent).await;
            drop(client);
            acknowledged
        });
        served.unwrap();
        assert_eq!(acknowledged.unwrap(), sent.len());
        let mut all = Vec::new();
        while let Some(events) = received.recv().await {
            all.extend(events.iter().map(|event| event.as_json().unwrap().clone()));
        }
        assert_eq!(all, sent);
    });
}

#[test]
fn the_file_arrives_at_the_server_on_tokio() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sender =
        thread::spawn(move || send_file::send(TcpStream::connect(address).unwrap(), Cursor::new(lines(100))));
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    let mut count = 0;
    runtime().block_on(async {
        let server = tokio::net::TcpStream::from_std(server).unwrap();
        let store = |events: Vec<Payload>| {
            count += events.len();
            async {}
        };
        tokio_server::serve(server, store).await.unwrap();
    });
    assert_eq!(count, 100);
    assert_eq!(sender.join().unwrap().unwrap(), 100);
}

//! Any start of a connection: what it says of the client is the same however it arrives, nothing behind the header is
//! read, and nothing that is cut off is a header.
//!
//! Input: a number that cuts are made of, then the stream.

#![cfg_attr(fuzzing, no_main)]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, ReadBuf};

/// No part of what the crate offers.
#[path = "../../src/relay/input/proxy_protocol.rs"]
mod header;
use header::Client;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| run(input));

/// Runs the files that are named, such as what the fuzzer found.
#[cfg(not(fuzzing))]
#[allow(dead_code, reason = "the tests call run themselves")]
fn main() -> std::io::Result<()> {
    for file in std::env::args_os().skip(1) {
        run(&std::fs::read(file)?);
    }
    Ok(())
}

pub(crate) fn run(input: &[u8]) {
    let Some((cuts, stream)) = input.split_first() else {
        return;
    };
    let (whole, length) = read(stream, stream.len());
    let step = usize::from(cuts % 16) + 1;
    assert_eq!(read(stream, step), (whole.clone(), length), "in steps of {step}");
    assert_eq!(read(stream, 1), (whole.clone(), length), "byte by byte");
    assert!(
        length <= if stream.first() == Some(&b'P') { 107 } else { 16 + 16 * 1024 },
        "{length} bytes are read"
    );

    let client = match whole {
        Ok(client) => client,
        Err(error) => return assert!(error.len() < 1000, "an error of bounded length"),
    };
    let header = &stream[..length];
    assert_eq!(read(header, step), (Ok(client), length), "without what follows it");
    match client {
        Client::Gone => assert!(stream.is_empty()),
        Client::At(_) | Client::Unknown => {
            let cut = usize::from(*cuts) * length / 256;
            assert!(
                cut == 0 || read(&header[..cut], step).0.is_err(),
                "{cut} of {length} bytes are a header"
            );
        }
    }
    if let Client::At(address) = client {
        for header in [line(address), binary(address)] {
            assert_eq!(read(&header, step), (Ok(client), header.len()), "{}", header.escape_ascii());
        }
    }
}

/// Whose connection it is, or what is wrong, and how many bytes that took.
fn read(stream: &[u8], step: usize) -> (Result<Client, String>, usize) {
    let mut pieces = Pieces { rest: stream, step, is_due: false };
    let client = {
        let mut future = pin!(header::read(&mut pieces));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // The stream has more at every second look.
            if let Poll::Ready(client) = future.as_mut().poll(&mut context) {
                break client;
            }
        }
    };
    (client.map_err(|error| error.to_string()), stream.len() - pieces.rest.len())
}

/// A stream that comes in pieces of so many bytes, each of which has to be waited for.
struct Pieces<'s> {
    rest: &'s [u8],
    step: usize,
    is_due: bool,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_due = !self.is_due;
        if self.is_due {
            return Poll::Pending;
        }
        let length = self.rest.len().min(self.step).min(buffer.remaining());
        let (piece, rest) = self.rest.split_at(length);
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

/// Version 1.
fn line(client: SocketAddr) -> Vec<u8> {
    let (family, to) = if client.is_ipv4() { ("TCP4", "0.0.0.0") } else { ("TCP6", "::") };
    format!("PROXY {family} {} {to} {} 0\r\n", client.ip(), client.port()).into_bytes()
}

/// Version 2.
fn binary(client: SocketAddr) -> Vec<u8> {
    let (family, address) = match client.ip() {
        IpAddr::V4(address) => (0x11, address.octets().to_vec()),
        IpAddr::V6(address) => (0x21, address.octets().to_vec()),
    };
    let to = vec![0xff; address.len()];
    let length = [0, 2 * address.len() as u8 + 4];
    [
        &b"\r\n\r\n\0\r\nQUIT\n\x21"[..],
        &[family],
        &length,
        &address,
        &to,
        &client.port().to_be_bytes(),
        &[0, 1],
    ]
    .concat()
}

//! The PROXY protocol, versions 1 and 2: load balancers tell in front of a connection whose it is.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Whose connection it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Client {
    At(SocketAddr),
    /// The balancer's own, or that of somebody it knows nothing of.
    Unknown,
    /// Nobody's: it ended without a byte, as balancers have it that look whether somebody listens.
    Gone,
}

/// Reads the header, and nothing of what follows it.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Client> {
    let mut start = [0; SIGNATURE.len()];
    let (first, others) = start.split_at_mut(1);
    if let Ok(0) | Err(_) = stream.read(first).await {
        return Ok(Client::Gone);
    }
    stream.read_exact(others).await?;
    if start == SIGNATURE {
        return read_binary(stream).await;
    }
    if !start.starts_with(b"PROXY ") {
        return Err(wrong("it begins with no header of the PROXY protocol"));
    }
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_LINE {
            return Err(wrong("its PROXY header has no end"));
        }
        line.push(stream.read_u8().await?);
    }
    of_line(&line).ok_or_else(|| wrong(&format!("its PROXY header is wrong: {}", line.escape_ascii())))
}

/// Version 1: `PROXY TCP4 192.0.2.7 198.51.100.1 56324 5044`.
fn of_line(line: &[u8]) -> Option<Client> {
    let line = str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?;
    let words: Vec<&str> = line.split(' ').collect();
    match *words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => Some(Client::Unknown),
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, port, destination_port] => {
            let (address, other): (IpAddr, IpAddr) = (source.parse().ok()?, destination.parse().ok()?);
            let (port, _): (u16, u16) = (port.parse().ok()?, destination_port.parse().ok()?);
            let is_right = address.is_ipv4() == (family == "TCP4") && address.is_ipv4() == other.is_ipv4();
            is_right.then(|| Client::At(SocketAddr::new(address, port)))
        }
        _ => None,
    }
}

/// Version 2, behind its signature.
async fn read_binary<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Client> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [command, family, length @ ..] = head;
    let length = usize::from(u16::from_be_bytes(length));
    if length > LONGEST_BODY {
        return Err(wrong(&format!("its PROXY header has {length} bytes, more than {LONGEST_BODY}")));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    match (command, family) {
        (LOCAL, _) => Ok(Client::Unknown),
        (PROXY, TCP_OVER_IPV4 | TCP_OVER_IPV6) => {
            of_body(&body, family).ok_or_else(|| wrong("its PROXY header has no room for addresses"))
        }
        (PROXY, _) => Ok(Client::Unknown),
        _ => Err(wrong(&format!("its PROXY header has the unknown version and command {command:#04x}"))),
    }
}

/// Both addresses, then both ports; what follows says more than is asked.
fn of_body(body: &[u8], family: u8) -> Option<Client> {
    let (address, ports): (IpAddr, _) = if family == TCP_OVER_IPV4 {
        let (addresses, ports) = body.split_first_chunk::<8>()?;
        (Ipv4Addr::from(*addresses.first_chunk::<4>()?).into(), ports)
    } else {
        let (addresses, ports) = body.split_first_chunk::<32>()?;
        (Ipv6Addr::from(*addresses.first_chunk::<16>()?).into(), ports)
    };
    let ports = ports.first_chunk::<4>()?;
    Some(Client::At(SocketAddr::new(address, u16::from_be_bytes(*ports.first_chunk::<2>()?))))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Of version 1, with its end.
const LONGEST_LINE: usize = 107;

/// Of version 2, which may hold the certificate of the client, too.
const LONGEST_BODY: usize = 16 * 1024;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read, and what is left for whoever comes next.
    fn read_all(bytes: &[u8]) -> Result<(Client, &[u8]), String> {
        let mut rest = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let client = runtime.block_on(read(&mut rest)).map_err(|error| error.to_string())?;
        Ok((client, rest))
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    fn at(address: &str) -> Client {
        Client::At(address.parse().unwrap())
    }

    #[test]
    fn headers_are_read_and_nothing_behind_them() {
        let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x13, 0xb4];
        let v6 =
            [&Ipv6Addr::LOCALHOST.octets()[..], &Ipv6Addr::UNSPECIFIED.octets(), &[0, 80, 0, 1]].concat();
        let more = [&v4[..], b"\x04\0\x01x"].concat();
        let cases = [
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 5044\r\n".to_vec(), at("192.0.2.7:56324")),
            (b"PROXY TCP6 2001:db8::7 ::1 1 65535\r\n".to_vec(), at("[2001:db8::7]:1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), Client::Unknown),
            (b"PROXY UNKNOWN ff:ff::1 ff::2 65535 65535\r\n".to_vec(), Client::Unknown),
            (binary(PROXY, TCP_OVER_IPV4, &v4), at("192.0.2.7:56324")),
            (binary(PROXY, TCP_OVER_IPV4, &more), at("192.0.2.7:56324")),
            (binary(PROXY, TCP_OVER_IPV6, &v6), at("[::1]:80")),
            (binary(PROXY, 0x31, &[0; 216]), Client::Unknown),
            (binary(PROXY, 0, &[]), Client::Unknown),
            (binary(LOCAL, 0, &[]), Client::Unknown),
            (binary(LOCAL, TCP_OVER_IPV4, &v4), Client::Unknown),
        ];
        for (header, client) in cases {
            let bytes = [&header[..], b"PROXY, but not the header\r\n"].concat();
            let read = read_all(&bytes);
            assert_eq!(read, Ok((client, &bytes[header.len()..])), "{}", header.escape_ascii());
            for length in 1..header.len() {
                assert!(read_all(&header[..length]).is_err(), "{length} bytes of {}", header.escape_ascii());
            }
        }
        assert_eq!(read_all(b"").unwrap().0, Client::Gone);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let endless = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat();
        let cases = [
            (b"<13>a line of syslog\n".to_vec(), "begins with no header"),
            (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0".to_vec(), "begins with no header"),
            (endless, "has no end"),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n".to_vec(), "is wrong: PROXY TCP4"),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 99999\r\n".to_vec(), "is wrong"),
            (b"PROXY TCP4 ::1 ::1 1 2\r\n".to_vec(), "is wrong"),
            (b"PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n".to_vec(), "is wrong"),
            (b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n".to_vec(), "is wrong"),
            (b"PROXY \xff\xff\xff\xff\xff\xff\r\n".to_vec(), "is wrong"),
            (binary(PROXY, TCP_OVER_IPV4, &[0; 11]), "no room for addresses"),
            (binary(PROXY, TCP_OVER_IPV6, &[0; 35]), "no room for addresses"),
            (binary(0x22, TCP_OVER_IPV4, &[0; 12]), "command 0x22"),
            (binary(0x11, TCP_OVER_IPV4, &[0; 12]), "command 0x11"),
            (binary(PROXY, TCP_OVER_IPV4, &[0; LONGEST_BODY + 1]), "more than"),
        ];
        for (bytes, sign) in cases {
            let error = read_all(&bytes).unwrap_err();
            assert!(error.contains(sign), "{}: {error}", bytes.escape_ascii());
        }
    }
}

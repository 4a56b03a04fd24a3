//! Bytes on the wire and memory: they do not depend on the load of the machine, so one run tells them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::super::comparison::Comparison;
use super::{AREA, Contender, Load, PATIENCE, Peers};
use crate::failure::{Failure, Trying};
use crate::peers::Sent;
use crate::usage::Memory;

/// Compares ours, with the default number of windows in flight, with every peer.
pub(super) fn compare(peers: &Peers, load: &Load<'_>) -> Result<Vec<Comparison>, Failure> {
    let mut usages = Vec::new();
    // Ours as it is by default, and the others as they are closest to it.
    let wanted = |contender: &Contender| match contender.is_ours() {
        true => contender.in_flight == 2,
        false => contender.in_flight <= 2,
    };
    for contender in peers.contenders(load.case).into_iter().filter(wanted) {
        usages.push((contender, usage(peers, contender, load)?));
    }
    let Some((_, own)) = usages.iter().find(|(contender, _)| contender.is_ours()) else {
        return Ok(Vec::new());
    };
    let mut comparisons = Vec::new();
    for (rival, theirs) in usages.iter().filter(|(contender, _)| !contender.is_ours()) {
        for (unit, ours, theirs) in [
            ("bytes/event on the wire", own.bytes, theirs.bytes),
            ("MB of memory", own.memory, theirs.memory),
        ] {
            comparisons.push(Comparison {
                area: AREA,
                name: format!("documents, {} B, level {}", load.case.size, load.case.level),
                peer: rival.library.name(),
                unit,
                higher_is_better: false,
                runs: vec![(ours, theirs)],
            });
        }
    }
    Ok(comparisons)
}

#[derive(Clone, Copy, Debug)]
struct Usage {
    /// On the way to the server, per event.
    bytes: f64,
    /// At the peak, with the documents that were read before, in MB.
    memory: f64,
}

fn usage(peers: &Peers, contender: Contender, load: &Load<'_>) -> Result<Usage, Failure> {
    let (address, bytes) = counting(load.address)?;
    let mut process = contender.start(peers, &Load { address, ..*load })?;
    let peak = peak_memory(process.id());
    Sent::expect(&mut process, PATIENCE)?;
    Ok(Usage {
        bytes: bytes.load(Ordering::Relaxed) as f64 / load.events as f64,
        memory: peak.join().unwrap_or_default() as f64 / 1e6,
    })
}

/// Forwards one connection and counts what goes to the server.
fn counting(server: SocketAddr) -> Result<(SocketAddr, Arc<AtomicU64>), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").trying("cannot listen for a client")?;
    let address = listener.local_addr().trying("cannot tell the port")?;
    let bytes = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&bytes);
    thread::spawn(move || -> io::Result<()> {
        let (client, _) = listener.accept()?;
        let server = TcpStream::connect(server)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        let (answers, back) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || forward(answers, back, |_| {}));
        forward(client, server, |length| {
            counter.fetch_add(length as u64, Ordering::Relaxed);
        })
    });
    Ok((address, bytes))
}

fn forward(mut from: TcpStream, mut to: TcpStream, mut count: impl FnMut(usize)) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        count(length);
        to.write_all(&buffer[..length])?;
    }
}

/// Looks at the peak of a process until it ends, because afterwards nobody knows it.
fn peak_memory(process: u32) -> thread::JoinHandle<u64> {
    thread::spawn(move || {
        let mut peak = 0;
        while let Ok(memory) = Memory::of(process) {
            peak = memory.peak;
            thread::sleep(Duration::from_millis(2));
        }
        peak
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_the_server_is_counted() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, bytes) = counting(server.local_addr().unwrap()).unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let (mut served, _) = server.accept().unwrap();
        client.write_all(b"question").unwrap();
        served.read_exact(&mut [0; 8]).unwrap();
        served.write_all(b"answers do not count").unwrap();
        client.read_exact(&mut [0; 20]).unwrap();
        assert_eq!(bytes.load(Ordering::Relaxed), 8);
    }
}

//! Lumberjack servers and clients of other Rust crates behind one command line, for `cargo xtask integration` and
//! `cargo xtask bench`.
//!
//! ```text
//! rust-peer LIBRARY server -out FILE     every event as one line in FILE, written before its window is acknowledged
//! rust-peer LIBRARY client -addr HOST:PORT -in FILE
//! rust-peer LIBRARY version              the version of the library
//! ```
//!
//! LIBRARY is `ferro-lumberjack` or `lumberjack-protocol`. Every mode ends when its standard input ends, so that it
//! cannot outlive the process that started it.

use std::env;
use std::error::Error;
use std::future::Future;
use std::io;
use std::process::{self, ExitCode};
use std::thread;

mod client;
mod ferro;
mod flags;
mod lumberjack_protocol;
mod server;

use flags::Flags;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let (Some(library), Some(mode)) = (arguments.next(), arguments.next()) else {
        return Err("usage: rust-peer LIBRARY server|client|version [FLAGS]".into());
    };
    let flags = Flags::parse(arguments)?;
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(3);
    });
    match (library.as_str(), mode.as_str()) {
        ("ferro-lumberjack", "server") => block_on(ferro::serve(&flags)),
        ("ferro-lumberjack", "client") => block_on(client::send::<ferro::Sender>(&flags)),
        ("lumberjack-protocol", "server") => block_on(lumberjack_protocol::serve(&flags)),
        ("lumberjack-protocol", "client") => block_on(client::send::<lumberjack_protocol::Sender>(&flags)),
        (library, "version") => {
            println!("{}", version(library).ok_or_else(|| format!("{library} is not built in"))?);
            Ok(())
        }
        (library, mode) => Err(format!("there is no {mode} of {library}").into()),
    }
}

fn block_on(work: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The version that the lock file of this program names.
fn version(library: &str) -> Option<&'static str> {
    let name = format!("name = \"{library}\"");
    let mut lines = include_str!("../Cargo.lock").lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

//! The client of the crate `ferro-lumberjack` behind a command line, for `cargo xtask bench`.
//!
//! `ferro-peer HOST:PORT FILE WINDOW LEVEL` sends the lines of the file in windows and prints
//! `acked EVENTS SECONDS`: the seconds run from the connection attempt to the last acknowledgement.

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::process;
use std::thread;
use std::time::Instant;

use ferro_lumberjack::client::ClientBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, file, window, level] = arguments.as_slice() else {
        return Err("usage: ferro-peer HOST:PORT FILE WINDOW LEVEL".into());
    };
    let window: usize = window.parse()?;
    let level: u32 = level.parse()?;

    // Standard input ends with the process that started this one.
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(3);
    });

    let events: Vec<Vec<u8>> = fs::read(file)?
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    // The client takes its events by value: the windows are cut before the clock starts.
    let windows: Vec<Vec<Vec<u8>>> = events
        .chunks(window.max(1))
        .map(<[Vec<u8>]>::to_vec)
        .collect();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let started = Instant::now();
        let mut client = ClientBuilder::new()
            .add_host(address)
            .compression_level(level)
            .connect()
            .await?;
        let mut acked = 0;
        for window in windows {
            acked += client.send_json(window).await?;
        }
        println!("acked {acked} {}", started.elapsed().as_secs_f64());
        Ok(())
    })
}

//! The client of the crate `ferro-lumberjack` behind a command line, for `cargo xtask bench`.
//!
//! `ferro-peer HOST:PORT FILE WINDOW LEVEL encode|ready` sends the lines of the file, JSON documents, in windows and
//! prints `acked EVENTS SECONDS`: the seconds run from the connection attempt to the last acknowledgement. With
//! `encode` the documents are decoded before the clock starts and encoded while it runs, as a program that logs has
//! to do it; with `ready` they are sent as they are.

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::process;
use std::thread;
use std::time::Instant;

use ferro_lumberjack::client::ClientBuilder;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, file, window, level, encoding] = arguments.as_slice() else {
        return Err("usage: ferro-peer HOST:PORT FILE WINDOW LEVEL encode|ready".into());
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
    // The client takes its events by value: windows are cut before the clock starts.
    let windows: Vec<Vec<Vec<u8>>> = events.chunks(window.max(1)).map(<[Vec<u8>]>::to_vec).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match encoding.as_str() {
        "ready" => runtime.block_on(send(address, level, windows, Ok)),
        "encode" => {
            let values: Vec<Vec<Value>> = windows
                .iter()
                .map(|window| window.iter().map(|event| serde_json::from_slice(event)).collect())
                .collect::<Result<_, _>>()?;
            runtime.block_on(send(address, level, values, |window| {
                window.iter().map(serde_json::to_vec).collect()
            }))
        }
        other => Err(format!("`{other}` is neither `encode` nor `ready`").into()),
    }
}

async fn send<W>(
    address: &str,
    level: u32,
    windows: Vec<W>,
    encode: impl Fn(W) -> Result<Vec<Vec<u8>>, serde_json::Error>,
) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let mut client = ClientBuilder::new().add_host(address).compression_level(level).connect().await?;
    let mut acked = 0;
    for window in windows {
        acked += client.send_json(encode(window)?).await?;
    }
    println!("acked {acked} {}", started.elapsed().as_secs_f64());
    Ok(())
}

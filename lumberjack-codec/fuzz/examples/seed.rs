//! Writes the seeds of the corpus from the conformance vectors: `cargo run --example seed`.
//!
//! Of the vectors that decode to the same kinds of frames, or to the same error, one is taken.

use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vectors: Vec<Value> = serde_json::from_slice(&fs::read(root.join("../tests/data/vectors.json"))?)
        .map_err(io::Error::other)?;
    let corpus = Corpus { folder: root.join("corpus") };
    let mut shapes = HashSet::new();
    for vector in vectors.iter().filter(|vector| shapes.insert(shape(vector))) {
        let name = vector["name"].as_str().unwrap_or_default();
        let stream = unhex(vector["input_hex"].as_str().unwrap_or_default());
        if stream.len() > 300 {
            continue;
        }
        if vector["direction"] == "client_to_server" {
            corpus.write("decoder", name, &[&[0, 7], &stream[..]].concat())?;
            corpus.write("server", name, &server_seed(0, &stream))?;
        } else {
            corpus.write("decoder", name, &[&[3, 7], &stream[..]].concat())?;
            corpus.write("client", name, &client_seed(vector, &stream))?;
        }
    }
    let frames = b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x02{}2J\0\0\0\x02\0\0\0\x02{}";
    corpus.write("decoder", "content_of_compressed", &[&[16, 7], &frames[..]].concat())?;
    corpus.write("server", "content_of_compressed", &server_seed(1, frames))?;
    for (operation, name) in [(0, "windows_of_one"), (1, "windows_of_one_in_compressed")] {
        let mut seed = server_seed(operation, frames.get(6..).unwrap_or_default());
        if let Some(settings) = seed.first_mut() {
            *settings |= 16;
        }
        corpus.write("server", name, &seed)?;
    }
    let document = br#"{"message":"hello"}"#;
    for level in 0..10 {
        let mut seed = vec![level, 9, 0x55];
        for _ in 0..=level {
            seed.push(u8::try_from(document.len()).map_err(io::Error::other)?);
            seed.extend_from_slice(document);
        }
        corpus.write("encoder", &format!("level_{level}"), &seed)?;
    }
    Ok(())
}

struct Corpus {
    folder: std::path::PathBuf,
}

impl Corpus {
    fn write(&self, target: &str, name: &str, seed: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{name}.bin")), seed)
    }
}

/// What a vector is about: its error, or the kinds of its frames without repetitions.
fn shape(vector: &Value) -> String {
    let expect = &vector["expect"];
    let mut kinds: Vec<&str> =
        expect.as_array().into_iter().flatten().filter_map(|frame| frame["type"].as_str()).collect();
    kinds.dedup();
    format!(
        "{} {} {} {} {kinds:?}",
        vector["direction"], expect["error"], expect["what"], vector["incomplete"]
    )
}

/// The stream, then a timer, an acknowledgement of half a window and of two whole ones, a pause, the
/// end.
fn server_seed(operation: u8, stream: &[u8]) -> Vec<u8> {
    let mut seed = vec![5];
    for piece in stream.chunks(255) {
        seed.extend([operation, u8::try_from(piece.len()).unwrap_or(u8::MAX)]);
        seed.extend_from_slice(piece);
    }
    seed.extend([5, 3, 0, 1, 2, 1, 2, 0, 4, 30, 6]);
    seed
}

/// The windows that are in flight, then the stream, time, the end.
fn client_seed(vector: &Value, stream: &[u8]) -> Vec<u8> {
    let mut seed = vec![0b0001_0110];
    for events in vector["client_state"]["outstanding"].as_array().into_iter().flatten() {
        seed.extend([0, events.as_u64().and_then(|events| u8::try_from(events).ok()).unwrap_or(1)]);
    }
    seed.extend([5, 3, u8::try_from(stream.len()).unwrap_or(u8::MAX)]);
    seed.extend_from_slice(stream);
    seed.extend([4, 200, 7, 6]);
    seed
}

fn unhex(hex: &str) -> Vec<u8> {
    let digit = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..hex.len()).step_by(2).filter_map(digit).collect()
}

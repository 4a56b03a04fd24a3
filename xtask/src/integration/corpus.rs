//! Real text: the logs and the documentation of this machine, line by line through the formatter, the handler and
//! our client to the server of go-lumber.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logstash_format::{Event, Level, LogstashFormatter, Value};
use logstash_handler::queue::Queue;
use logstash_handler::{Handler, MemoryQueue, Overflow, SledQueue};

use super::case::Case;
use super::events::read_lines;
use super::our_client::connect;
use crate::failure::{Failure, fail};
use crate::peers::{GoLumber, ServerOptions, Serves};
use crate::workspace::Workspace;

pub(super) fn cases(go: &Arc<GoLumber>, workspace: &Workspace, scratch: &Path) -> Vec<Case> {
    let case = |name: &str, file: &str, ship: fn(&GoLumber, &[Text], &Path) -> Result<(), Failure>| {
        let (go, root, file) = (Arc::clone(go), workspace.root.clone(), scratch.join(file));
        Case::new(format!("logs and texts of this machine to its server, {name}"), move || {
            let texts = collect(&root)?;
            ship(&go, &texts, &file)?;
            compare(&texts, &file)
        })
    };
    vec![
        case("queue in memory, plain", "corpus-memory", |go, texts, file| {
            ship(go, texts, file, MemoryQueue::new(), 0)
        }),
        case("queue on disk, compressed", "corpus-sled", |go, texts, file| {
            let queue = SledQueue::open(file.with_extension("queue"))
                .map_err(|error| Failure::because("cannot open a queue on disk", error))?;
            ship(go, texts, file, queue, 3)
        }),
    ]
}

/// Logs each line through the handler, as an application would, and waits until everything is delivered.
fn ship(
    go: &GoLumber,
    texts: &[Text],
    file: &Path,
    queue: impl Queue + 'static,
    level: u32,
) -> Result<(), Failure> {
    let server = go.serve(&ServerOptions { out: Some(file), ..ServerOptions::default() })?;
    let formatter = LogstashFormatter::new().message_type("corpus");
    let (handler, guard) = Handler::builder(formatter, connect(server.address())?)
        .queue(queue)
        .compression_level(level)
        .overflow(Overflow::Block { timeout: PATIENCE })
        .start()
        .map_err(|error| Failure::because("the handler does not start", error))?;
    for text in texts {
        let path = text.path.to_string_lossy();
        let fields = [("file", Value::from(&*path))];
        for line in text.lines() {
            // A message is text: bytes that are not UTF-8 become U+FFFD, here as in any caller.
            let line = String::from_utf8_lossy(line);
            handler.emit(&Event::new(Level::Info, "corpus", &*line).fields(&fields));
        }
    }
    let flushed = handler.flush(PATIENCE);
    let report = guard.shutdown(PATIENCE);
    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    if !flushed.complete || report.acknowledged != lines as u64 {
        fail!("{lines} lines were logged: {report}");
    }
    Ok(())
}

/// Puts the files together again from what arrived.
fn compare(texts: &[Text], file: &Path) -> Result<String, Failure> {
    let mut received = read_lines(file)?.into_iter();
    let mut replaced = 0;
    for text in texts {
        replaced += compare_text(text, &mut received)?;
    }
    let surplus = received.count();
    if surplus > 0 {
        fail!("{surplus} events arrived that were not sent");
    }
    let bytes: usize = texts.iter().map(|text| text.bytes.len()).sum();
    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    Ok(format!(
        "{} files, {lines} lines, {bytes} bytes, put together again as they were; {replaced} lines are not UTF-8 \
         and arrived with replacement characters",
        texts.len()
    ))
}

/// Puts a file together again from the events that arrived and compares it; tells how many of its lines are not
/// UTF-8.
fn compare_text(text: &Text, received: &mut impl Iterator<Item = Vec<u8>>) -> Result<usize, Failure> {
    let path = text.path.display();
    let mut replaced = 0;
    for (number, line) in text.lines().enumerate() {
        let Some(document) = received.next() else {
            fail!("line {} of {path} and everything behind it did not arrive", number + 1);
        };
        let document: serde_json::Value = serde_json::from_slice(&document)
            .map_err(|error| Failure::because(format!("line {} of {path} is not JSON", number + 1), error))?;
        let message = document["message"].as_str().unwrap_or_default();
        let same = match str::from_utf8(line) {
            Ok(line) => line == message,
            Err(_) => {
                replaced += 1;
                String::from_utf8_lossy(line) == message
            }
        };
        if !same || document["extra"]["file"] != *text.path.to_string_lossy() {
            fail!("line {} of {path} arrived as {document}", number + 1);
        }
    }
    Ok(replaced)
}

/// A text file.
#[derive(Debug)]
struct Text {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Text {
    /// The lines without their line feeds; what follows the last line feed is a line too.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == b'\n')
    }
}

/// Reads logs, then licences and documentation, until there are enough lines; at last the texts at the root of
/// this workspace, which are everywhere.
fn collect(root: &Path) -> Result<Vec<Text>, Failure> {
    let mut files = Vec::new();
    for folder in ["/var/log", "/var/log/apt", "/usr/share/common-licenses"] {
        files.extend(listed(Path::new(folder)));
    }
    for folder in listed(Path::new("/usr/share/doc")) {
        files.extend(listed(&folder));
    }
    files.extend(listed(root));

    let mut texts = Vec::new();
    let mut lines = 0;
    for path in files {
        if lines >= ENOUGH {
            break;
        }
        if let Some(text) = read(path) {
            lines += text.lines().count();
            texts.push(text);
        }
    }
    if lines < TOO_FEW {
        fail!("only {lines} lines of text were found on this machine");
    }
    Ok(texts)
}

/// The file, if it is one, may be read, and holds text.
fn read(path: PathBuf) -> Option<Text> {
    let packed = path.extension().is_some_and(|extension| extension == "gz" || extension == "xz");
    let metadata = fs::metadata(&path).ok()?;
    if packed || !metadata.is_file() || metadata.len() == 0 || metadata.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(&path).ok()?;
    // Such as /var/log/lastlog, which is a table.
    (!bytes.contains(&0)).then_some(Text { path, bytes })
}

/// What lies in a folder, in order; nothing if there is no such folder.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

const ENOUGH: usize = 50_000;

const TOO_FEW: usize = 1_000;

/// Larger files are left out: there are enough others.
const LARGEST: u64 = 4 * 1024 * 1024;

const PATIENCE: Duration = Duration::from_secs(60);

//! Real text: the logs and the documentation of this machine, line by line through the formatter, the handler and
//! our client to the server of go-lumber.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::case::Case;
use crate::failure::{Failure, Trying, fail};
use crate::peers::GoLumber;
use crate::workspace::Workspace;

/// A text file and its lines.
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

/// Reads logs, then documentation, until there are enough lines; at last texts of this workspace, which are
/// everywhere.
fn collect(workspace: &Workspace) -> Result<Vec<Text>, Failure> {
    let mut files = Vec::new();
    for folder in ["/var/log", "/var/log/apt", "/usr/share/common-licenses"] {
        files.extend(listed(Path::new(folder)));
    }
    for folder in listed(Path::new("/usr/share/doc")) {
        files.extend(listed(&folder));
    }
    files.extend(listed(&workspace.root));

    let mut texts = Vec::new();
    let mut lines = 0;
    for path in files {
        if lines >= ENOUGH {
            break;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let packed = name.ends_with(".gz") || name.ends_with(".xz");
        let size = fs::metadata(&path).map_or(0, |metadata| if metadata.is_file() { metadata.len() } else { 0 });
        if packed || size == 0 || size > LARGEST {
            continue;
        }
        // A log that only root may read is none of ours.
        let Ok(bytes) = fs::read(&path) else { continue };
        if bytes.contains(&0) {
            continue; // such as /var/log/lastlog
        }
        let text = Text { path, bytes };
        lines += text.lines().count();
        texts.push(text);
    }
    if lines < 1_000 {
        fail!("only {lines} lines of text were found on this machine");
    }
    Ok(texts)
}

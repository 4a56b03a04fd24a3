//! Full files move on: `PATH` becomes `PATH.1`, that one `PATH.2`, and so on.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Moves the file away, keeping at most `keep` earlier ones.
///
/// Behind a symbolic link it is the file itself that moves, beside where it is.
///
/// Only the files before the first gap move, so that a rotation that a crash cut short, between two
/// renames, costs no file.
pub(super) fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    let path = &match fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) => return unless_gone(Err(error)),
    };
    if keep == 0 {
        return removed(path);
    }
    let gap = (1..keep).find(|number| fs::symlink_metadata(numbered(path, *number)).is_err());
    for number in (1..gap.unwrap_or(keep)).rev() {
        renamed(&numbered(path, number), &numbered(path, number + 1))?;
    }
    renamed(path, &numbered(path, 1))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// A file that is gone needs no moving.
fn renamed(from: &Path, to: &Path) -> io::Result<()> {
    unless_gone(fs::rename(from, to))
}

fn removed(path: &Path) -> io::Result<()> {
    unless_gone(fs::remove_file(path))
}

fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

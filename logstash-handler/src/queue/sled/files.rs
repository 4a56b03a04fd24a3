//! Directories and files as the queue needs them: private, and known to the disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// The file of sled, and of a [`Plain`](super::plain::Plain) generation.
pub(super) const DB: &str = "db";
pub(super) const LOG: &str = "log";

/// Creates a directory and its parents, for the owner alone. One that is there keeps its mode.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file for reading and writing; creates it, for the owner alone, if it is not there.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the access of others to a file away.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The numbers of the entries of a directory whose names are a prefix and a number, in order.
pub(super) fn numbered(path: &Path, prefix: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes a directory with all that is in it; what is left after a crash has the prefix `removed-`.
pub(super) fn remove_dir(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let renamed = path.with_file_name(format!("{REMOVED}{name}"));
    fs::rename(path, &renamed)?;
    fs::remove_dir_all(renamed)
}

/// Removes what a crash has left of [`remove_dir`].
pub(super) fn remove_leftovers(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(REMOVED) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

const REMOVED: &str = "removed-";

/// Whether an error says that there is no room.
pub(super) fn is_full(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened as a file, and its names need no sync.
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Makes the name of a directory durable, unless its parent may not be opened.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().map(sync_dir) {
        Some(Err(cause)) if cause.kind() != io::ErrorKind::PermissionDenied => Err(cause),
        _ => Ok(()),
    }
}

/// Bytes that the files below a directory take on the disk.
///
/// Files that vanish while it counts are left out.
pub(super) fn size_on_disk(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_on_disk(&entry.path()),
            Ok(metadata) => allocated(&metadata),
            Err(_) => 0,
        })
        .sum()
}

/// Bytes allocated to a file; its length may promise more, because the store leaves holes.
pub(super) fn allocated(metadata: &fs::Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(metadata) * 512;
    #[cfg(not(unix))]
    metadata.len()
}

/// Whether an open file still has a name.
#[cfg(unix)]
pub(super) fn is_linked(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().map_or(true, |metadata| metadata.nlink() > 0)
}

/// Whether an open file still has a name: it cannot be removed.
#[cfg(not(unix))]
pub(super) fn is_linked(_: &File) -> bool {
    true
}

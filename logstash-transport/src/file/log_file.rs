//! The file that is open for appending.

use crate::lines::Lines;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    /// As it was found, plus what was written.
    length: u64,
    is_regular: bool,
    /// Bytes of a line that a failed write left at the end.
    torn: u64,
    /// Whether the name of the file may not be on the disk. Who made the file need not have seen to it: it
    /// may have crashed, or have been a probe.
    name_unsynced: bool,
    synced: Instant,
    dirty: bool,
}

impl LogFile {
    /// Opens the file, creates it if it is not there, and ends its last line.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Ok(known) = fs::metadata(path) {
            refuse_streams(&known)?;
        }
        let file = private_options().open(path)?;
        let metadata = file.metadata()?;
        let mut opened = Self {
            file,
            length: metadata.len(),
            is_regular: metadata.is_file(),
            torn: 0,
            name_unsynced: true,
            synced: Instant::now(),
            dirty: false,
        };
        if opened.is_regular && opened.length > 0 {
            let mut last = [0];
            opened.file.seek(SeekFrom::End(-1))?;
            opened.file.read_exact(&mut last)?;
            if last != *b"\n" {
                opened.end_line()?;
            }
        }
        Ok(opened)
    }

    /// The file if it is the one that the path names, with what others did to its length.
    pub(super) fn if_still_at(mut self, path: &Path) -> Option<Self> {
        let there = fs::metadata(path).ok()?;
        if !is_same(&self.file.metadata().ok()?, &there) {
            return None;
        }
        // A torn line is where it is, whatever others have written behind it.
        if self.torn == 0 {
            self.length = there.len();
        }
        Some(self)
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) const fn is_regular(&self) -> bool {
        self.is_regular
    }

    /// Time since the last sync, as far as there is something to sync.
    pub(super) fn since_sync(&self) -> Duration {
        if self.dirty { self.synced.elapsed() } else { Duration::ZERO }
    }

    /// Writes the lines; also after an error, they know how far that came.
    pub(super) fn append(&mut self, lines: &mut Lines) -> io::Result<()> {
        self.take_back_torn_line()?;
        let result = self.write(lines);
        self.torn = lines.torn() as u64;
        if result.is_err() {
            // Tried again before the next line if it fails now.
            let _ = self.take_back_torn_line();
        }
        result
    }

    /// Puts what was written on the disk, and the name of the file if it is new.
    pub(super) fn sync(&mut self, path: &Path) -> io::Result<()> {
        if self.dirty && self.is_regular {
            self.file.sync_data()?;
            if self.name_unsynced {
                sync_folder_of(path)?;
                self.name_unsynced = false;
            }
        }
        self.synced = Instant::now();
        self.dirty = false;
        Ok(())
    }

    fn write(&mut self, lines: &mut Lines) -> io::Result<()> {
        while !lines.rest().is_empty() {
            match self.file.write(lines.rest()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    lines.advance(written);
                    self.length += written as u64;
                    self.dirty = true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Cuts off a line that was written in part; ends it where others have written behind it.
    fn take_back_torn_line(&mut self) -> io::Result<()> {
        if self.torn == 0 {
            return Ok(());
        }
        let at_the_end = self.is_regular && self.file.metadata()?.len() == self.length;
        // Windows lets nobody shorten a file that is open for appending.
        if at_the_end && self.file.set_len(self.length - self.torn).is_ok() {
            self.length -= self.torn;
        } else {
            self.end_line()?;
        }
        self.torn = 0;
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.file.write_all(b"\n")?;
        self.length += 1;
        self.dirty = true;
        Ok(())
    }
}

/// The length of the file, if it can be opened or made. Leaves everything as it was.
pub(super) fn probe(path: &Path) -> io::Result<u64> {
    let mut path = PathBuf::from(path);
    for _ in 0..LINKS {
        match probe_existing(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        match probe_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| 0),
        }
        // A link to a file that is not there: that one would be made. Otherwise somebody has just made it.
        if let Ok(target) = fs::read_link(&path) {
            path = path.parent().unwrap_or_else(|| Path::new("")).join(target);
        }
    }
    Err(io::Error::other("it links to links without an end"))
}

fn probe_existing(path: &Path) -> io::Result<u64> {
    refuse_streams(&fs::metadata(path)?)?;
    Ok(private_options().create(false).open(path)?.metadata()?.len())
}

/// Makes the file and removes it: whoever writes to it later may be another user, and could not open it.
fn probe_new(path: &Path) -> io::Result<()> {
    let file = private_options().create_new(true).open(path)?;
    let made = file.metadata()?;
    // It cannot be removed there while it is open; elsewhere that keeps its number from being used again.
    #[cfg(windows)]
    drop(file);
    let is_ours = |there: Metadata| is_same(&made, &there) && there.len() == 0;
    if fs::symlink_metadata(path).is_ok_and(is_ours) {
        let _ = fs::remove_file(path);
    }
    Ok(())
}

/// Makes the names in the folder of a file durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and its names need no sync.
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Others may read and write (FILE_SHARE_READ, FILE_SHARE_WRITE), but neither remove nor rename it: that
    // could not be noticed.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 1 | 2);
    options
}

/// Opening a named pipe would wait for its reader, perhaps for ever.
fn refuse_streams(metadata: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() || kind.is_socket() || kind.is_block_device() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a file nor a device"));
        }
    }
    #[cfg(not(unix))]
    let _ = metadata;
    Ok(())
}

fn is_same(open: &Metadata, there: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (open.dev(), open.ino()) == (there.dev(), there.ino())
    }
    // Elsewhere an open file can be neither removed nor renamed.
    #[cfg(not(unix))]
    {
        let _ = (open, there);
        true
    }
}

/// How many links after each other are followed, as by Linux.
const LINKS: u32 = 40;

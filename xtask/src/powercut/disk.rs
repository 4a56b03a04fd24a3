//! A file system in a file, and what of it has reached the disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Trying};
use crate::process;

/// A mounted ext4 image; unmounted when it is dropped.
#[derive(Debug)]
pub(super) struct Disk {
    image: PathBuf,
    mounted: PathBuf,
    folder: PathBuf,
    /// Copies that were made.
    copies: u32,
}

impl Disk {
    /// Makes a disk and gives it up again, to see whether that is possible.
    pub(super) fn try_out(folder: &Path) -> Result<(), Failure> {
        Self::new(&folder.join("trial")).map(drop)
    }

    /// A new, empty disk.
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder).trying(format_args!("cannot make {}", folder.display()))?;
        let image = folder.join("image-0");
        let file = File::create(&image).and_then(|file| file.set_len(SIZE));
        file.trying(format_args!("cannot make {}", image.display()))?;
        process::output(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image), PATIENCE)?;
        Self::mount(folder, image, 0)
    }

    fn mount(folder: &Path, image: PathBuf, copies: u32) -> Result<Self, Failure> {
        let mounted = folder.join(format!("mounted-{copies}"));
        fs::create_dir_all(&mounted).trying(format_args!("cannot make {}", mounted.display()))?;
        process::output(Command::new("mount").args(["-o", "loop"]).args([&image, &mounted]), PATIENCE)?;
        Ok(Self { image, mounted, folder: folder.to_owned(), copies })
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> &Path {
        &self.mounted
    }

    /// Copies the image: what has reached the disk by now, and not what the kernel still keeps to itself.
    pub(super) fn copy(&self) -> Result<Copy, Failure> {
        let image = self.folder.join(format!("image-{}", self.copies + 1));
        process::output(Command::new("cp").arg("--sparse=always").args([&self.image, &image]), PATIENCE)?;
        Ok(Copy { image })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What it writes now is of no interest any more.
        let unmounted = process::output(Command::new("umount").arg(&self.mounted), PATIENCE);
        if let Err(failure) = unmounted {
            eprintln!("cannot unmount {}: {failure}", self.mounted.display());
        }
        let _ = fs::remove_file(&self.image);
    }
}

/// The image of a disk at the moment of the power cut.
#[derive(Debug)]
pub(super) struct Copy {
    image: PathBuf,
}

impl Copy {
    /// Mounts it in the place of the disk that it is a copy of.
    pub(super) fn swap(self, before: Disk) -> Result<Disk, Failure> {
        let (folder, copies) = (before.folder.clone(), before.copies + 1);
        drop(before);
        Disk::mount(&folder, self.image, copies)
    }
}

const SIZE: u64 = 256 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Trying};
use crate::process;
use crate::workspace::Workspace;

/// Packages of Debian, unpacked below `target/peers/` where they are not installed: two syslog daemons cannot be
/// installed at once, and one that is installed is also started.
#[derive(Debug)]
pub(super) struct Packages {
    root: PathBuf,
}

impl Packages {
    /// Downloads and unpacks the packages and what they need, as far as it is not installed; takes what is there from
    /// an earlier run. Without apt, there is what is installed.
    pub(super) fn prepare(workspace: &Workspace, names: &[&str]) -> Result<Self, Failure> {
        let folder = workspace.peer_target()?.join(names.join("+"));
        let packages = Self { root: folder.join("root") };
        let unpacked = folder.join("unpacked");
        if unpacked.exists() || !process::is_installed("apt-get", "--version") {
            return Ok(packages);
        }

        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::because(format_args!("cannot remove {}", folder.display()), error));
            }
            _ => {}
        }
        fs::create_dir_all(&packages.root).trying(format_args!("cannot make {}", packages.root.display()))?;
        let missing = missing(names)?;
        if !missing.is_empty() {
            let mut download = Command::new("apt-get");
            download.current_dir(&folder).args(["--quiet", "download"]).args(missing);
            process::output(&mut download, DOWNLOAD)?;
        }
        for package in fs::read_dir(&folder).trying(format_args!("cannot read {}", folder.display()))? {
            let path = package.trying(format_args!("cannot read {}", folder.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                let mut unpack = Command::new("dpkg-deb");
                process::output(unpack.arg("--extract").arg(&path).arg(&packages.root), DOWNLOAD)?;
            }
        }
        // Last, so that what was cut off is begun anew.
        fs::write(&unpacked, names.join("\n")).trying(format_args!("cannot write {}", unpacked.display()))?;
        Ok(packages)
    }

    /// A program for administrators, with its libraries.
    pub(super) fn command(&self, program: &str) -> Command {
        let unpacked = self.root.join("usr/sbin").join(program);
        let mut command = Command::new(if unpacked.exists() {
            unpacked
        } else {
            // Often not on the PATH of those who are not root.
            Path::new("/usr/sbin").join(program)
        });
        let libraries = ["usr/lib", "lib"].map(|folder| by_machine(&self.root.join(folder))).concat();
        if let Ok(path) = env::join_paths(libraries.into_iter().chain([self.root.join("usr/lib/syslog-ng")]))
        {
            command.env("LD_LIBRARY_PATH", path);
        }
        command
    }

    /// The folders of that name among the libraries, unpacked and installed, and the folders in them, as a search
    /// path.
    pub(super) fn search_path(&self, name: &str) -> OsString {
        let mut found = Vec::new();
        for root in [&*self.root, Path::new("/")] {
            for libraries in [vec![root.join("usr/lib")], by_machine(&root.join("usr/lib"))].concat() {
                let folder = libraries.join(name);
                found.extend(folders_in(&folder));
                found.extend(folder.is_dir().then_some(folder));
            }
        }
        // No path here holds a colon but by malice; then nothing is found.
        env::join_paths(found).unwrap_or_default()
    }
}

/// What would have to be installed for these packages.
fn missing(names: &[&str]) -> Result<Vec<String>, Failure> {
    let mut ask = Command::new("apt-get");
    ask.args(["install", "--print-uris", "--yes", "--quiet", "--quiet", "--no-install-recommends"])
        .args(names);
    let answer = process::output(&mut ask, DOWNLOAD)?;
    Ok(answer.lines().filter_map(package_of).collect())
}

/// The name of the package in `'http://…' NAME_VERSION_MACHINE.deb SIZE SUM`.
fn package_of(line: &str) -> Option<String> {
    let file = line.strip_prefix('\'')?.split_whitespace().nth(1)?;
    let (name, rest) = file.split_once('_')?;
    rest.ends_with(".deb").then(|| name.to_owned())
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The folders for libraries of one kind of machine, such as `x86_64-linux-gnu`.
fn by_machine(folder: &Path) -> Vec<PathBuf> {
    let is_by_machine =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-"));
    folders_in(folder).into_iter().filter(is_by_machine).collect()
}

const DOWNLOAD: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_package_is_read_from_what_apt_prints() {
        let line = "'http://deb.debian.org/debian/pool/main/p/pcre3/libpcre3_8.39-15_amd64.deb' \
                    libpcre3_2%3a8.39-15_amd64.deb 340864 MD5Sum:ae4d";
        assert_eq!(package_of(line).as_deref(), Some("libpcre3"));
        for line in ["", "Reading package lists...", "'http://x' none 1"] {
            assert_eq!(package_of(line), None);
        }
    }
}

//! Small file systems.

use std::path::Path;
use std::process::Command;

/// A file system of its own; unmounted when it is dropped.
pub(crate) struct Mounted(tempfile::TempDir);

impl Mounted {
    /// `None` where that takes rights that this process does not have, which it says; with
    /// `LOGSTASH_REQUIRE_MOUNT`, as `cargo xtask ci disks` has it, it fails instead.
    pub(crate) fn tmpfs(size: &str) -> Option<Self> {
        let mounted = Self(tempfile::tempdir().unwrap());
        let options = format!("size={size},mode=0700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(mounted.path()).output();
        if done.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(mounted);
        }
        assert!(std::env::var_os("LOGSTASH_REQUIRE_MOUNT").is_none(), "cannot mount: {done:?}");
        #[allow(clippy::print_stderr, reason = "a test that proves nothing must say so")]
        {
            eprintln!("SKIPPED: a small file system can be mounted by root only");
        }
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn make_read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

use std::io;
use std::process::{Child, Command, Stdio};

/// Kills a child together with its own children when this process ends, however it ends: also on Ctrl-C and when
/// it is killed itself.
///
/// On Unix the child leads a process group, and a shell waits for the end of a pipe that only this process holds.
/// Elsewhere only the child itself is killed, when its [`Running`](super::Running) is dropped.
#[derive(Debug)]
pub(super) struct Keeper {
    shell: Option<Child>,
}

impl Keeper {
    /// Gives the process to be started a group of its own.
    pub(super) fn prepare(command: &mut Command) {
        lead_group(command);
    }

    /// Keeps a child whose command was [prepared](Self::prepare).
    pub(super) fn keep(child: &Child) -> io::Result<Self> {
        if !cfg!(unix) {
            return Ok(Self { shell: None });
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"read -r _; kill -KILL "-$0""#, &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // A group of its own: what ends the group of this process must not end the keeper.
        lead_group(&mut command);
        Ok(Self { shell: Some(command.spawn()?) })
    }

    /// Kills the group of the child, which must not have been waited for: its number could be another's by then.
    pub(super) fn strike(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }

    /// The child has ended by itself: nothing is to be killed any more.
    pub(super) fn dismiss(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}

#[cfg(unix)]
fn lead_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

#[cfg(not(unix))]
fn lead_group(_: &mut Command) {}

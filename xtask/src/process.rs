//! Child processes, none of which outlives the task that started it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Trying};

mod keeper;
use keeper::Keeper;

/// A running child process. Dropping it kills it and its own children; so does the end of this process.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
    keeper: Keeper,
    /// How it ended, once that is known.
    status: Option<ExitStatus>,
    /// Held open for the life of the child; peers end when it does.
    _input: Option<ChildStdin>,
    /// Lines of standard output, if that is captured, otherwise those of standard error.
    lines: Receiver<String>,
    /// The last lines of standard error, if that is captured.
    complaints: Arc<Mutex<VecDeque<String>>>,
    /// Ends when standard error does.
    last_words: Option<Receiver<()>>,
}

impl Running {
    /// Starts a process that writes to the terminal itself.
    pub(crate) fn attached(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::null());
        Self::start(command)
    }

    /// Starts a process whose standard output is read with [`Self::next_line`].
    ///
    /// What it writes to standard error is kept, the last lines of it, and told with every failure.
    pub(crate) fn captured(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::start(command)
    }

    /// Starts a process whose standard output is read with [`Self::next_line`] and whose standard error goes to
    /// the terminal.
    pub(crate) fn observed(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self::start(command)
    }

    /// Starts a process whose standard error is read with [`Self::next_line`]. Who reads too late misses lines.
    pub(crate) fn overheard(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self::start(command)
    }

    /// Starts a process to which others write and from which they read.
    pub(crate) fn in_dialogue(command: &mut Command) -> Result<(Self, ChildStdin, ChildStdout), Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (name, mut child, keeper) = spawn(command)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let mut running = Self::watch(name, child, keeper);
        match pipes {
            Some((input, output)) => Ok((running, input, output)),
            None => Err(running.fault("has no pipes")),
        }
    }

    fn start(command: &mut Command) -> Result<Self, Failure> {
        spawn(command).map(|(name, child, keeper)| Self::watch(name, child, keeper))
    }

    fn watch(name: String, mut child: Child, keeper: Keeper) -> Self {
        let complaints = Arc::new(Mutex::new(VecDeque::new()));
        let (told, overheard) = mpsc::sync_channel(LINES);
        let last_words = child.stderr.take().map(|stderr| {
            let (open, last_words) = mpsc::sync_channel(0);
            let complaints = Arc::clone(&complaints);
            for_each_line(stderr, move |line| {
                let _ = &open; // dropped with this closure, at the end of the stream
                let mut kept = complaints.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == COMPLAINTS {
                    kept.pop_front();
                }
                // Nobody need listen.
                let _ = told.try_send(line.clone());
                kept.push_back(line);
                true
            });
            last_words
        });
        let lines = child.stdout.take().map_or(overheard, |stdout| {
            // Bounded: a child that writes faster than its lines are read has to wait.
            let (sender, lines) = mpsc::sync_channel(LINES);
            for_each_line(stdout, move |line| sender.send(line).is_ok());
            lines
        });
        let input = child.stdin.take();
        Self { name, child, keeper, status: None, _input: input, lines, complaints, last_words }
    }

    /// The number that the system gave the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output, `None` at its end.
    pub(crate) fn next_line(&mut self, patience: Duration) -> Result<Option<String>, Failure> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Err(self.fault(&format!("wrote nothing for {} s", patience.as_secs_f64())))
            }
        }
    }

    /// The rest of the first line to come that starts with `word`.
    pub(crate) fn expect_line(&mut self, word: &str, patience: Duration) -> Result<String, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            match self.next_line(deadline.saturating_duration_since(Instant::now()))? {
                Some(line) => {
                    if let Some(rest) = line.strip_prefix(word)
                        && (rest.is_empty() || rest.starts_with(' '))
                    {
                        return Ok(rest.trim_start().to_owned());
                    }
                }
                None => {
                    let status = self.wait(Duration::from_secs(5))?;
                    return Err(self.fault(&format!("ended with {status} and without a line `{word} …`")));
                }
            }
        }
    }

    /// Waits until a line of standard error contains `text`, and returns it.
    pub(crate) fn expect_complaint(&mut self, text: &str, patience: Duration) -> Result<String, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let has_ended = self.look()?.is_some();
            let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            let found = complaints.iter().find(|line| line.contains(text)).cloned();
            drop(complaints);
            match found {
                Some(line) => return Ok(line),
                None if has_ended => return Err(self.fault(&format!("ended without saying `{text}`"))),
                None if Instant::now() >= deadline => {
                    return Err(
                        self.fault(&format!("did not say `{text}` within {} s", patience.as_secs_f64()))
                    );
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Sends a signal, such as `INT`, to the process and its own children, as a terminal does.
    pub(crate) fn signal(&self, name: &str) -> Result<(), Failure> {
        let group = format!("-{}", self.child.id());
        output(Command::new("kill").args([&format!("-{name}"), "--", &group]), Duration::from_secs(30))
            .map(drop)
    }

    /// Waits for the end of the process and kills it when the time is over.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<ExitStatus, Failure> {
        let deadline = Instant::now() + patience;
        // The standard library has no wait with a deadline; the pauses are short against what a process takes.
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(status) = self.look()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.kill();
                return Err(
                    self.fault(&format!("did not end within {} s and was killed", patience.as_secs_f64()))
                );
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// Waits for the end of the process; any exit code but 0 is a failure.
    pub(crate) fn succeed(&mut self, patience: Duration) -> Result<(), Failure> {
        let status = self.wait(patience)?;
        if status.success() {
            return Ok(());
        }
        Err(self.fault(&format!("ended with {status}")))
    }

    /// Kills the process and its own children with SIGKILL, and leaves no zombie.
    pub(crate) fn kill(&mut self) {
        if matches!(self.look(), Ok(Some(_))) {
            return;
        }
        self.keeper.strike();
        let _ = self.child.kill();
        self.status = self.child.wait().ok();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> Result<bool, Failure> {
        Ok(self.look()?.is_some())
    }

    /// How the process ended, if it has.
    fn look(&mut self) -> Result<Option<ExitStatus>, Failure> {
        if self.status.is_none() {
            self.status = self.child.try_wait().trying(format_args!("cannot wait for `{}`", self.name))?;
            if self.status.is_some() {
                self.keeper.dismiss();
            }
        }
        Ok(self.status)
    }

    /// A failure of this process, with the end of what it wrote to standard error.
    pub(crate) fn fault(&mut self, what: &str) -> Failure {
        if let (Ok(Some(_)), Some(last_words)) = (self.look(), &self.last_words) {
            // It ended: what it wrote last is on its way. A child of its own may hold the pipe open.
            let _ = last_words.recv_timeout(Duration::from_secs(1));
        }
        let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let mut message = format!("`{}` {what}", self.name);
        for line in complaints.iter() {
            message.push_str("\n    | ");
            message.push_str(line);
        }
        Failure::Failed(message)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command that writes to the terminal and has to succeed.
pub(crate) fn run(command: &mut Command, patience: Duration) -> Result<(), Failure> {
    eprintln!("$ {}", describe(command));
    Running::attached(command)?.succeed(patience)
}

/// Runs a command that has to succeed and returns its standard output.
pub(crate) fn output(command: &mut Command, patience: Duration) -> Result<String, Failure> {
    let deadline = Instant::now() + patience;
    let mut process = Running::captured(command)?;
    let mut text = String::new();
    while let Some(line) = process.next_line(deadline.saturating_duration_since(Instant::now()))? {
        text.push_str(&line);
        text.push('\n');
    }
    process.succeed(deadline.saturating_duration_since(Instant::now()))?;
    Ok(text)
}

/// Whether a program of that name can be started at all.
pub(crate) fn is_installed(program: &str, argument: &str) -> bool {
    output(Command::new(program).arg(argument), Duration::from_secs(30)).is_ok()
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// An address that nobody listens on at the moment, for programs that do not tell which one the system chose.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).trying("cannot bind")?;
    listener.local_addr().trying("cannot bind")
}

fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or_else(|| command.get_program()).to_string_lossy()];
    words.extend(command.get_args().map(OsStr::to_string_lossy));
    words.join(" ")
}

fn spawn(command: &mut Command) -> Result<(String, Child, Keeper), Failure> {
    let name = describe(command);
    Keeper::prepare(command);
    let mut child = command.spawn().trying(format_args!("cannot start `{name}`"))?;
    match Keeper::keep(&child) {
        Ok(keeper) => Ok((name, child, keeper)),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Failure::because("cannot start the shell that ends other processes", error))
        }
    }
}

fn for_each_line(source: impl Read + Send + 'static, mut take: impl FnMut(String) -> bool + Send + 'static) {
    thread::spawn(move || {
        let mut reader = BufReader::new(source);
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&line);
            if !take(text.trim_end_matches(['\n', '\r']).to_owned()) {
                return;
            }
        }
    });
}

/// Lines that wait to be read.
const LINES: usize = 1024;

/// Lines of standard error that are kept.
const COMPLAINTS: usize = 30;

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn is_alive(id: u32) -> bool {
        output(
            Command::new("sh").args(["-c", &format!("kill -0 {id} && echo alive || true")]),
            Duration::from_secs(5),
        )
        .unwrap()
        .contains("alive")
    }

    #[test]
    fn the_output_of_a_command_comes_back() {
        let text = output(&mut shell("echo one; echo two"), Duration::from_secs(5)).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_failure_names_the_command_its_status_and_its_last_words() {
        let failure = output(&mut shell("echo broken >&2; exit 7"), Duration::from_secs(5)).unwrap_err();
        let message = failure.to_string();
        assert!(message.contains("exit status: 7"), "{message}");
        assert!(message.contains("| broken"), "{message}");
    }

    #[test]
    fn a_signal_ends_a_process_and_its_children_and_what_it_says_is_heard() {
        // Not INT, which a shell cannot trap where this test was started in the background by another one.
        let script = "trap 'echo ended >&2; exit 0' TERM; sleep 60 & echo started >&2; wait";
        let mut process = Running::captured(&mut shell(script)).unwrap();
        assert_eq!(process.expect_complaint("start", Duration::from_secs(5)).unwrap(), "started");
        process.signal("TERM").unwrap();
        process.succeed(Duration::from_secs(5)).unwrap();
        assert_eq!(process.expect_complaint("ended", Duration::from_secs(5)).unwrap(), "ended");
        let failure = process.expect_complaint("anything else", Duration::from_secs(5)).unwrap_err();
        assert!(failure.to_string().contains("ended without saying"), "{failure}");
    }

    #[test]
    fn a_process_that_does_not_end_is_killed_at_the_deadline() {
        let mut process = Running::captured(&mut shell("exec sleep 60")).unwrap();
        let started = Instant::now();
        let failure = process.wait(Duration::from_millis(50)).unwrap_err();
        assert!(failure.to_string().contains("was killed"), "{failure}");
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(!is_alive(process.child.id()));
    }

    #[test]
    fn a_process_that_says_nothing_does_not_hold_up_its_reader() {
        let mut process = Running::captured(&mut shell("exec sleep 60")).unwrap();
        let failure = process.expect_line("ready", Duration::from_millis(50)).unwrap_err();
        assert!(failure.to_string().contains("wrote nothing"), "{failure}");
    }

    #[test]
    fn dropping_kills_also_while_panicking() {
        let panic = std::panic::catch_unwind(|| {
            let mut process = Running::captured(&mut shell("echo up; exec sleep 60")).unwrap();
            process.expect_line("up", Duration::from_secs(5)).unwrap();
            std::panic::panic_any(process.child.id());
        })
        .unwrap_err();
        assert!(!is_alive(*panic.downcast::<u32>().unwrap()));
    }

    #[test]
    fn the_children_of_a_child_go_with_it() {
        let mut process = Running::captured(&mut shell("sleep 60 & echo up; wait")).unwrap();
        process.expect_line("up", Duration::from_secs(5)).unwrap();
        process.kill();
        // The stream ends with the last process that holds it.
        assert_eq!(process.next_line(Duration::from_secs(5)).unwrap(), None);
    }

    #[test]
    fn the_expected_line_may_come_late_and_the_end_without_it_is_told() {
        let mut process = Running::captured(&mut shell("echo noise; echo port 5044; exit 1")).unwrap();
        assert_eq!(process.expect_line("port", Duration::from_secs(5)).unwrap(), "5044");
        let failure = process.expect_line("port", Duration::from_secs(5)).unwrap_err();
        assert!(failure.to_string().contains("without a line `port …`"), "{failure}");
    }
}

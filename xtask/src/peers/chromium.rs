use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::Missing;
use crate::failure::{Failure, fail};
use crate::process::{self, Running};

/// The browser, without a window.
#[derive(Debug)]
pub(crate) struct Chromium {
    program: &'static str,
    pub(crate) version: String,
}

/// A page in a browser of its own, which ends with it.
#[derive(Debug)]
pub(crate) struct Page {
    browser: Running,
    input: ChildStdin,
    messages: Receiver<Value>,
    sent: u64,
    session: Option<String>,
    /// What the page wrote to its console, and what the browser had to complain of.
    complaints: VecDeque<String>,
}

impl Chromium {
    pub(crate) fn prepare() -> Result<Self, Missing> {
        let remedy = "install Chromium (Debian: apt-get install chromium)";
        let mut failure = Failure::Failed("there is no Chromium on the PATH".to_owned());
        for program in PROGRAMS {
            match process::output(Command::new(program).arg("--version"), PATIENCE) {
                Ok(version) => {
                    let number = version.split_whitespace().find(|word| word.contains('.'));
                    return Ok(Self { program, version: number.unwrap_or_default().to_owned() });
                }
                Err(error) => failure = error,
            }
        }
        Err(Missing::new(&failure, remedy))
    }

    /// Opens an empty page; `profile` is a folder that is not there yet.
    pub(crate) fn open(&self, profile: &Path) -> Result<Page, Failure> {
        // The protocol of its developer tools is spoken over the descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#, "sh", self.program]).args(FLAGS);
        command.arg(format!("--user-data-dir={}", profile.display()));
        let (browser, input, output) = Running::in_dialogue(&mut command)?;
        let mut page = Page {
            browser,
            input,
            messages: listen(output),
            sent: 0,
            session: None,
            complaints: VecDeque::new(),
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", attach)?;
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Log", "Page", "Runtime"] {
            page.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(page)
    }
}

impl Page {
    pub(crate) fn visit(&mut self, address: &str) -> Result<(), Failure> {
        let answer = self.call("Page.navigate", json!({"url": address}))?;
        match answer["errorText"].as_str() {
            None => Ok(()),
            Some(error) => fail!("{address}: {error}"),
        }
    }

    /// How large the page is shown, and whether in dark colours.
    pub(crate) fn show(&mut self, width: u32, height: u32, is_dark: bool) -> Result<(), Failure> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", features).map(drop)
    }

    /// What an expression of JavaScript is on the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Result<Value, Failure> {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", parameters)?;
        if let Some(exception) = answer.get("exceptionDetails") {
            fail!("`{expression}` fails: {exception}");
        }
        Ok(answer["result"]["value"].take())
    }

    /// Waits until an expression is true.
    pub(crate) fn wait_until(&mut self, expression: &str) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(expression)? != true {
            if Instant::now() >= deadline {
                let text = self.evaluate("document.body.innerText")?;
                fail!(
                    "`{expression}` does not become true; complaints: {:?}; the page: {text}",
                    self.complaints
                );
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// What is seen of the page, as PNG.
    pub(crate) fn picture(&mut self) -> Result<Vec<u8>, Failure> {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        let data = answer["data"].as_str().unwrap_or_default();
        BASE64.decode(data).map_err(|error| Failure::because("the picture is not in base64", error))
    }

    /// What the page wrote to its console until now, and what the browser had to complain of.
    pub(crate) fn complaints(&mut self) -> Result<Vec<String>, Failure> {
        // What came before its answer has come.
        self.evaluate("0")?;
        Ok(self.complaints.drain(..).collect())
    }

    fn call(&mut self, method: &str, parameters: Value) -> Result<Value, Failure> {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let text = format!("{message}\0");
        let written = self.input.write_all(text.as_bytes()).and_then(|()| self.input.flush());
        written.map_err(|error| self.browser.fault(&format!("does not take {method}: {error}")))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut message = match self.messages.recv_timeout(left) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.browser.fault(&format!("does not answer {method}")));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.browser.fault("has ended")),
            };
            if message["id"] == self.sent {
                if let Some(error) = message.get("error") {
                    fail!("{method}: {error}");
                }
                return Ok(message["result"].take());
            }
            if let Some("Log.entryAdded" | "Runtime.consoleAPICalled" | "Runtime.exceptionThrown") =
                message["method"].as_str()
            {
                self.complaints.push_back(message["params"].to_string());
            }
        }
    }
}

/// The messages of the browser, each of which ends with a NUL.
fn listen(output: ChildStdout) -> Receiver<Value> {
    let (sender, messages) = sync_channel(1024);
    thread::spawn(move || {
        for message in BufReader::new(output).split(0).map_while(Result::ok) {
            let value = serde_json::from_slice(&message).unwrap_or(Value::Null);
            if sender.send(value).is_err() {
                return;
            }
        }
    });
    messages
}

const PROGRAMS: [&str; 2] = ["chromium", "chromium-browser"];

const FLAGS: &[&str] = &[
    "--headless",
    "--remote-debugging-pipe",
    // Within a container, and as root.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
    // It talks to nobody but the page.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
];

/// How long the browser, or what is waited for, may take.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(50);

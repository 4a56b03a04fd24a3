//! What the client of OpenSSL is given on its standard input, as an administrator would try an input.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::documents::{same, texts};
use super::rig::Rig;
use crate::failure::{Failure, Trying};
use crate::integration::case::Case;
use crate::peers::Openssl;
use crate::relay::Program;

pub(in super::super) fn cases(openssl: &Arc<Openssl>, program: &Arc<Program>, scratch: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for protocol in ["lines", "json", "syslog"] {
        for tls in ["-tls1_2", "-tls1_3"] {
            for (end, is_ended) in [("with", true), ("without", false)] {
                let (openssl, program) = (Arc::clone(openssl), Arc::clone(program));
                let folder = scratch.join(format!("openssl-{}", cases.len()));
                let name = format!("s_client to our relay, {protocol}, {tls}, {end} a final line feed");
                let trial = Trial { openssl, program, folder, protocol, tls, is_ended };
                cases.push(Case::new(name, move || trial.run()));
            }
        }
    }
    cases
}

struct Trial {
    openssl: Arc<Openssl>,
    program: Arc<Program>,
    folder: PathBuf,
    protocol: &'static str,
    /// The version of TLS, as an argument.
    tls: &'static str,
    is_ended: bool,
}

impl Trial {
    fn run(self) -> Result<String, Failure> {
        let relay = Rig::listening(&self.program, &self.folder, &format!("{}+tls", self.protocol))?;
        let (lines, expected): (Vec<String>, Vec<Value>) =
            texts().iter().map(|(_, text)| self.line(text)).unzip();
        let end = if self.is_ended { "\n" } else { "" };
        let file = self.folder.join("lines");
        fs::write(&file, lines.join("\n") + end).trying(format_args!("cannot write {}", file.display()))?;
        self.openssl.send(&file, relay.address()?, &self.folder.join("server.pem"), self.tls)?;
        same(&expected, &relay.finish(expected.len())?)?;
        Ok(format!("{} lines, exact and in order", lines.len()))
    }

    /// A line that holds a text, and what has to come of it.
    fn line(&self, text: &str) -> (String, Value) {
        match self.protocol {
            "json" => {
                // A document passes as it is; nothing is added to it.
                let document = json!({"text": text, "number": text.len(), "host": null, "tls": null});
                (document.to_string(), document)
            }
            "syslog" => (
                format!("<28>Oct 11 22:14:15 web-1 app[7]: {text}"),
                json!({"message": text, "priority": 28, "hostname": "web-1", "appname": "app", "pid": 7, "tls": true}),
            ),
            _ => (
                text.to_owned(),
                json!({"message": text, "host": "127.0.0.1", "tls": true, "priority": null}),
            ),
        }
    }
}

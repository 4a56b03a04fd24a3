//! Queues that nobody empties: those of outputs that the configuration has no more.

use super::config::RelayConfig;
use super::output::folder;
use super::problems::Problems;
use crate::queue::inspect;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Where outputs have their queues, and which of them the configuration has.
pub(crate) struct Leftovers {
    directory: Option<PathBuf>,
    folders: BTreeSet<String>,
}

impl Leftovers {
    pub(crate) fn new(config: &RelayConfig) -> Self {
        let folders = config.outputs.keys().map(|name| folder(name)).collect();
        Self { directory: config.queue.clone(), folders }
    }

    /// Tells of events that wait and that no output will deliver, with what to do.
    pub(crate) fn tell(&self, problems: &Problems) {
        let entries = self.directory.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten();
        for entry in entries.flatten() {
            if self.folders.contains(&*entry.file_name().to_string_lossy()) {
                continue;
            }
            let path = entry.path();
            // What is no queue is not ours.
            let events = inspect(&path).map_or(0, |inspection| inspection.events());
            if events > 0 {
                let path = path.display();
                let text = format!(
                    "{events} events wait in {path}, the queue of an output that the configuration does not have: \
                     deliver them with logstash-relay queue drain --output URL {path}"
                );
                problems.answer("queue", &text);
            }
        }
    }
}

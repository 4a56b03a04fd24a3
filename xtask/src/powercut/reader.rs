//! Opens what is left and drains it.

use logstash_handler::Durability;
use logstash_handler::queue::Queue;

use super::writer::{numbers, open, say};
use crate::arguments::Arguments;
use crate::failure::Failure;

/// Says which runs of events there are, and how many are counted as damaged.
pub(super) fn run(arguments: &Arguments, durability: Durability) -> Result<(), Failure> {
    let failed = |error| Failure::because("the queue failed", error);
    let queue = open(arguments, durability)?;
    let mut damaged = 0;
    let mut run: Option<(u64, u64)> = None;
    loop {
        let peek = queue.peek(16, usize::MAX).map_err(failed)?;
        damaged += peek.damaged;
        let events = numbers(&peek.windows, peek.skip);
        if events.is_empty() && peek.damaged == 0 {
            break;
        }
        queue.advance(events.len() as u64);
        for number in events {
            match &mut run {
                Some((_, end)) if *end == number => *end += 1,
                _ => {
                    if let Some((start, end)) = run.replace((number, number + 1)) {
                        say(&format!("run {start} {end}"));
                    }
                }
            }
        }
    }
    if let Some((start, end)) = run {
        say(&format!("run {start} {end}"));
    }
    say(&format!("damaged {damaged}"));
    for report in queue.reports() {
        eprintln!("{report}");
    }
    queue.maintain().map_err(failed)
}

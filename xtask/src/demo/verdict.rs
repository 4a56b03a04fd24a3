//! Whether everything arrived that was reported as stored.

use std::collections::BTreeMap;
use std::fmt;

use super::line::THREADS;
use super::receiver::Arrival;

#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Events that were reported as stored.
    stored: u64,
    /// Events that arrived, repeats counted once.
    arrived: u64,
    repeated: u64,
    missing: u64,
    /// Events that arrived before one of the same thread that was logged earlier.
    out_of_order: u64,
    first_fault: Option<String>,
}

impl Verdict {
    /// Judges `arrivals` by what each life of the application said was stored of each thread.
    pub(super) fn of(stored: &[[u64; THREADS]], arrivals: &[Arrival]) -> Self {
        let mut verdict = Self::default();
        // The number that each thread of each life is to go on with.
        let mut next: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for arrival in arrivals {
            let Arrival { life, thread, number } = *arrival;
            let next = next.entry((life, thread)).or_default();
            if number < *next {
                verdict.repeated += 1;
                continue;
            }
            if number > *next {
                verdict.out_of_order += 1;
                verdict
                    .fault(format!("life {life}, thread {thread}: event {number} came where {next} was due"));
            }
            verdict.arrived += 1;
            *next = number + 1;
        }
        for (life, counts) in stored.iter().enumerate() {
            for (thread, &count) in counts.iter().enumerate() {
                verdict.stored += count;
                let arrived = next.get(&(life + 1, thread)).copied().unwrap_or_default();
                if arrived < count {
                    verdict.missing += count - arrived;
                    verdict
                        .fault(format!("life {}, thread {thread}: {arrived} of {count} arrived", life + 1));
                }
            }
        }
        verdict
    }

    pub(super) const fn is_good(&self) -> bool {
        self.missing == 0 && self.out_of_order == 0 && self.stored > 0
    }

    fn fault(&mut self, text: String) {
        self.first_fault.get_or_insert(text);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stored, arrived, repeated, missing, out_of_order, first_fault } = self;
        writeln!(
            f,
            "reported as stored {stored}, arrived {arrived}, repeated {repeated}, missing {missing}, out of order {out_of_order}"
        )?;
        if let Some(fault) = first_fault {
            writeln!(f, "first fault: {fault}")?;
        }
        f.write_str(if self.is_good() {
            "GOOD: every event that was reported as stored has arrived, in order for each thread"
        } else {
            "BAD"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(stored: [u64; THREADS], arrivals: &[(usize, u64)]) -> Verdict {
        let arrivals: Vec<Arrival> =
            arrivals.iter().map(|&(thread, number)| Arrival { life: 1, thread, number }).collect();
        Verdict::of(&[stored], &arrivals)
    }

    #[test]
    fn repeats_are_no_fault_and_gaps_are() {
        let good = judge([2, 1, 0, 0], &[(0, 0), (1, 0), (0, 0), (0, 1), (1, 1)]);
        assert!(good.is_good(), "{good}");
        assert_eq!((good.stored, good.arrived, good.repeated), (3, 4, 1));
        assert!(!judge([2, 0, 0, 0], &[(0, 0)]).is_good(), "the last is missing");
        assert!(!judge([3, 0, 0, 0], &[(0, 0), (0, 2)]).is_good(), "one in between is missing");
        assert!(!judge([2, 0, 0, 0], &[(0, 1), (0, 0)]).is_good(), "out of order");
        assert!(!judge([0, 0, 0, 0], &[]).is_good(), "nothing happened at all");
    }
}

//! Transports that stand in for each other.

mod standing;
pub(crate) use standing::Standing;

use crate::batch::Batch;
use crate::error::{ErrorKind, TransportError, error_chain};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::transport::Transport;
use std::fmt;
use std::time::{Duration, Instant};

/// A list of transports, and what is known of each.
#[derive(Default)]
pub(crate) struct Members {
    members: Vec<Member>,
    /// Of each member, in the same order.
    standings: Vec<Standing>,
    interrupt: Interrupt,
    listener: Option<Listener>,
    /// Whether a member has failed since that was asked last.
    failed: bool,
}

struct Member {
    /// Told in errors and reports.
    name: String,
    transport: Box<dyn Transport>,
}

/// Is told of each failure of a member: its place in the list, from 0, and the error.
pub(crate) type Listener = Box<dyn FnMut(usize, &TransportError) + Send>;

/// Decides which of the usable members is next.
pub(crate) trait Choice {
    /// One of `usable`, which is not empty and holds places in `standings` in their order.
    fn choose(&mut self, usable: &[usize], standings: &[Standing], now: Instant) -> usize;
}

impl Members {
    pub(crate) fn push(&mut self, name: String, mut transport: Box<dyn Transport>, standing: Standing) {
        transport.interrupt_by(self.interrupt.clone());
        self.members.push(Member { name, transport });
        self.standings.push(standing);
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// Closes and forgets those whose name does not please.
    pub(crate) fn retain(&mut self, mut pleases: impl FnMut(&str) -> bool) {
        let keep: Vec<bool> = self.members.iter().map(|member| pleases(&member.name)).collect();
        let mut kept = keep.iter();
        self.members.retain_mut(|member| {
            let stays = *kept.next().unwrap_or(&true);
            if !stays {
                member.transport.close();
            }
            stays
        });
        let mut kept = keep.iter();
        self.standings.retain(|_| *kept.next().unwrap_or(&true));
    }

    pub(crate) fn listen(&mut self, listener: Listener) {
        self.listener = Some(listener);
    }

    /// Sets what every member starts with; forgets what was known.
    pub(crate) fn reset(&mut self, mut standing: impl FnMut() -> Standing) {
        self.standings = self.members.iter().map(|_| standing()).collect();
    }

    /// Whether a member has failed since this was asked last.
    pub(crate) fn take_failed(&mut self) -> bool {
        std::mem::take(&mut self.failed)
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub(crate) fn interrupt_by(&mut self, interrupt: Interrupt) {
        for member in &mut self.members {
            member.transport.interrupt_by(interrupt.clone());
        }
        self.interrupt = interrupt;
    }

    pub(crate) fn close(&mut self) {
        for member in &mut self.members {
            member.transport.close();
        }
    }

    pub(crate) fn close_one(&mut self, place: usize) {
        if let Some(member) = self.members.get_mut(place) {
            member.transport.close();
        }
    }

    /// Sends with one member after the other until the batch is done, each at most once; tells which
    /// was the last.
    ///
    /// Progress is in the batch, so that each goes on where the one before had to stop.
    pub(crate) fn send(
        &mut self,
        batch: &mut Batch<'_>,
        choice: &mut dyn Choice,
    ) -> Result<usize, TransportError> {
        let mut failures: Vec<Option<TransportError>> = self.members.iter().map(|_| None).collect();
        while let Some(place) = self.next(&failures, choice, Instant::now()) {
            let (Some(member), Some(standing)) = (self.members.get_mut(place), self.standings.get_mut(place))
            else {
                break;
            };
            let started = Instant::now();
            let before = batch.acknowledged();
            let Err(error) = member.transport.send(batch) else {
                let now = Instant::now();
                standing.worked(now);
                standing.measured(now - started, batch.acknowledged() - before, now);
                return Ok(place);
            };
            if self.interrupt.is_raised() {
                return Err(error);
            }
            let now = Instant::now();
            if error.kind() == ErrorKind::Rejected {
                // The content is at fault, and another member is no help: the owner finds the event.
                standing.worked(now);
                return Err(error);
            }
            standing.failed(error.kind(), now);
            self.failed = true;
            if let Some(listener) = &mut self.listener {
                listener(place, &error);
            }
            if let Some(failure) = failures.get_mut(place) {
                *failure = Some(error);
            }
        }
        Err(self.failure(&failures, Instant::now()))
    }

    /// The member to try next. If all are left out, that is the one whose time comes first, and no
    /// other one: something is tried each time, but not everything.
    fn next(
        &self,
        failures: &[Option<TransportError>],
        choice: &mut dyn Choice,
        now: Instant,
    ) -> Option<usize> {
        let untried = |place: &usize| failures.get(*place).is_some_and(Option::is_none);
        let standing = |place: &usize| self.standings.get(*place);
        let usable: Vec<usize> = (0..self.len())
            .filter(untried)
            .filter(|place| standing(place).is_some_and(|standing| standing.is_usable(now)))
            .collect();
        if !usable.is_empty() {
            return Some(choice.choose(&usable, &self.standings, now));
        }
        if failures.iter().any(Option::is_some) {
            return None;
        }
        (0..self.len())
            .filter(|place| standing(place).is_some_and(|standing| standing.may_be_tried(now)))
            .min_by_key(|place| standing(place).and_then(Standing::excluded_until))
    }

    /// What all failures together come to.
    ///
    /// `Unavailable` if one member is, because it may come back at any time; else `Throttled` if one
    /// is, for the shortest of the times; `Misconfigured` only if all are.
    fn failure(&self, failures: &[Option<TransportError>], now: Instant) -> TransportError {
        let mut kind = ErrorKind::Misconfigured;
        let mut text = String::from("no member can deliver");
        let mut separator = ": ";
        for ((member, standing), failure) in self.members.iter().zip(&self.standings).zip(failures) {
            let failed = failure.as_ref().map(TransportError::kind).or_else(|| standing.failure());
            kind = match failed {
                Some(found) => hopeful(kind, remaining(found, standing, now)),
                None => ErrorKind::Unavailable,
            };
            if let Some(error) = failure {
                text.push_str(&format!("{separator}{}: {}", member.name, error_chain(error)));
                separator = "; ";
            }
        }
        if self.members.is_empty() {
            kind = ErrorKind::Unavailable;
        } else if failures.iter().all(Option::is_none) {
            text.push_str(": each asked to be left alone for a while");
        }
        let error = TransportError::new(kind, text);
        let advice = self.advice(failures);
        if advice.is_empty() { error } else { error.advise(advice) }
    }

    /// What to do about each failure where that is known.
    fn advice(&self, failures: &[Option<TransportError>]) -> String {
        let failed = self.members.iter().zip(failures);
        let advice = failed.filter_map(|(member, failure)| Some((&member.name, failure.as_ref()?.advice()?)));
        advice.map(|(name, advice)| format!("{name}: {advice}")).collect::<Vec<_>>().join("; ")
    }

    /// Probes every member; an error only if all fail.
    pub(crate) fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let mut report = ProbeReport::new();
        let mut failures = Vec::new();
        for member in &mut self.members {
            let started = Instant::now();
            match member.transport.probe() {
                Ok(found) => {
                    report.absorb(found, |detail| format!("{}: {detail}", member.name));
                    failures.push(None);
                }
                Err(error) => {
                    report.absorb_steps(error.passed(), |detail| format!("{}: {detail}", member.name));
                    let mut text = format!("{}: {}", member.name, error_chain(&error));
                    if let Some(advice) = error.advice() {
                        text.push_str(&format!(" ({advice})"));
                    }
                    report.push("failed", text, started.elapsed());
                    failures.push(Some(error));
                }
            }
        }
        if failures.iter().any(Option::is_none) {
            Ok(report)
        } else {
            Err(self.failure(&failures, Instant::now()).after(&report))
        }
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.members.iter().zip(&self.standings);
        f.debug_map().entries(members.map(|(member, standing)| (&member.name, standing.failure()))).finish()
    }
}

/// The kind with what is left of the time that the peer asked for.
fn remaining(kind: ErrorKind, standing: &Standing, now: Instant) -> ErrorKind {
    match kind {
        ErrorKind::Throttled { retry_after: Some(asked) } => {
            let left = standing.excluded_until().map(|until| until.saturating_duration_since(now));
            ErrorKind::Throttled { retry_after: Some(left.unwrap_or(asked)) }
        }
        other => other,
    }
}

/// Of two kinds the one that lets the owner try again sooner.
fn hopeful(one: ErrorKind, other: ErrorKind) -> ErrorKind {
    match (one, other) {
        (ErrorKind::Throttled { retry_after: a }, ErrorKind::Throttled { retry_after: b }) => {
            // Without a time the owner has its own, which is short at first.
            ErrorKind::Throttled { retry_after: a.zip(b).map(|(a, b): (Duration, Duration)| a.min(b)) }
        }
        (ErrorKind::Unavailable, _) | (_, ErrorKind::Unavailable) => ErrorKind::Unavailable,
        (throttled @ ErrorKind::Throttled { .. }, _) | (_, throttled @ ErrorKind::Throttled { .. }) => {
            throttled
        }
        _ => ErrorKind::Misconfigured,
    }
}

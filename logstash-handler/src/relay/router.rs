//! Which events go to which outputs.

use super::config::{RouteConfig, Severity};
use super::counters::Counters;
use super::format::Format;
use super::output::{Output, Taken};
use super::record::Record;
use super::source::Source;
use super::tls_peer::TlsPeer;
use crate::DropReason;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;
use tokio::sync::watch;

/// The routes, which a new configuration may replace at any time.
#[derive(Default)]
pub(crate) struct Router {
    table: RwLock<Arc<Table>>,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct Table {
    /// With the format that takes the place of that of the outputs.
    routes: Vec<(RouteConfig, Option<Arc<Format>>)>,
    outputs: BTreeMap<String, Arc<Output>>,
}

impl Router {
    /// Replaces routes and outputs; without routes, everything goes everywhere.
    pub(crate) fn replace(&self, routes: &[RouteConfig], outputs: BTreeMap<String, Arc<Output>>) {
        let mut routes = routes.to_vec();
        if routes.is_empty() {
            routes.push(RouteConfig::to(outputs.keys().cloned().collect()));
        }
        let with_format = |route: RouteConfig| {
            let format = route.format().map(|name| Arc::new(Format::new(name)));
            (route, format)
        };
        let routes = routes.into_iter().map(with_format).collect();
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Table { routes, outputs });
    }

    /// Nothing is taken any more: what inputs still hold in their hands counts as never received.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What one source sends, on its way.
pub(crate) struct Dispatcher {
    router: Arc<Router>,
    source: Source,
    counters: Arc<Counters>,
    /// Whether the input is to end: it keeps the routes that it has then.
    is_stopped: watch::Receiver<bool>,
    /// The table of which the targets are.
    table: Arc<Table>,
    targets: Vec<Target>,
    /// Where events are serialised.
    buffer: Vec<u8>,
}

#[derive(Clone)]
struct Target {
    output: Arc<Output>,
    format: Arc<Format>,
    severity: Option<Severity>,
    /// Whether events that meet it meet none of those behind it.
    is_last: bool,
}

/// An event that an output has no room for yet; dropped and counted if nobody waits for that.
pub(crate) struct Held {
    output: Arc<Output>,
    document: Vec<u8>,
    at: SystemTime,
    severity: Severity,
    is_settled: bool,
}

impl Held {
    const fn new(output: Arc<Output>, document: Vec<u8>, at: SystemTime, severity: Severity) -> Self {
        Self { output, document, at, severity, is_settled: false }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_settled {
            self.output.turn_away(DropReason::Closed, 1);
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(
        router: Arc<Router>,
        source: Source,
        counters: Arc<Counters>,
        is_stopped: watch::Receiver<bool>,
    ) -> Self {
        let table = router.table();
        let targets = table.targets(&source);
        Self { router, source, counters, is_stopped, table, targets, buffer: Vec::new() }
    }

    /// Turns to another source of the same input.
    pub(crate) fn turn_to(&mut self, source: Source) {
        self.targets = self.table.targets(&source);
        self.source = source;
    }

    /// Takes over a new configuration, if there is one. To be called now and then, not for each event.
    pub(crate) fn refresh(&mut self) {
        let table = self.router.table();
        if !Arc::ptr_eq(&table, &self.table) && !*self.is_stopped.borrow() {
            self.turn_over(table);
        }
    }

    fn turn_over(&mut self, table: Arc<Table>) {
        self.targets = table.targets(&self.source);
        self.table = table;
    }

    /// Sends an event to the outputs that it is for; those that have no room, and that the caller can wait
    /// for, are noted in `held`.
    pub(crate) fn send(&mut self, record: &Record<'_>, mut held: Option<&mut Vec<Held>>) {
        if self.router.is_closed.load(Ordering::Relaxed) {
            return;
        }
        self.counters.received.add(1);
        let severity = record.severity();
        let mut written: Option<&Arc<Format>> = None;
        let mut is_routed = false;
        let mut orphans = Vec::new();
        for target in met(&self.targets, severity) {
            is_routed = true;
            if !written.is_some_and(|format| Arc::ptr_eq(format, &target.format)) {
                self.buffer.clear();
                if target.format.write(record, &self.source, &mut self.buffer).is_err() {
                    // The handler counts what has no content as what could not be formatted.
                    self.buffer.clear();
                }
                written = Some(&target.format);
            }
            let waiting = match target.output.try_take(&self.buffer, record.received, held.is_some()) {
                Taken::Settled => continue,
                Taken::NoRoom => held.as_deref_mut(),
                // Where others have to be waited for, what becomes of the event is seen when all have said so.
                Taken::Closed => Some(held.as_deref_mut().unwrap_or(&mut orphans)),
            };
            if let Some(waiting) = waiting {
                let (output, document) = (Arc::clone(&target.output), self.buffer.clone());
                waiting.push(Held::new(output, document, record.received, severity));
            }
        }
        if !is_routed {
            self.counters.unrouted.add(1);
        }
        if !orphans.is_empty() {
            self.pass_on(orphans, held);
        }
        if self.buffer.capacity() > KEEP_CAPACITY {
            self.buffer = Vec::new();
        }
    }

    /// Hands events over as soon as there is room, in order.
    pub(crate) async fn deliver(&mut self, held: &mut Vec<Held>) {
        while !held.is_empty() {
            let mut orphans = Vec::new();
            for mut held in held.drain(..) {
                held.is_settled = held.output.take(&held.document, held.at).await;
                if !held.is_settled {
                    orphans.push(held);
                }
            }
            self.pass_on(orphans, Some(held));
        }
    }

    /// Gives an event that outputs did not take, because they have ended, to those that a new configuration
    /// has in their place, as it was written for them: all of one event at a time, so that none gets it twice. An
    /// output that took it has it for that of its name, too.
    fn pass_on(&mut self, mut orphans: Vec<Held>, mut held: Option<&mut Vec<Held>>) {
        let table = self.router.table();
        if orphans.is_empty() || Arc::ptr_eq(&self.table, &table) {
            // It is the relay that ends.
            return;
        }
        orphans.iter_mut().for_each(|orphan| orphan.is_settled = true);
        let Some(orphan) = orphans.first() else { return };
        let before = self.outputs_for(orphan.severity);
        self.turn_over(table);
        let is_orphaned =
            |output: &Arc<Output>| orphans.iter().any(|orphan| Arc::ptr_eq(&orphan.output, output));
        let had_it = |heir: &Arc<Output>| {
            let is_known = |known: &Arc<Output>| {
                Arc::ptr_eq(known, heir) || known.name() == heir.name() && !is_orphaned(known)
            };
            before.iter().any(is_known)
        };
        let mut heirs: Vec<Arc<Output>> = self.outputs_for(orphan.severity);
        let is_routed = !heirs.is_empty();
        heirs.retain(|heir| !had_it(heir));
        for output in heirs {
            match output.try_take(&orphan.document, orphan.at, held.is_some()) {
                Taken::Settled => {}
                Taken::Closed => output.turn_away(DropReason::Closed, 1),
                Taken::NoRoom => {
                    if let Some(held) = &mut held {
                        held.push(Held::new(output, orphan.document.clone(), orphan.at, orphan.severity));
                    }
                }
            }
        }
        if !is_routed {
            self.counters.unrouted.add(1);
        }
    }

    /// The outputs for events that do not tell how severe they are, each once.
    pub(crate) fn outputs(&self) -> Vec<Arc<Output>> {
        self.outputs_for(Severity::Info)
    }

    fn outputs_for(&self, severity: Severity) -> Vec<Arc<Output>> {
        met(&self.targets, severity).map(|target| Arc::clone(&target.output)).collect()
    }
}

impl Target {
    fn meets(&self, severity: Severity) -> bool {
        self.severity.is_none_or(|least| severity <= least)
    }
}

impl Table {
    fn targets(&self, source: &Source) -> Vec<Target> {
        let peer = source.peer().map(|peer| peer.ip());
        let certificate = source.tls().and_then(TlsPeer::certificate);
        let is_met = |route: &RouteConfig| route.meets(source.input(), peer, certificate);
        let mut targets = Vec::new();
        for (route, format) in self.routes.iter().filter(|(route, _)| is_met(route)) {
            for output in route.outputs().iter().filter_map(|name| self.outputs.get(name)) {
                let format = Arc::clone(format.as_ref().unwrap_or_else(|| output.format()));
                let (output, severity) = (Arc::clone(output), route.severity());
                targets.push(Target { output, format, severity, is_last: false });
            }
            if let Some(target) = targets.last_mut().filter(|_| route.is_final()) {
                target.is_last = true;
            }
        }
        targets
    }
}

/// The targets of an event, each output once.
fn met(targets: &[Target], severity: Severity) -> impl Iterator<Item = &Target> {
    let meets = move |target: &&Target| target.meets(severity);
    let mut is_over = false;
    let up_to_final = move |(_, target): &(usize, &Target)| {
        let was_over = is_over;
        is_over = target.is_last;
        !was_over
    };
    let is_new = move |(index, target): &(usize, &Target)| {
        let mut earlier = targets.iter().take(*index).filter(meets);
        !earlier.any(|earlier| Arc::ptr_eq(&earlier.output, &target.output))
    };
    let met = targets.iter().enumerate().filter(move |(_, target)| meets(target));
    met.take_while(up_to_final).filter(is_new).map(|(_, target)| target)
}

/// One huge event must not hold its memory for the rest of a connection.
const KEEP_CAPACITY: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::config::OutputConfig;
    use crate::relay::record::{Content, Tags};
    use crate::relay::source::Labels;
    use std::time::Duration;

    #[tokio::test]
    async fn what_one_output_took_before_it_was_replaced_is_not_given_to_the_one_in_its_place() {
        let named = |name: &str| {
            let config = OutputConfig::to("discard:").unwrap();
            (name.to_owned(), Output::start(name, &config, None).unwrap())
        };
        for waits in [false, true] {
            let (before, after) = (["ends", "goes on"].map(named), ["another", "ends", "goes on"].map(named));
            let router = Arc::new(Router::default());
            router.replace(&[], before.clone().into());
            let source = Source::new(Arc::new(Labels::default()), None, None);
            let (_stop, is_stopped) = watch::channel(false);
            let mut dispatcher = Dispatcher::new(Arc::clone(&router), source, Arc::default(), is_stopped);
            // Of two outputs that are replaced, one has ended already.
            before[0].1.shutdown(Duration::ZERO).unwrap();
            router.replace(&[], after.clone().into());
            let received = SystemTime::now();
            let record = Record { text: b"{}", content: Content::Document, received, tags: Tags::default() };
            let mut held = Vec::new();
            dispatcher.send(&record, waits.then_some(&mut held));
            dispatcher.deliver(&mut held).await;
            let accepted = |outputs: &[(String, Arc<Output>)]| -> Vec<u64> {
                outputs.iter().map(|(_, output)| output.stats().accepted).collect()
            };
            assert_eq!((accepted(&before), accepted(&after)), (vec![0, 1], vec![1, 1, 0]));
        }
    }
}

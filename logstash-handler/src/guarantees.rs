//! What can be lost and what can come twice, by every way in which a program ends.
//!
//! # Where an event is
//!
//! | stage | from | to | survives the end of the process |
//! | --- | --- | --- | --- |
//! | arena | the call that logs returns | a writer thread takes it: at once under load, else after [`linger`](HandlerBuilder::linger), 20 ms | no |
//! | writer | | the window is compressed and stored, one write and one sync | no |
//! | queue | | the peer has acknowledged it | as the queue says, see below |
//!
//! [`Handler::emit_durable`] returns when its event is in the queue and durable, [`Handler::sync`] when all events
//! are that were logged before it, [`Handler::emit_acked`] when the peer has the event, [`Handler::flush`] when it has
//! all of them. All others return when the event is in the arena.
//!
//! # What is lost
//!
//! *Unstored* means what is in the arena and with the writer; while a queue is full or its disk does not write, that
//! is up to twice [`arena_bytes`](HandlerBuilder::arena_bytes). *Unacknowledged* means all stages. *Nothing* has two
//! exceptions, which the [`Report`] tells: a queue that is full, and a disk that does not write in time.
//!
//! | the program ends by | [`MemoryQueue`] | [`SledQueue`] | [`OnBacklog`] before a [`SledQueue`] |
//! | --- | --- | --- | --- |
//! | [`Guard::shutdown`], or a guard that is dropped | what the peer did not take within the timeout | nothing | nothing: memory goes to the store |
//! | the end of `main` or `process::exit` without them, with an [`ExitHook`] | likewise | nothing | nothing |
//! | the same without the hook | what is unacknowledged | what is unstored | what is unstored, and what is in memory: at most [`after`](OnBacklog::after), 1 s, and [`memory_bytes`](OnBacklog::memory_bytes) |
//! | a panic that unwinds `main` | as the guard, which it drops | nothing | nothing |
//! | a panic, where panics abort | what is unacknowledged | nothing with a [`PanicHook`], which waits for up to 2 s; else what is unstored | nothing with a [`PanicHook`]; else as without the exit hook |
//! | SIGTERM or SIGINT that `main` waits for, as in the example `signals` | as [`Guard::shutdown`] | nothing | nothing |
//! | SIGTERM or SIGINT that nobody handles, SIGKILL, `abort`, a crash, no memory left | what is unacknowledged | what is unstored | as without the exit hook |
//! | a power cut, with [`Durability::Flush`] | what is unacknowledged | what is unstored | as without the exit hook |
//! | a power cut, with [`Durability::Interval`] | what is unacknowledged | what is unstored, and what was stored in the last interval | that, and what is in memory |
//! | a power cut, with [`Durability::Os`] | what is unacknowledged | what is unstored, and what the kernel had not written: about half a minute, at most a [generation](crate::SledOptions::generation_bytes) | that, and what is in memory |
//! | a fork, for what the child logs | everything, counted as [`closed`](crate::Drops::closed) | nothing that it stored; it ends as any process, and who takes its lane over delivers it | likewise |
//!
//! A fork takes nothing from the parent, and the child sends nothing of it. A panic in another thread ends no
//! program and loses nothing. What a power cut takes is always at the end of the queue. The promises for a power
//! cut stand on a disk that keeps what it has confirmed.
//!
//! While the program runs, events are given up for the reasons that [`DropReason`] lists, all of them counted: no room
//! ([`Overflow`]), too old ([`ttl`](HandlerBuilder::ttl)), too large, not to be serialised, rejected by the peer (kept by
//! [`dead_letters`](HandlerBuilder::dead_letters)), a part of the disk that was damaged.
//!
//! # What comes twice
//!
//! Delivery is at least once. What was sent and not acknowledged is sent again, so these can come twice:
//!
//! | after | events |
//! | --- | --- |
//! | a connection that broke, or an acknowledgement that came too late | those on the wire: windows in flight, 2 of up to 2,048 events with the defaults |
//! | a shutdown in time, and any end with a [`MemoryQueue`] | none by the queue |
//! | SIGKILL, a crash | those on the wire |
//! | a power cut | those on the wire, and what was acknowledged in the last second; with [`Durability::Os`] in the last half minute |
//!
//! A stable [`event_id`](LogstashFormatter::event_id), used as `document_id` behind Logstash, makes the second one
//! overwrite the first.
//!
//! # What acknowledged means
//!
//! It depends on the way: with Beats the peer has said so for that event; with TCP and UDP the system has taken the
//! bytes, which says little about the peer. The table of [`logstash_transport`] has all of them. Logstash itself
//! acknowledges when its own queue has the event: a persistent one (`queue.type: persisted`) survives a crash of
//! Logstash, one in memory does not.
//!
//! # How it is shown
//!
//! Tests of this crate end processes by `exit`, by the return of `main`, by signals, by forks, and by SIGKILL at random
//! moments, and count what is there afterwards; the books ([`Stats::is_balanced`]) are held to the sum throughout.
//! `cargo xtask kills` kills again and again while events flow, `cargo xtask powercut` cuts the power of a real
//! file system.

#[cfg(unix)]
#[allow(unused_imports, reason = "for the links of this page")]
use crate::ExitHook;
#[allow(unused_imports, reason = "for the links of this page")]
use crate::{
    DropReason, Guard, Handler, HandlerBuilder, LogstashFormatter, MemoryQueue, OnBacklog, Overflow,
    PanicHook, Report, Stats,
};
#[cfg(feature = "sled")]
#[allow(unused_imports, reason = "for the links of this page")]
use crate::{Durability, SledQueue};

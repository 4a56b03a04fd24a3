use crate::arena::{Admission, Share};
use logstash_format::Level;
use std::time::Duration;

/// What happens when events come faster than they can be stored.
///
/// Whatever it is, it is counted in [`Drops::overflow`](crate::Drops::overflow), and the thread that
/// logs waits for nothing but under [`Block`](Self::Block).
///
/// In configuration files (feature `serde`): `"drop_newest"`, `"drop_oldest"`, `"by_severity"`, or
/// `{ block = { timeout = "100 ms" } }`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
pub enum Overflow {
    /// The thread that logs waits for room, but no longer than this; then the event is dropped.
    Block {
        /// How long.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::duration"))]
        timeout: Duration,
    },
    /// The less severe an event is, the earlier it is dropped, so that room is left for what matters.
    ///
    /// Of the room for events that are not stored yet, and of that in the queue where it is limited,
    /// `TRACE` and `DEBUG` may use a half, `INFO` three quarters, `WARN` nine tenths, and `ERROR` all; a
    /// disk without room counts as three quarters full. Events that were serialised elsewhere count as
    /// `ERROR`.
    BySeverity,
    /// The event is dropped.
    DropNewest,
    /// The oldest events make room: those that are not stored yet, and in a full queue the oldest
    /// window that is not on its way to the peer.
    DropOldest,
}

impl Overflow {
    /// On which terms an event of that level is taken in; `None` where the queue is too full for it.
    pub(crate) fn admission(self, level: Option<Level>, queue_fill: Share) -> Option<Admission> {
        let admission = Admission { tentative: false, ..Admission::TENTATIVE };
        Some(match self {
            Self::Block { timeout } => Admission { patience: timeout, ..admission },
            Self::DropNewest => admission,
            Self::DropOldest => Admission { displaces: true, ..admission },
            Self::BySeverity => {
                let share = level.map_or(Share::ALL, share);
                if share < Share::ALL && queue_fill >= share {
                    return None;
                }
                Admission { share, ..admission }
            }
        })
    }
}

const fn share(level: Level) -> Share {
    match level {
        Level::Trace | Level::Debug => Share(50),
        Level::Info => Share(75),
        Level::Warn => Share(90),
        Level::Error => Share::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_is_kept_for_what_is_severe() {
        let admitted =
            |level, fill| Overflow::BySeverity.admission(level, Share(fill)).map(|terms| terms.share);
        assert_eq!(admitted(Some(Level::Debug), 49), Some(Share(50)));
        assert_eq!(admitted(Some(Level::Debug), 50), None);
        assert_eq!(admitted(Some(Level::Info), 74), Some(Share(75)));
        assert_eq!(admitted(Some(Level::Info), 75), None);
        assert_eq!(admitted(Some(Level::Warn), 90), None);
        assert_eq!(admitted(Some(Level::Error), 100), Some(Share::ALL));
        assert_eq!(admitted(None, 100), Some(Share::ALL));
    }

    #[test]
    fn only_blocking_waits_and_only_dropping_the_oldest_displaces() {
        let second = Duration::from_secs(1);
        let terms = |overflow: Overflow| {
            let terms = overflow.admission(Some(Level::Debug), Share::ALL);
            terms.map(|terms| (terms.patience, terms.displaces, terms.share))
        };
        assert_eq!(terms(Overflow::Block { timeout: second }), Some((second, false, Share::ALL)));
        assert_eq!(terms(Overflow::DropNewest), Some((Duration::ZERO, false, Share::ALL)));
        assert_eq!(terms(Overflow::DropOldest), Some((Duration::ZERO, true, Share::ALL)));
    }
}

use super::files;
use super::record;
use super::slot::{self, NewerFormat};
use crate::queue::backlog::Position;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Which windows and events a generation holds: a small file in its directory.
///
/// Its first slot says where the generation begins and is written when it is created, the second one
/// says where it ends and is written when it takes no more. A generation that has both need not be
/// opened to know what is in it, and if it is damaged, what is missing is known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Span {
    pub(super) begin: Option<Position>,
    pub(super) seal: Option<Seal>,
}

/// What a generation holds in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Seal {
    pub(super) end: Position,
    pub(super) windows: u64,
    /// Encoded bytes.
    pub(super) bytes: u64,
    /// Times of the oldest and the newest window.
    pub(super) oldest: SystemTime,
    pub(super) newest: SystemTime,
}

impl Span {
    /// Reads the file; what is not there or damaged is `None`.
    pub(super) fn read(directory: &Path) -> io::Result<Result<Self, NewerFormat>> {
        let file = match File::open(directory.join(NAME)) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Ok(Self::default())),
            Err(cause) => return Err(cause),
        };
        let (begin, seal) = (slot::read(&file, 0, BEGIN, VERSION)?, slot::read(&file, 1, SEAL, VERSION)?);
        let (begin, seal) = match (begin, seal) {
            (Ok(begin), Ok(seal)) => (begin, seal),
            (Err(newer), _) | (_, Err(newer)) => return Ok(Err(newer)),
        };
        let begin = begin.map(|[window, event]| Position { window, event, done: 0 });
        let seal = seal.and_then(|[window, event, windows, bytes, oldest, newest]| {
            let end = Position { window, event, done: 0 };
            Some(Seal { end, windows, bytes, oldest: record::time(oldest)?, newest: record::time(newest)? })
        });
        Ok(Ok(Self { begin, seal }))
    }

    /// Notes where a generation begins.
    pub(super) fn begin(directory: &Path, at: Position) -> io::Result<()> {
        let file = files::open_private(&directory.join(NAME))?;
        slot::write(&file, 0, BEGIN, VERSION, [at.window, at.event])?;
        file.sync_data()
    }

    /// Notes that a generation takes no more. What it says must be on the disk by then.
    pub(super) fn seal(directory: &Path, seal: &Seal) -> io::Result<()> {
        let file = files::open_private(&directory.join(NAME))?;
        let (oldest, newest) = (record::millis(seal.oldest), record::millis(seal.newest));
        let numbers = [seal.end.window, seal.end.event, seal.windows, seal.bytes, oldest, newest];
        slot::write(&file, 1, SEAL, VERSION, numbers)?;
        file.sync_data()
    }
}

const NAME: &str = "span";
const BEGIN: &[u8; 4] = b"LSQB";
const SEAL: &[u8; 4] = b"LSQE";
const VERSION: u8 = 1;

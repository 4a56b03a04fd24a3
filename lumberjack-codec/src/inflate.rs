//! Inflates one compressed frame while it arrives, in bounded steps.

use crate::error::{DecodeErrorKind, Hint};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};

#[derive(Debug)]
pub(crate) struct Inflate {
    /// Made for the first compressed frame and then reused: clients never need its 40 KiB.
    zlib: Option<Decompress>,
    /// Compressed bytes of the frame that were not taken yet.
    left: u64,
    /// Inflated bytes that are not parsed yet.
    pub(crate) output: BytesMut,
    /// Bytes at the front of `output` that were lent out and are to be taken off before the next use.
    lent: usize,
    produced: u64,
    limit: u64,
    /// The zlib stream has ended and its checksum was right.
    ended: bool,
    /// The last step filled its output, so there may be more without new input.
    more: bool,
    /// The first two bytes, to tell gzip from garbage.
    head: [u8; 2],
    /// A copy of the compressed bytes, while it is wanted and within its bound.
    copy: Option<BytesMut>,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self {
            zlib: None,
            left: 0,
            output: BytesMut::new(),
            lent: 0,
            produced: 0,
            limit: 0,
            ended: false,
            more: false,
            head: [0; 2],
            copy: None,
        }
    }

    /// Starts a frame of `length` compressed bytes that may inflate to `limit` bytes.
    pub(crate) fn start(&mut self, length: u32, limit: u64, copy_limit: usize) {
        match &mut self.zlib {
            Some(zlib) => zlib.reset(true),
            None => self.zlib = Some(Decompress::new(true)),
        }
        self.left = u64::from(length);
        self.output.clear();
        self.lent = 0;
        self.produced = 0;
        self.limit = limit;
        self.ended = false;
        self.more = false;
        self.head = [0; 2];
        self.copy = (copy_limit > 0 && length as usize <= copy_limit).then(BytesMut::new);
    }

    /// Lends the bytes at the front of the output until the next [`settle`](Self::settle).
    pub(crate) fn lend(&mut self, length: usize) -> &[u8] {
        self.lent = length;
        self.output.get(..length).unwrap_or_default()
    }

    /// What was lent last.
    pub(crate) fn lent(&self) -> &[u8] {
        self.output.get(..self.lent).unwrap_or_default()
    }

    /// Takes off what was lent.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if self.lent > 0 {
            self.output.advance(std::mem::take(&mut self.lent));
        }
    }

    /// Bytes that came out so far.
    pub(crate) const fn produced(&self) -> u64 {
        self.produced
    }

    /// Bytes that are kept here and not handed out yet.
    pub(crate) fn held(&self) -> usize {
        self.output.len().saturating_sub(self.lent) + self.copy.as_ref().map_or(0, BytesMut::len)
    }

    /// The compressed bytes of the frame that has ended, where a copy was kept.
    pub(crate) fn take_copy(&mut self) -> Option<Bytes> {
        self.copy.take().map(BytesMut::freeze)
    }

    /// Whether the frame is over: everything taken, everything produced.
    pub(crate) const fn is_done(&self) -> bool {
        self.left == 0 && self.ended
    }

    /// Inflates one step into `output`; `Ok(false)` when more input is needed.
    ///
    /// What came out before an error is in `output` all the same, so that the events before a
    /// defect do not depend on how the bytes were cut.
    pub(crate) fn step(&mut self, input: &mut &[u8]) -> Result<bool, DecodeErrorKind> {
        if self.ended {
            return Err(DecodeErrorKind::TrailingCompressedData { bytes: self.left });
        }
        let available = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
        if available == 0 && !self.more {
            if self.left > 0 {
                return Ok(false);
            }
            return Err(DecodeErrorKind::TruncatedCompressed { inflated: self.produced });
        }
        let chunk = input.get(..available).unwrap_or_default();
        // One byte more than allowed, so that the limit can be seen to be broken.
        let allowed = usize::try_from(self.limit - self.produced).unwrap_or(usize::MAX);
        // A guess, so that input in crumbs does not cost a whole step each; if it is too low, the
        // next step goes on without new input.
        let before = self.output.len();
        // With what is left of the last step, so that its buffer is large enough for this one too.
        let step = if before < STEP / 2 { STEP - before } else { STEP };
        let likely = if self.more { step } else { available.saturating_mul(8).clamp(MIN_STEP, step) };
        let room = self.room(allowed.saturating_add(1).min(likely));
        let Some(zlib) = &mut self.zlib else { return Ok(false) };
        self.output.put_bytes(0, room);
        let (taken_before, made_before) = (zlib.total_in(), zlib.total_out());
        let space = self.output.get_mut(before..).unwrap_or_default();
        let result = zlib.decompress(chunk, space, FlushDecompress::None);
        let taken = (zlib.total_in() - taken_before) as usize;
        let made = (zlib.total_out() - made_before) as usize;
        self.output.truncate(before + made);
        self.remember(taken_before, chunk.get(..taken).unwrap_or_default());
        input.advance(taken);
        self.left -= taken as u64;
        self.produced += made as u64;
        self.more = made == room;
        if self.produced > self.limit {
            self.output.truncate(before + room - 1);
            return Err(DecodeErrorKind::DecompressedTooLarge { limit: self.limit });
        }
        match result {
            Ok(Status::StreamEnd) => self.ended = true,
            Ok(_) if taken == 0 && made == 0 && available > 0 => {
                return Err(self.corrupt("no progress"));
            }
            Ok(_) => {}
            Err(error) if error.needs_dictionary().is_some() => {
                return Err(self.corrupt("it wants a preset dictionary"));
            }
            Err(error) => return Err(self.corrupt(stable(error.message()))),
        }
        Ok(true)
    }

    /// Lets go of the memory that one huge payload took, instead of keeping it for the connection.
    pub(crate) fn release_excess(&mut self) {
        if self.produced > KEEP as u64 {
            self.output = BytesMut::new();
        }
    }

    /// Room for one step: as much as is wanted, or what is left of the buffer.
    ///
    /// A payload that is kept holds all of its buffer. A new one for each of many small frames would make
    /// a peer's few bytes hold a step each; so at least half of every buffer is used before the next.
    fn room(&mut self, wanted: usize) -> usize {
        if self.output.try_reclaim(wanted) {
            return wanted;
        }
        let left = self.output.capacity() - self.output.len();
        if left >= wanted.div_ceil(2) { left } else { wanted }
    }

    fn remember(&mut self, seen: u64, taken: &[u8]) {
        for (slot, byte) in self.head.iter_mut().skip(usize::try_from(seen).unwrap_or(2)).zip(taken) {
            *slot = *byte;
        }
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(taken);
        }
    }

    fn corrupt(&self, cause: &str) -> DecodeErrorKind {
        let hint = (self.head == [0x1f, 0x8b]).then_some(Hint::Gzip);
        DecodeErrorKind::CorruptCompressed { cause: cause.to_owned(), hint }
    }
}

/// zlib's words where they do not depend on how the bytes were cut: its fast path reports "repeated
/// call with bad state" where the slow one says which code is invalid.
fn stable(message: Option<&str>) -> &str {
    message.filter(|message| message.starts_with("incorrect")).unwrap_or("invalid data")
}

/// Bytes that one step may produce; with one payload and zlib's 32 KiB, all the memory there is.
/// zlib copies those 32 KiB with every step: steps of 32 KiB would cost a tenth of the speed.
const STEP: usize = 128 * 1024;

const MIN_STEP: usize = 512;

/// Inflated bytes of a frame up to which its buffer is kept for the next one.
const KEEP: usize = 256 * 1024;

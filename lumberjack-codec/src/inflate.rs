//! Inflates one compressed frame while it arrives, in bounded steps.

use crate::error::{DecodeErrorKind, Hint};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that one step may produce; with one payload and zlib's 32 KiB, all the memory there is.
const STEP: usize = 32 * 1024;

#[derive(Debug)]
pub(crate) struct Inflate {
    zlib: Decompress,
    /// Compressed bytes of the frame that were not taken yet.
    left: u64,
    /// Inflated bytes that are not parsed yet.
    pub(crate) output: BytesMut,
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
    copy_limit: usize,
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self {
            zlib: Decompress::new(true),
            left: 0,
            output: BytesMut::new(),
            produced: 0,
            limit: 0,
            ended: false,
            more: false,
            head: [0; 2],
            copy: None,
            copy_limit: 0,
        }
    }

    /// Starts a frame of `length` compressed bytes that may inflate to `limit` bytes.
    pub(crate) fn start(&mut self, length: u32, limit: u64, copy_limit: usize) {
        self.zlib.reset(true);
        self.left = u64::from(length);
        self.output.clear();
        self.produced = 0;
        self.limit = limit;
        self.ended = false;
        self.more = false;
        self.head = [0; 2];
        self.copy = (copy_limit > 0 && length as usize <= copy_limit).then(BytesMut::new);
        self.copy_limit = copy_limit;
    }

    /// Bytes that came out so far.
    pub(crate) const fn produced(&self) -> u64 {
        self.produced
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
    pub(crate) fn step(&mut self, input: &mut BytesMut) -> Result<bool, DecodeErrorKind> {
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
        let room =
            usize::try_from(self.limit - self.produced).unwrap_or(usize::MAX).saturating_add(1).min(STEP);
        let before = self.output.len();
        self.output.put_bytes(0, room);
        let (taken_before, made_before) = (self.zlib.total_in(), self.zlib.total_out());
        let space = self.output.get_mut(before..).unwrap_or_default();
        let result = self.zlib.decompress(chunk, space, FlushDecompress::None);
        let taken = (self.zlib.total_in() - taken_before) as usize;
        let made = (self.zlib.total_out() - made_before) as usize;
        self.output.truncate(before + made);
        self.remember(chunk.get(..taken).unwrap_or_default());
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
            Err(error) => return Err(self.corrupt(error.message().unwrap_or("invalid data"))),
        }
        Ok(true)
    }

    fn remember(&mut self, taken: &[u8]) {
        let seen = self.zlib.total_in() - taken.len() as u64;
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

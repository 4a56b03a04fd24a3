use crate::error::{DecodeError, DecodeErrorKind};
use crate::frame::{Frame, Role, Version};
use crate::grammar::{Grammar, JSON_HEAD};
use crate::inflate::Inflate;
use crate::limits::Limits;
use bytes::{Buf, Bytes, BytesMut};

/// Takes frames off a stream of bytes, inflating compressed ones while they arrive.
///
/// Memory is one payload, 32 KiB of zlib state and one output step of 128 KiB; it depends neither
/// on the size of a window, nor on the length of a compressed frame, nor on what that inflates to.
/// Payloads of plain frames are split off the input without a copy.
///
/// After an error the position in the stream is lost: every further call repeats the error.
#[derive(Debug)]
pub struct FrameDecoder {
    grammar: Grammar,
    /// Reused from one compressed frame to the next.
    inflate: Inflate,
    in_compressed: bool,
    keep_compressed: usize,
    /// Bytes taken from the stream.
    offset: u64,
    /// Where the frame begins that is being read.
    next_frame_offset: u64,
    /// Where the frame began that was handed out last.
    frame_offset: u64,
    failed: Option<DecodeError>,
    /// An error that waits until the frames before it are handed out.
    pending_error: Option<DecodeErrorKind>,
}

impl FrameDecoder {
    /// A decoder for one end of a connection.
    #[must_use]
    pub fn new(role: Role, limits: Limits) -> Self {
        Self {
            grammar: Grammar::new(role, limits),
            inflate: Inflate::new(),
            in_compressed: false,
            keep_compressed: 0,
            offset: 0,
            next_frame_offset: 0,
            frame_offset: 0,
            failed: None,
            pending_error: None,
        }
    }

    /// Keeps a copy of each compressed frame of at most this many bytes, for
    /// [`take_compressed`](Self::take_compressed). Default: 0, none.
    #[must_use]
    pub fn keep_compressed(mut self, max_bytes: usize) -> Self {
        self.keep_compressed = max_bytes;
        self
    }

    /// The next frame, or `None` until more bytes are in `input`.
    ///
    /// Bytes of an incomplete frame stay in `input`; append what arrives and call again.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are no frames or break a limit. The same error comes back on
    /// every later call.
    #[inline]
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        // Nearly every frame is a JSON frame that is there as a whole. It is written straight into the
        // place of the result: moving a frame costs more than reading it.
        let buffer = if self.in_compressed { &mut self.inflate.output } else { &mut *input };
        if let Some((sequence, length)) = self.grammar.whole_json(buffer)
            && self.failed.is_none()
        {
            self.frame_offset = self.next_frame_offset;
            if !self.in_compressed {
                self.offset += length as u64;
                self.next_frame_offset = self.offset;
            }
            let mut payload = buffer.split_to(length).freeze();
            payload.advance(JSON_HEAD);
            return Ok(Some(Frame::Json { version: Version::V2, sequence, payload }));
        }
        self.decode_any(input)
    }

    /// Whether the stream may end here, provided that the input is empty.
    #[must_use]
    pub const fn at_boundary(&self) -> bool {
        !self.in_compressed && self.failed.is_none()
    }

    /// Whether the last frame came from inside a compressed frame that has not ended.
    #[must_use]
    pub const fn in_compressed(&self) -> bool {
        self.in_compressed
    }

    /// Bytes taken from the stream so far.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the frame began that was returned last: bytes from the start of the stream. For a frame
    /// inside a compressed frame, the start of the compressed frame.
    #[must_use]
    pub const fn frame_offset(&self) -> u64 {
        self.frame_offset
    }

    /// The zlib stream of the compressed frame that ended last, if a copy was kept.
    pub fn take_compressed(&mut self) -> Option<Bytes> {
        if self.in_compressed { None } else { self.inflate.take_copy() }
    }

    #[inline(never)]
    fn decode_any(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let before = input.len();
        let result = self.next(input);
        self.offset += (before - input.len()) as u64;
        match result {
            Ok(None) => Ok(None),
            Ok(frame) => {
                self.frame_offset = self.next_frame_offset;
                if !self.in_compressed {
                    self.next_frame_offset = self.offset;
                }
                Ok(frame)
            }
            Err(kind) => {
                let error = DecodeError::new(kind, self.next_frame_offset);
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeErrorKind> {
        if self.in_compressed {
            return self.next_inflated(input);
        }
        let frame = self.grammar.next(input, false)?;
        if let Some(Frame::CompressedBegin { length, .. }) = frame {
            self.inflate.start(length, self.grammar.limits().max_decompressed, self.keep_compressed);
            self.in_compressed = true;
        }
        Ok(frame)
    }

    fn next_inflated(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeErrorKind> {
        loop {
            if let Some(frame) = self.grammar.next(&mut self.inflate.output, true)? {
                return Ok(Some(frame));
            }
            if let Some(error) = self.pending_error.take() {
                return Err(error);
            }
            if self.inflate.is_done() {
                return self.end_compressed().map(Some);
            }
            match self.inflate.step(input) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => self.pending_error = Some(error),
            }
        }
    }

    fn end_compressed(&mut self) -> Result<Frame, DecodeErrorKind> {
        if !self.inflate.output.is_empty() {
            return Err(DecodeErrorKind::PartialFrameInCompressed { bytes: self.inflate.output.len() });
        }
        self.in_compressed = false;
        self.inflate.release_excess();
        Ok(Frame::CompressedEnd { inflated: self.inflate.produced() })
    }
}

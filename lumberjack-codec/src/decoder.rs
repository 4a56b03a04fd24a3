use crate::error::{DecodeError, DecodeErrorKind};
use crate::frame::{Frame, Role, Version};
use crate::frame_ref::FrameRef;
use crate::grammar::{Found, Grammar, Head, JSON_HEAD};
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
///
/// ```
/// use bytes::BytesMut;
/// use lumberjack_codec::{Frame, FrameDecoder, Limits, Role, Version};
///
/// let mut decoder = FrameDecoder::new(Role::Client(Version::V2), Limits::new());
/// let mut input = BytesMut::from(&b"2A\0\0\0\x072A"[..]);
/// let ack = Frame::Ack { version: Version::V2, sequence: 7 };
/// assert_eq!(decoder.decode(&mut input), Ok(Some(ack)));
/// assert_eq!(decoder.decode(&mut input), Ok(None)); // the rest is still to come
/// assert_eq!(&input[..], b"2A");
/// ```
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
        let buffer = if self.in_compressed {
            self.inflate.settle();
            &mut self.inflate.output
        } else {
            &mut *input
        };
        if let Some((sequence, payload, _)) = self.grammar.whole_json(buffer)
            && self.failed.is_none()
        {
            let length = JSON_HEAD + payload.len();
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

    /// The next frame, borrowed: nothing is copied and nothing is counted, which makes it the fastest way
    /// through a buffer that the caller owns.
    ///
    /// Takes the frame off the front of `input`. Bytes of an incomplete frame stay there; present them
    /// again, with what arrives appended. The frame lives until the next call; of a plain frame, the
    /// payload lies in `input`, of one inside a compressed frame, in the decoder.
    ///
    /// This is the same decoder, with the same limits and errors: [`decode`](Self::decode) and this
    /// method may take turns on one stream.
    ///
    /// ```
    /// use lumberjack_codec::{FrameDecoder, FrameRef, Limits, Role};
    ///
    /// let buffer = b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x02{}2J\0\0\0\x02\0\0\0\x02[".to_vec();
    /// let mut decoder = FrameDecoder::new(Role::Server, Limits::new());
    /// let mut rest = &buffer[..];
    /// let mut documents = 0;
    /// while let Some(frame) = decoder.decode_borrowed(&mut rest).unwrap() {
    ///     if let FrameRef::Json { payload, .. } = frame {
    ///         assert_eq!(payload, b"{}");
    ///         documents += 1;
    ///     }
    /// }
    /// assert_eq!(documents, 1);
    /// assert_eq!(rest, b"2J\0\0\0\x02\0\0\0\x02["); // to be kept until the rest is there
    /// ```
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    #[inline]
    pub fn decode_borrowed<'f, 'i: 'f>(
        &'f mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<FrameRef<'f>>, DecodeError> {
        if !self.in_compressed
            && let Some((sequence, payload, rest)) = self.grammar.whole_json(input)
            && self.failed.is_none()
        {
            self.frame_offset = self.next_frame_offset;
            self.offset += (JSON_HEAD + payload.len()) as u64;
            self.next_frame_offset = self.offset;
            *input = rest;
            return Ok(Some(FrameRef::Json { version: Version::V2, sequence, payload }));
        }
        self.decode_any_borrowed(input)
    }

    /// The frame that was borrowed last, as it lies in the decoder; empty if it lay in the input.
    pub(crate) fn lent(&self) -> &[u8] {
        self.inflate.lent()
    }

    /// Bytes of a compressed frame that were taken from the stream and are not handed out yet, inflated ones and those
    /// of the copy.
    pub(crate) fn held(&self) -> usize {
        if self.in_compressed { self.inflate.held() } else { 0 }
    }

    /// The version that the peer speaks, once that is known.
    pub(crate) const fn version(&self) -> Option<Version> {
        self.grammar.version()
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
        let inside = self.in_compressed;
        let mut rest = &input[..];
        let found = self.find(&mut rest);
        let taken = input.len() - rest.len();
        input.advance(taken);
        let buffer = if inside { &mut self.inflate.output } else { input };
        Ok(found?.map(|found| found.split_off(buffer)))
    }

    #[inline(never)]
    fn decode_any_borrowed<'f, 'i: 'f>(
        &'f mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<FrameRef<'f>>, DecodeError> {
        let inside = self.in_compressed;
        let Some(found) = self.find(input)? else { return Ok(None) };
        let bytes = if inside {
            self.inflate.lend(found.length)
        } else {
            let (bytes, rest) = input.split_at_checked(found.length).unwrap_or_default();
            *input = rest;
            bytes
        };
        Ok(Some(found.borrow(bytes)))
    }

    /// The next frame, which the caller takes off the front of where it lies: `input`, or what was
    /// inflated. Compressed bytes are taken here.
    fn find(&mut self, input: &mut &[u8]) -> Result<Option<Found>, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let (before, inside) = (input.len(), self.in_compressed);
        let result = if inside { self.find_inflated(input) } else { self.find_plain(input) };
        self.offset += (before - input.len()) as u64;
        match result {
            Ok(None) => Ok(None),
            Ok(Some(found)) => {
                if !inside {
                    self.offset += found.length as u64;
                }
                self.frame_offset = self.next_frame_offset;
                if !self.in_compressed {
                    self.next_frame_offset = self.offset;
                }
                Ok(Some(found))
            }
            Err(kind) => {
                let error = DecodeError::new(kind, self.next_frame_offset);
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    fn find_plain(&mut self, input: &[u8]) -> Result<Option<Found>, DecodeErrorKind> {
        let found = self.grammar.next(input, false)?;
        if let Some(Found { head: Head::CompressedBegin { length, .. }, .. }) = found {
            self.inflate.start(length, self.grammar.limits().max_decompressed, self.keep_compressed);
            self.in_compressed = true;
        }
        Ok(found)
    }

    fn find_inflated(&mut self, input: &mut &[u8]) -> Result<Option<Found>, DecodeErrorKind> {
        self.inflate.settle();
        loop {
            if let Some(found) = self.grammar.next(&self.inflate.output, true)? {
                return Ok(Some(found));
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

    fn end_compressed(&mut self) -> Result<Found, DecodeErrorKind> {
        if !self.inflate.output.is_empty() {
            return Err(DecodeErrorKind::PartialFrameInCompressed { bytes: self.inflate.output.len() });
        }
        self.in_compressed = false;
        self.inflate.release_excess();
        Ok(Found { head: Head::CompressedEnd { inflated: self.inflate.produced() }, length: 0 })
    }
}

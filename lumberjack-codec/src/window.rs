//! A window in the form in which it is stored and sent.

use crate::decoder::FrameDecoder;
use crate::encode::{
    self, EncodeError, EncodeErrorKind, MAX_EVENTS_PER_WINDOW, MAX_FRAMES, MAX_PAYLOAD_BYTES,
};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::frame::{Frame, Role, Version};
use crate::frame_ref::FrameRef;
use crate::grammar::JSON_HEAD;
use crate::limits::Limits;
use crate::transmit::KEEP_CAPACITY;
use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress, Status};
use std::fmt;

/// The events of one window as JSON frames numbered from 1, deflated or as they are.
///
/// Encoded once, it can be stored, read back, and sent any number of times without touching the
/// bytes: they are the content of a compressed frame.
///
/// ```
/// use lumberjack_codec::WindowEncoder;
///
/// let window = WindowEncoder::new(3).encode(["{\"a\":1}", "{\"a\":2}"]).unwrap();
/// assert_eq!(window.events(), 2);
/// assert_eq!(window.payloads().unwrap(), ["{\"a\":1}", "{\"a\":2}"]);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodedWindow {
    events: u32,
    inflated_len: u64,
    encoding: Encoding,
    bytes: Bytes,
}

impl EncodedWindow {
    /// A window read back from where it was stored.
    ///
    /// Nothing is checked here; [`payloads`](Self::payloads) does.
    #[must_use]
    pub const fn from_parts(events: u32, inflated_len: u64, encoding: Encoding, bytes: Bytes) -> Self {
        Self { events, inflated_len, encoding, bytes }
    }

    /// Events in the window.
    #[must_use]
    pub const fn events(&self) -> u32 {
        self.events
    }

    /// The zlib stream, or the frames themselves where the window is not deflated.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Bytes of the frames when inflated: 10 more than its payload for each event.
    #[must_use]
    pub const fn inflated_len(&self) -> u64 {
        self.inflated_len
    }

    /// Bytes of the payloads alone.
    #[must_use]
    pub const fn payload_len(&self) -> u64 {
        self.inflated_len.saturating_sub(JSON_HEAD as u64 * self.events as u64)
    }

    /// How the frames are stored.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Appends the window as it goes over the wire: window frame, then the events. An empty window appends
    /// nothing, because go-lumber and Vector never answer one.
    pub fn write_to(&self, out: &mut BytesMut) {
        write(self.events, self.encoding, &self.bytes, out);
    }

    /// Reads the payloads back, in order.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes do not hold exactly the events that the window claims.
    pub fn payloads(&self) -> Result<Vec<Bytes>, DecodeError> {
        // A zlib stream may be longer than what it holds; one of flush markers is much longer.
        let inflated = self.inflated_len.max(self.bytes.len() as u64);
        let limits = Limits::new().max_json_payload(u32::MAX).max_decompressed(inflated);
        let mut decoder = FrameDecoder::new(Role::Server, limits);
        let mut read =
            Read { payloads: Vec::with_capacity(self.events.min(MAX_EVENTS_PER_WINDOW) as usize), length: 0 };
        let left = match self.encoding {
            Encoding::Deflated => {
                let mut input = BytesMut::with_capacity(self.bytes.len() + 6);
                encode::compressed(Version::V2, &self.bytes, &mut input);
                while let Some(frame) = decoder.decode(&mut input)? {
                    match frame {
                        Frame::Json { version, sequence, payload } if read.is_next(version, sequence) => {
                            read.add(payload);
                        }
                        Frame::CompressedBegin { .. } | Frame::CompressedEnd { .. } => {}
                        _ => return Err(out_of_order(&decoder)),
                    }
                }
                input.len()
            }
            // The payloads stay where they are.
            Encoding::Plain => {
                let mut rest = &self.bytes[..];
                while let Some(frame) = decoder.decode_borrowed(&mut rest)? {
                    match frame {
                        FrameRef::Json { version, sequence, payload } if read.is_next(version, sequence) => {
                            read.add(self.bytes.slice_ref(payload));
                        }
                        _ => return Err(out_of_order(&decoder)),
                    }
                }
                rest.len()
            }
        };
        if left > 0 || !decoder.at_boundary() {
            return Err(damaged("it ends inside a frame", decoder.offset()));
        }
        if read.payloads.len() != self.events as usize || read.length != self.inflated_len {
            return Err(damaged("more or fewer events or bytes than it claims", decoder.offset()));
        }
        Ok(read.payloads)
    }
}

/// The payloads that were read back so far.
struct Read {
    payloads: Vec<Bytes>,
    /// Bytes of their frames.
    length: u64,
}

impl Read {
    fn is_next(&self, version: Version, sequence: u32) -> bool {
        version == Version::V2 && sequence as usize == self.payloads.len() + 1
    }

    fn add(&mut self, payload: Bytes) {
        self.length += (JSON_HEAD + payload.len()) as u64;
        self.payloads.push(payload);
    }
}

fn out_of_order(decoder: &FrameDecoder) -> DecodeError {
    damaged("a frame that is not the next event", decoder.frame_offset())
}

/// How the frames of an [`EncodedWindow`] are stored.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Encoding {
    /// One zlib stream, the content of a compressed frame.
    Deflated,
    /// The frames as they are.
    Plain,
}

/// Makes [`EncodedWindow`]s, reusing its buffers and the state of the compressor.
pub struct WindowEncoder {
    level: u32,
    /// Made for the first window and then reused: its 260 KiB are wasted on a client that only
    /// sends what was encoded elsewhere, and never needed at level 0.
    deflate: Option<Compress>,
    frames: Vec<u8>,
    output: Vec<u8>,
    max_events: u32,
}

impl WindowEncoder {
    /// An encoder of a zlib level from 0 (frames stay as they are) to 9; above counts as 9.
    ///
    /// Level 3 is the default of Filebeat. Level 1 takes less than half of its time for a third more bytes,
    /// level 6 more than twice its time for a tenth fewer.
    #[must_use]
    pub fn new(level: u32) -> Self {
        Self {
            level: level.min(9),
            deflate: None,
            frames: Vec::new(),
            output: Vec::new(),
            max_events: MAX_EVENTS_PER_WINDOW,
        }
    }

    /// Raises or lowers the number of events in a window. Default: [`MAX_EVENTS_PER_WINDOW`].
    #[must_use]
    pub const fn max_events(mut self, events: u32) -> Self {
        self.max_events = events;
        self
    }

    /// The zlib level.
    #[must_use]
    pub const fn level(&self) -> u32 {
        self.level
    }

    /// Encodes the payloads as one window.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when a payload is empty or above 64 MiB, or when there are too many.
    pub fn encode<P>(&mut self, payloads: P) -> Result<EncodedWindow, EncodeError>
    where
        P: IntoIterator,
        P::Item: AsRef<[u8]>,
    {
        let events = self.frame(payloads, 1).inspect_err(|_| self.release_excess())?;
        let inflated_len = self.frames.len() as u64;
        let (encoding, bytes) = self.content();
        let bytes = Bytes::copy_from_slice(bytes);
        self.release_excess();
        Ok(EncodedWindow { events, inflated_len, encoding, bytes })
    }

    /// Compresses a window that is not; any other, and all of them at level 0, come back as they are.
    #[must_use]
    pub fn compress(&mut self, window: EncodedWindow) -> EncodedWindow {
        if window.encoding != Encoding::Plain {
            return window;
        }
        let Some(length) = self.deflate(&window.bytes) else { return window };
        let bytes = Bytes::copy_from_slice(self.output.get(..length).unwrap_or_default());
        self.release_excess();
        EncodedWindow { encoding: Encoding::Deflated, bytes, ..window }
    }

    /// Appends the payloads to `out` as a window with sequence numbers from `first` on, wrapping, and
    /// returns how many there are. Allocates only where a buffer is too small.
    pub(crate) fn write_numbered<P>(
        &mut self,
        payloads: P,
        first: u32,
        out: &mut BytesMut,
    ) -> Result<u32, EncodeError>
    where
        P: IntoIterator,
        P::Item: AsRef<[u8]>,
    {
        if self.level == 0 {
            return self.write_plain(payloads, first, out);
        }
        let events = self.frame(payloads, first).inspect_err(|_| self.release_excess())?;
        let (encoding, bytes) = self.content();
        write(events, encoding, bytes, out);
        self.release_excess();
        Ok(events)
    }

    /// The same at level 0: frames that stay as they are need not be put aside.
    fn write_plain<P>(&self, payloads: P, first: u32, out: &mut BytesMut) -> Result<u32, EncodeError>
    where
        P: IntoIterator,
        P::Item: AsRef<[u8]>,
    {
        let start = out.len();
        // How many there are, is known at the end.
        encode::window(Version::V2, 0, out);
        let result = append(payloads, first, self.max_events, out);
        match result {
            Ok(events) if events > 0 => {
                if let Some(count) = out.get_mut(start + 2..start + 6) {
                    count.copy_from_slice(&events.to_be_bytes());
                }
            }
            _ => out.truncate(start),
        }
        result
    }

    /// Lines the payloads up as frames and returns how many there are.
    fn frame<P>(&mut self, payloads: P, first: u32) -> Result<u32, EncodeError>
    where
        P: IntoIterator,
        P::Item: AsRef<[u8]>,
    {
        self.frames.clear();
        append(payloads, first, self.max_events, &mut self.frames)
    }

    /// The frames as they are sent; plain also where the compressor fails.
    fn content(&mut self) -> (Encoding, &[u8]) {
        let frames = std::mem::take(&mut self.frames);
        let deflated = self.deflate(&frames);
        self.frames = frames;
        match deflated {
            Some(length) => (Encoding::Deflated, self.output.get(..length).unwrap_or_default()),
            None => (Encoding::Plain, &self.frames),
        }
    }

    /// Makes one zlib stream of these frames, at the front of `output`, and returns its length; `None` at
    /// level 0 or if the compressor fails.
    ///
    /// The buffer stays initialised between calls: the `_vec` calls of flate2 would clear the whole
    /// spare capacity each time.
    fn deflate(&mut self, frames: &[u8]) -> Option<usize> {
        if self.level == 0 {
            return None;
        }
        let level = Compression::new(self.level);
        let deflate = self.deflate.get_or_insert_with(|| Compress::new(level, true));
        deflate.reset();
        // zlib's own bound for stored blocks, so that one call is the rule.
        let bound = frames.len() + frames.len() / 1000 + 64;
        if self.output.len() < bound {
            self.output.resize(bound, 0);
        }
        loop {
            let taken = usize::try_from(deflate.total_in()).ok()?;
            let made = usize::try_from(deflate.total_out()).ok()?;
            let rest = frames.get(taken..)?;
            let space = self.output.get_mut(made..)?;
            match deflate.compress(rest, space, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return usize::try_from(deflate.total_out()).ok(),
                // The output is full, as level 1 makes it with data that does not compress.
                Ok(_) if self.output.len() < 2 * bound => self.output.resize(2 * bound, 0),
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// One huge window must not hold its memory for the rest of the process.
    fn release_excess(&mut self) {
        for buffer in [&mut self.frames, &mut self.output] {
            if buffer.capacity() > KEEP_CAPACITY {
                *buffer = Vec::new();
            }
        }
    }
}

impl fmt::Debug for WindowEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowEncoder").field("level", &self.level).finish_non_exhaustive()
    }
}

/// Appends the payloads to `out` as frames numbered from `first` on, wrapping, and returns how many there are.
fn append<P, B>(payloads: P, first: u32, max_events: u32, out: &mut B) -> Result<u32, EncodeError>
where
    P: IntoIterator,
    P::Item: AsRef<[u8]>,
    B: BufMut,
{
    let mut events = 0_u32;
    // Logstash reads lengths into a signed integer.
    let mut room = MAX_FRAMES;
    for payload in payloads {
        let payload = payload.as_ref();
        let index = events as usize;
        if payload.is_empty() {
            return Err(EncodeError::new(EncodeErrorKind::EmptyEvent { index }));
        }
        if payload.len() > MAX_PAYLOAD_BYTES {
            let (length, limit) = (payload.len(), MAX_PAYLOAD_BYTES);
            return Err(EncodeError::new(EncodeErrorKind::EventTooLarge { index, length, limit }));
        }
        if events == max_events {
            return Err(too_large(index + 1, max_events as usize));
        }
        if payload.len() > room {
            return Err(too_large(MAX_FRAMES - room + payload.len(), MAX_FRAMES));
        }
        encode::json(Version::V2, first.wrapping_add(events), payload, out);
        room = room.saturating_sub(JSON_HEAD + payload.len());
        events += 1;
    }
    Ok(events)
}

/// Appends a window as it goes over the wire; nothing for an empty one.
fn write(events: u32, encoding: Encoding, bytes: &[u8], out: &mut BytesMut) {
    if events == 0 {
        return;
    }
    out.reserve(12 + bytes.len());
    encode::window(Version::V2, events, out);
    match encoding {
        Encoding::Deflated => encode::compressed(Version::V2, bytes, out),
        Encoding::Plain => out.extend_from_slice(bytes),
    }
}

const fn damaged(cause: &'static str, offset: u64) -> DecodeError {
    DecodeError::new(DecodeErrorKind::DamagedWindow { cause }, offset)
}

const fn too_large(size: usize, limit: usize) -> EncodeError {
    EncodeError::new(EncodeErrorKind::BatchTooLarge { size, limit })
}

use crate::frame::{Frame, Version};
use bytes::Bytes;

/// A [`Frame`] whose payload is borrowed, as
/// [`FrameDecoder::decode_borrowed`](crate::FrameDecoder::decode_borrowed) reports it.
///
/// The layout of each frame on the wire stands at [`Frame`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "the protocol has no other frames")]
pub enum FrameRef<'a> {
    /// Announces how many events follow before the sender waits for an acknowledgement.
    Window {
        /// Version of the frame.
        version: Version,
        /// Events in the window; 0 is an empty batch or a probe.
        size: u32,
    },
    /// An event: one JSON document, opaque to this crate.
    Json {
        /// Version of the frame.
        version: Version,
        /// Number of the event as its sender counts.
        sequence: u32,
        /// The document.
        payload: &'a [u8],
    },
    /// An event of protocol version 1: key-value pairs of strings.
    Data {
        /// Version of the frame.
        version: Version,
        /// Number of the event as its sender counts.
        sequence: u32,
        /// The pairs in the order of the wire; a key may occur more than once.
        pairs: Pairs<'a>,
    },
    /// A compressed frame has begun; the frames that it holds follow.
    CompressedBegin {
        /// Version of the frame.
        version: Version,
        /// Length of the compressed bytes.
        length: u32,
    },
    /// The compressed frame has ended and its checksum was right.
    CompressedEnd {
        /// Bytes that the frame inflated to.
        inflated: u64,
    },
    /// Acknowledges events; sent by servers only.
    Ack {
        /// Version of the frame.
        version: Version,
        /// Number of the last event that was taken over; 0 is a keepalive.
        sequence: u32,
    },
}

impl FrameRef<'_> {
    /// The frame with a copy of its payload, to be kept.
    #[must_use]
    pub fn to_frame(&self) -> Frame {
        match self {
            Self::Window { version, size } => Frame::Window { version: *version, size: *size },
            Self::Json { version, sequence, payload } => Frame::Json {
                version: *version,
                sequence: *sequence,
                payload: Bytes::copy_from_slice(payload),
            },
            Self::Data { version, sequence, pairs } => {
                let bytes = Bytes::copy_from_slice(pairs.bytes);
                let pairs = Pairs::new(&bytes, pairs.left);
                let pairs = pairs.map(|(key, value)| (bytes.slice_ref(key), bytes.slice_ref(value)));
                Frame::Data { version: *version, sequence: *sequence, pairs: pairs.collect() }
            }
            Self::CompressedBegin { version, length } => {
                Frame::CompressedBegin { version: *version, length: *length }
            }
            Self::CompressedEnd { inflated } => Frame::CompressedEnd { inflated: *inflated },
            Self::Ack { version, sequence } => Frame::Ack { version: *version, sequence: *sequence },
        }
    }
}

/// The keys and values of a [`FrameRef::Data`], read where they lie.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pairs<'a> {
    /// Invariant: holds the pairs that are left, each item behind its length.
    bytes: &'a [u8],
    left: u32,
}

impl<'a> Pairs<'a> {
    pub(crate) const fn new(bytes: &'a [u8], left: u32) -> Self {
        Self { bytes, left }
    }

    fn item(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.bytes.split_first_chunk::<4>()?;
        let (item, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.bytes = rest;
        Some(item)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some((self.item()?, self.item()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Pairs<'_> {}

impl std::iter::FusedIterator for Pairs<'_> {}

use bytes::Bytes;

/// One frame of the wire format, as [`FrameDecoder`](crate::FrameDecoder) reports it.
///
/// All integers are unsigned, 32 bits wide and big-endian. A compressed frame is reported as a
/// begin, the frames that it holds, and an end, because it is inflated while it arrives.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "the protocol has no other frames")]
pub enum Frame {
    /// Announces how many events follow before the sender waits for an acknowledgement.
    ///
    /// ```text
    ///  0         1         2                             6
    /// +---------+---------+-----------------------------+
    /// | version | 'W'     | number of events            |
    /// +---------+---------+-----------------------------+
    /// ```
    Window {
        /// Version of the frame.
        version: Version,
        /// Events in the window; 0 is an empty batch or a probe.
        size: u32,
    },
    /// An event: one JSON document, opaque to this crate.
    ///
    /// ```text
    ///  0         1         2              6              10
    /// +---------+---------+--------------+--------------+-----------
    /// | version | 'J'     | sequence     | length n     | n bytes …
    /// +---------+---------+--------------+--------------+-----------
    /// ```
    Json {
        /// Version of the frame.
        version: Version,
        /// Number of the event as its sender counts.
        sequence: u32,
        /// The document.
        payload: Bytes,
    },
    /// An event of protocol version 1: key-value pairs of strings.
    ///
    /// ```text
    ///  0         1         2              6              10
    /// +---------+---------+--------------+--------------+--------------------------------------
    /// | version | 'D'     | sequence     | pairs p      | p times: length, key, length, value …
    /// +---------+---------+--------------+--------------+--------------------------------------
    /// ```
    Data {
        /// Version of the frame.
        version: Version,
        /// Number of the event as its sender counts.
        sequence: u32,
        /// The pairs in the order of the wire; a key may occur more than once.
        pairs: Vec<Pair>,
    },
    /// A compressed frame has begun; the frames that it holds follow.
    ///
    /// ```text
    ///  0         1         2              6
    /// +---------+---------+--------------+---------------------------------------
    /// | version | 'C'     | length n     | n bytes: one zlib stream of frames …
    /// +---------+---------+--------------+---------------------------------------
    /// ```
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
    ///
    /// ```text
    ///  0         1         2                             6
    /// +---------+---------+-----------------------------+
    /// | version | 'A'     | sequence                    |
    /// +---------+---------+-----------------------------+
    /// ```
    Ack {
        /// Version of the frame.
        version: Version,
        /// Number of the last event that was taken over; 0 is a keepalive.
        sequence: u32,
    },
}

/// A key and its value in a [`Frame::Data`].
pub type Pair = (Bytes, Bytes);

/// Version of the protocol, the first byte of every frame.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(clippy::exhaustive_enums, reason = "there are two versions, and a third would change the machines")]
pub enum Version {
    /// `'1'`: events are pairs of strings (logstash-forwarder).
    V1,
    /// `'2'`: events are JSON documents (Beats).
    V2,
}

impl Version {
    /// The byte on the wire, an ASCII digit.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::V1 => b'1',
            Self::V2 => b'2',
        }
    }

    /// The version that a byte stands for.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'1' => Some(Self::V1),
            b'2' => Some(Self::V2),
            _ => None,
        }
    }
}

/// Kind of a frame, its second byte.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "the protocol has no other frames")]
pub enum FrameType {
    /// `'A'`
    Ack,
    /// `'C'`
    Compressed,
    /// `'D'`
    Data,
    /// `'J'`
    Json,
    /// `'W'`
    Window,
}

impl FrameType {
    /// The byte on the wire, an ASCII letter.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ack => b'A',
            Self::Compressed => b'C',
            Self::Data => b'D',
            Self::Json => b'J',
            Self::Window => b'W',
        }
    }

    /// The kind that a byte stands for.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'A' => Some(Self::Ack),
            b'C' => Some(Self::Compressed),
            b'D' => Some(Self::Data),
            b'J' => Some(Self::Json),
            b'W' => Some(Self::Window),
            _ => None,
        }
    }
}

/// Which side of the protocol reads the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Role {
    /// Reads acknowledgements of windows that were sent with this version.
    Client(Version),
    /// Reads windows and events.
    Server,
}

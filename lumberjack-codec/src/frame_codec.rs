use crate::decoder::FrameDecoder;
use crate::encode;
use crate::error::DecodeError;
use crate::frame::{Frame, FrameType, Role};
use crate::limits::Limits;
use crate::window::EncodedWindow;
use bytes::BytesMut;
use std::error::Error;
use std::{fmt, io};
use tokio_util::codec::{Decoder, Encoder};

/// Frames for `tokio_util::codec::Framed`.
///
/// It reads and writes single frames, and writes whole windows as [`EncodedWindow`]s; the rules of
/// windows and acknowledgements are in the sessions. A compressed frame is read as a begin, what it
/// holds, and an end; it cannot be written in parts.
///
/// A server that acknowledges each window when it is full, a client that sends one:
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use lumberjack_codec::{Frame, FrameCodec, FrameCodecError, Limits, Role, Version, WindowEncoder};
/// use tokio::io::{AsyncRead, AsyncWrite};
/// use tokio_util::codec::Framed;
///
/// async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<u32, FrameCodecError> {
///     let mut frames = Framed::new(stream, FrameCodec::new(Role::Server, Limits::new()));
///     let (mut missing, mut last, mut total) = (0, None, 0);
///     while let Some(frame) = frames.next().await {
///         match frame? {
///             Frame::Window { size, .. } => missing = size,
///             Frame::Json { version, sequence, .. } | Frame::Data { version, sequence, .. } => {
///                 (missing, last, total) = (missing.saturating_sub(1), Some((version, sequence)), total + 1);
///             }
///             Frame::CompressedBegin { .. } | Frame::CompressedEnd { .. } | Frame::Ack { .. } => {}
///         }
///         // Inside a compressed frame, only its end tells that the events were right.
///         if missing == 0
///             && !frames.codec().in_compressed()
///             && let Some((version, sequence)) = last.take()
///         {
///             frames.send(Frame::Ack { version, sequence }).await?;
///         }
///     }
///     Ok(total)
/// }
///
/// async fn send(stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Option<Frame>, FrameCodecError> {
///     let codec = FrameCodec::new(Role::Client(Version::V2), Limits::new());
///     let mut frames = Framed::new(stream, codec);
///     frames.send(WindowEncoder::new(3).encode(["{}", "[]"]).unwrap()).await?;
///     frames.next().await.transpose()
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (client, server) = tokio::io::duplex(64);
/// let (answer, events) = tokio::join!(send(client), serve(server));
/// assert_eq!(answer.unwrap(), Some(Frame::Ack { version: Version::V2, sequence: 2 }));
/// assert_eq!(events.unwrap(), 2);
/// # });
/// ```
#[derive(Debug)]
pub struct FrameCodec {
    decoder: FrameDecoder,
}

impl FrameCodec {
    /// A codec for one end of a connection.
    #[must_use]
    pub fn new(role: Role, limits: Limits) -> Self {
        Self { decoder: FrameDecoder::new(role, limits) }
    }

    /// Whether the last frame came from inside a compressed frame that has not ended: events of it are
    /// not verified yet.
    #[must_use]
    pub const fn in_compressed(&self) -> bool {
        self.decoder.in_compressed()
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = FrameCodecError;

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FrameCodecError> {
        self.decoder.decode(input).map_err(FrameCodecError::Decode)
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FrameCodecError> {
        match self.decode(input)? {
            Some(frame) => Ok(Some(frame)),
            None if input.is_empty() && self.decoder.at_boundary() => Ok(None),
            None => Err(FrameCodecError::Io(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

impl Encoder<Frame> for FrameCodec {
    type Error = FrameCodecError;

    fn encode(&mut self, frame: Frame, out: &mut BytesMut) -> Result<(), FrameCodecError> {
        let fits = |length: usize| u32::try_from(length).is_ok();
        match frame {
            Frame::Ack { version, sequence } => encode::ack(version, sequence, out),
            Frame::Window { version, size } => encode::window(version, size, out),
            Frame::Json { version, sequence, payload } => {
                if payload.is_empty() || !fits(payload.len()) {
                    return Err(FrameCodecError::Unencodable(FrameType::Json));
                }
                encode::json(version, sequence, &payload, out);
            }
            Frame::Data { version, sequence, pairs } => {
                let items_fit = pairs.iter().all(|(key, value)| fits(key.len()) && fits(value.len()));
                if pairs.is_empty() || !fits(pairs.len()) || !items_fit {
                    return Err(FrameCodecError::Unencodable(FrameType::Data));
                }
                encode::data(version, sequence, &pairs, out);
            }
            Frame::CompressedBegin { .. } | Frame::CompressedEnd { .. } => {
                return Err(FrameCodecError::Unencodable(FrameType::Compressed));
            }
        }
        Ok(())
    }
}

impl Encoder<EncodedWindow> for FrameCodec {
    type Error = FrameCodecError;

    /// Writes the window frame and its events; an empty window writes nothing.
    fn encode(&mut self, window: EncodedWindow, out: &mut BytesMut) -> Result<(), FrameCodecError> {
        if u32::try_from(window.bytes().len()).is_err() {
            return Err(FrameCodecError::Unencodable(FrameType::Compressed));
        }
        window.write_to(out);
        Ok(())
    }
}

/// Why a [`FrameCodec`] failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameCodecError {
    /// The peer's bytes are wrong.
    Decode(DecodeError),
    /// The connection failed, or ended inside a frame.
    Io(io::Error),
    /// A frame that must not be written: an event without content or of 4 GiB, or part of a
    /// compressed frame.
    Unencodable(FrameType),
}

impl fmt::Display for FrameCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(_) => f.write_str("peer sent no valid frame"),
            Self::Io(_) => f.write_str("connection failed"),
            Self::Unencodable(frame) => write!(f, "{frame:?} frame without content, too long, or in parts"),
        }
    }
}

impl Error for FrameCodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Unencodable(_) => None,
        }
    }
}

impl From<io::Error> for FrameCodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

use crate::decoder::FrameDecoder;
use crate::encode;
use crate::error::DecodeError;
use crate::frame::{Frame, FrameType, Role};
use crate::limits::Limits;
use bytes::BytesMut;
use std::error::Error;
use std::{fmt, io};
use tokio_util::codec::{Decoder, Encoder};

/// Frames for `tokio_util::codec::Framed`.
///
/// It reads and writes single frames; the rules of windows and acknowledgements are in the
/// sessions. Compressed frames are read, but not written: use
/// [`EncodedWindow::write_to`](crate::EncodedWindow::write_to).
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
        match frame {
            Frame::Ack { version, sequence } => encode::ack(version, sequence, out),
            Frame::Window { version, size } => encode::window(version, size, out),
            Frame::Json { version, sequence, payload } => {
                if payload.is_empty() {
                    return Err(FrameCodecError::Unencodable(FrameType::Json));
                }
                encode::json(version, sequence, &payload, out);
            }
            Frame::Data { version, sequence, pairs } => {
                if pairs.is_empty() {
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

/// Why a [`FrameCodec`] failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrameCodecError {
    /// The peer's bytes are wrong.
    Decode(DecodeError),
    /// The connection failed, or ended inside a frame.
    Io(io::Error),
    /// A frame that must not be written: an event without content, or part of a compressed frame.
    Unencodable(FrameType),
}

impl fmt::Display for FrameCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(_) => f.write_str("peer sent no valid frame"),
            Self::Io(_) => f.write_str("connection failed"),
            Self::Unencodable(frame) => write!(f, "{frame:?} frame without content, or in parts"),
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

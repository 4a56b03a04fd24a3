//! What the formatters write, read back by another JSON library.

mod documents;
#[cfg(feature = "log")]
mod log;
mod names;
mod properties;
mod rig;
#[cfg(feature = "tracing")]
mod tracing;
mod values;

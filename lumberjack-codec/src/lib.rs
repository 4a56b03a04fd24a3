//! lumberjack-codec

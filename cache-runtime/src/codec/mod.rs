//! Codecs: how a value becomes the payload of a frame.

mod compression;
mod shape;

pub use self::compression::Compression;
pub(crate) use self::compression::{Unpacked, unpack};
pub(crate) use self::shape::fingerprint;

use serde::{Serialize, de::DeserializeOwned};

/// What a cached function may return: cloned on a hit, serialized into the store, read back from it.
///
/// Implemented for every type that has what it needs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "this value would have to be stored",
    note = "a cached value is `Serialize + DeserializeOwned + Clone + Send + Sync + 'static`"
)]
pub trait Value: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Value for T {}

/// A value that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(Box<dyn std::error::Error + Send + Sync>);

impl CodecError {
    /// Wraps what the serializer said.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// How values become bytes (`codec = ..`).
///
/// # Examples
/// ```
/// use cache_runtime::codec::{Codec, CodecError};
///
/// /// JSON that a person can read in the store.
/// struct Pretty;
///
/// impl Codec for Pretty {
///     const ID: u8 = 64;
///     fn encode<V: serde::Serialize>(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError> {
///         serde_json::to_writer_pretty(out, value).map_err(CodecError::new)
///     }
///     fn decode<V: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
///         serde_json::from_slice(bytes).map_err(CodecError::new)
///     }
/// }
/// ```
pub trait Codec: 'static {
    /// Stands in the frame; an entry written by another codec is a miss. Ids below 64 belong to this library.
    const ID: u8;

    /// Appends `value` to `out`.
    fn encode<V: Serialize>(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Reads a value from all of `bytes`.
    fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError>;
}

/// JSON, the default.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl Codec for Json {
    const ID: u8 = 1;

    fn encode<V: Serialize>(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(out, value).map_err(CodecError::new)
    }

    fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::new)
    }
}

/// Postcard: small and fast, not self-describing; the frame's schema keeps it from reading another type's bytes.
#[cfg(feature = "postcard")]
#[derive(Debug, Clone, Copy)]
pub struct Postcard;

#[cfg(feature = "postcard")]
impl Codec for Postcard {
    const ID: u8 = 2;

    fn encode<V: Serialize>(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError> {
        postcard::to_io(value, out).map(drop).map_err(CodecError::new)
    }

    fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
        match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err(CodecError::new("trailing bytes")),
            Err(error) => Err(CodecError::new(error)),
        }
    }
}

/// `MessagePack` with field names.
#[cfg(feature = "msgpack")]
#[derive(Debug, Clone, Copy)]
pub struct MsgPack;

#[cfg(feature = "msgpack")]
impl Codec for MsgPack {
    const ID: u8 = 3;

    fn encode<V: Serialize>(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError> {
        rmp_serde::encode::write_named(out, value).map_err(CodecError::new)
    }

    fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Result<V, CodecError> {
        rmp_serde::from_slice(bytes).map_err(CodecError::new)
    }
}

//! A safe Rust API over libavif: encodes a [`model::PlanarImage`], or a sequence of them, to AVIF bytes with
//! [`Settings`], and decodes AVIF bytes.
//!
//! A Cargo feature selects the libavif library. `bundled` (default) compiles libavif and libaom and links them
//! statically. `system` dynamically links the libavif that pkg-config finds; SVT-AV1 is available if that libavif
//! includes it. [`library`] returns the libavif that this program uses.
//!
//! **Architecture invariant:** this crate contains no policy. The caller chooses codec, depth, quantizer and codec
//! options; this crate passes these settings to libavif. All unsafe code of the crate is in `native`.

mod attachments;
pub mod boxes;
mod codec;
mod decode;
mod encode;
mod error;
mod file;
mod gain_map;
mod library;
mod native;
mod playback;
mod quantizer;
mod sequence;
mod settings;
mod timestamps;

pub use attachments::Attachments;
pub use codec::Codec;
pub use decode::{decode, header, pixels};
pub use encode::encode;
pub use error::Error;
pub use file::{Aperture, DecodedFile, Header, Orientation, Pixels};
pub use gain_map::{GainMap, GainMapChannel, GainMapMetadata, SignedFraction, UnsignedFraction, can_write_gain_maps};
pub use library::{IS_BUNDLED, Library, can_encode_with, library, quantizer_step};
pub use native::malloc::use_one_malloc_arena;
pub use native::svt_log::silence_svt_av1;
pub use playback::Playback;
pub use quantizer::{Quantizer, QuantizerStep};
pub use sequence::SequenceEncoder;
pub use settings::{CodecOption, Settings};

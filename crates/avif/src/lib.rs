//! Safe, owning handles over libavif: a [`model::PlanarImage`], or several in a row, and [`Settings`] in, AVIF bytes out, and
//! back.
//!
//! Which libavif is a Cargo feature: `bundled` (default) compiles libavif and libaom and links them statically; `system`
//! takes the one pkg-config finds, dynamically, and its SVT-AV1 where it has that. [`library`] says which it became.
//!
//! **Architecture invariant:** no policy. It encodes what it is told to, with the options that suit the codec at hand.
//! All unsafe code of the workspace is in `native`.

mod decode;
mod encode;
mod error;
mod gain_map;
mod library;
mod native;
mod process;
mod quantizer;
mod sequence;
mod settings;
mod undate;
mod widen;

pub use decode::{Aperture, Decoded, Header, Orientation, Pixels, decode, header, pixels};
pub use encode::{Attached, encode, quantizer_step};
pub use error::Error;
pub use gain_map::{Channel, Gain, GainMap, Signed, Unsigned, writes_gain_maps};
pub use library::{Library, library};
pub use process::{quiet_encoders, share_memory};
pub use quantizer::{Quantizer, Step};
pub use sequence::{Playback, Sequence};
pub use settings::{
    Content, Settings, bytes_per_pixel, may_prefer_ten_bits, prefers_ten_bits, sequence_bytes_per_pixel,
};
pub use widen::to_ten_bits;

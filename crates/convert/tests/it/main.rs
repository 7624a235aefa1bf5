//! Converts complete files to AVIF and decodes the variants with an independent decoder, the `avifdec` of the libavif
//! that is installed on the system.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alpha;
mod animation;
mod animation_fixtures;
mod avif_boxes;
mod avif_source;
mod avif_tools;
mod bmp;
mod bmp_fixtures;
mod chroma;
mod color;
mod color_mode;
mod color_profile;
mod copyright;
mod crop;
mod damaged_files;
mod fixtures;
mod formats;
mod gain_map;
mod gif;
mod hdr;
#[cfg(feature = "heic")]
mod heic;
#[cfg(feature = "heic")]
#[allow(dead_code, reason = "the fuzz targets use the list of examples")]
mod heic_fixtures;
mod hostile_files;
mod icc;
mod jpeg;
mod malformed_avif;
mod metadata;
mod metadata_removal;
mod orientation;
mod output_formats;
mod png;
mod search;
mod tiff;
mod tiff_errors;
mod tiff_fixtures;
mod tiff_kinds;
mod tiff_layout;
mod truncated_files;
mod variants;
mod webp;

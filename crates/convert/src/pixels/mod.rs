//! Pixels and planes: their classification, their size, their depth and their chroma.

pub(crate) mod alpha;
pub(crate) mod background;
pub(crate) mod chroma_detail;
pub(crate) mod content;
pub(crate) mod decoded_avif;
pub(crate) mod framing;
pub(crate) mod full_chroma;
pub(crate) mod planes;
pub(crate) mod resize;
pub(crate) mod source_pixels;
pub(crate) mod ten_bits;
pub(crate) mod transparent_rows;
pub(crate) mod ycbcr;
